"""A gallery's sheets as DICOM: Secondary Captures, a new series of each film's study, and films without identity."""

import io
import shutil
import warnings
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from pxr_tf import files
from pxr_tf.errors import PxrError, one_line, shorten
from pxr_tf.galleries.conclusion import checked_words
from pxr_tf.galleries.sheet import Drawn, Sheet, draw_sheet
from pxr_tf.galleries.state import read_about
from pxr_tf.galleries.tables import CHECKS_TABLE, EXPLAINED_TABLE
from pxr_tf.galleries.write import NOTICE, WrittenGallery, make_sheet
from pxr_tf.pictures.decode import read_header
from pxr_tf.pictures.dicom import INSTALL, read_data_set
from pxr_tf.pictures.unreadable import UnreadableImageError
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.sets.file_kinds import DICOM

if TYPE_CHECKING:
    from dicognito.anonymizer import Anonymizer
    from pydicom import DataElement, Dataset

CAPTURES = "dicom"  # folder in a gallery
SERIES = 9900  # the series' number: above those of devices
_SERIES_TITLE = "Research only: what a model looked at"
_ANONYMOUS = "picture without identity"
_TEXTS = ("LT", "ST", "UT", "UC", "UR")  # value representations of free text, which may name a person


def find_films(table: pd.DataFrame) -> dict[str, str]:
    """Return image id -> path of the pictures that are DICOM files; raise `PxrError` if there are none."""
    if any(find_spec(name) is None for name in ("pydicom", "highdicom", "dicognito")):
        raise PxrError(f"{INSTALL}.")
    films = {row.image_id: row.path for row in table.itertuples() if _is_film(row.path)}
    if not films:
        raise PxrError(
            f"--dicom and --anonymise need a DICOM picture; received {shorten(table.path, 2)}. Name a DICOM file, or "
            "leave these options out."
        )
    return films


def write_captures(run: FinishedRun, folder: Path, films: Mapping[str, str], *, anonymise: bool) -> Path:
    """Write a finished gallery's sheets of these films as Secondary Captures; return their folder.

    ``1-capture.dcm`` is the first film's: it belongs to the film's study and refers to the film. With `anonymise` the
    study is another one, without identity, and ``1-film.dcm`` is the film in it. Raises `PxrError` for a film without
    what a study needs.
    """
    place, key = folder / CAPTURES, read_about(folder).get("key", "")
    sheets = _make_sheets(run, folder, films, anonymise=anonymise)
    anonymizer = _make_anonymizer() if anonymise else None
    with files.written_whole(place) as partial, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # highdicom's on names, which they repeat
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        for number, (path, sheet) in enumerate(zip(films.values(), sheets, strict=True), 1):
            try:
                film = read_data_set(io.BytesIO(Path(path).read_bytes()), pixels=True)
                if anonymizer is not None:
                    remove_identity(film, anonymizer)
                    _save(film, partial / f"{number}-film.dcm")
                capture = make_capture(film, sheet, key, number, named=not anonymise)
                capture.ImageComments = _warnings_of(run)
                _save(capture, partial / f"{number}-capture.dcm")
            except (AttributeError, TypeError, ValueError, UnreadableImageError) as error:
                raise PxrError(f"{path} cannot become a Secondary Capture: {one_line(error)}. Leave it out.") from error
        shutil.rmtree(place, ignore_errors=True)
    return place


def _make_sheets(run: FinishedRun, folder: Path, films: Mapping[str, str], *, anonymise: bool) -> Iterator[Sheet]:
    """Yield the sheet of each film, from the gallery's files; with `anonymise`, it names no file."""
    table = files.read_csv(folder / EXPLAINED_TABLE, ("image_id", "method"), lambda name: "p_" in name[:7])
    checked = checked_words(files.read_csv(folder / CHECKS_TABLE, ("method", "state")))
    for name in films:
        rows = table[table.image_id == name]
        rows = rows.assign(image_id=_ANONYMOUS, copy_of="") if anonymise else rows
        yield make_sheet(rows, WrittenGallery(folder), checked, run.info)


def make_capture(film: "Dataset", sheet: Sheet, key: str, number: int, *, named: bool) -> "Dataset":
    """Return a sheet as a Secondary Capture in the film's study. The same film and `key` give the same UIDs.

    `named`: whether the sheet may name the patient, as a file name may.
    """
    from highdicom.sc import SCImage
    from pydicom import Dataset
    from pydicom.uid import generate_uid

    capture = SCImage.from_ref_dataset(
        film,
        pixel_array=draw_sheet(sheet),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "F"),
        series_instance_uid=generate_uid(entropy_srcs=[film.StudyInstanceUID, key]),
        series_number=SERIES,
        sop_instance_uid=generate_uid(entropy_srcs=[film.SOPInstanceUID, key, "capture"]),
        instance_number=number,
        manufacturer="pxr_tf",
        software_versions=f"gallery {key}",
        series_description=_SERIES_TITLE,
        content_qualification="RESEARCH",
    )
    capture.PatientOrientation = ""  # of a page with several panels
    capture.BurnedInAnnotation = "YES" if named or film.get("BurnedInAnnotation") != "NO" else "NO"
    words = [NOTICE.rstrip("."), *sheet.facts, *sheet.notes, *map(_describe, sheet.maps)]
    capture.DerivationDescription = "; ".join(words)[:1024]  # the most that the tag holds
    source = Dataset()
    source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID = film.SOPClassUID, film.SOPInstanceUID
    capture.SourceImageSequence = [source]
    return capture


def _warnings_of(run: FinishedRun) -> str:
    return " ".join(warning.text for warning in run.info.warnings)[:10_240]  # the same


def remove_identity(film: "Dataset", anonymizer: "Anonymizer") -> None:
    """Replace names, ids, dates and UIDs of a film; remove private elements, free texts, overlays and the preamble."""
    from pydicom.dataset import FileMetaDataset

    film.remove_private_tags()
    film.walk(_remove_text)
    film.preamble = bytes(128)
    syntax, film.file_meta = film.file_meta.TransferSyntaxUID, FileMetaDataset()
    film.file_meta.TransferSyntaxUID = syntax
    anonymizer.anonymize(film)


def _make_anonymizer() -> "Anonymizer":
    from dicognito.anonymizer import Anonymizer

    return Anonymizer()  # films of one study stay in one study


def _describe(drawn: Drawn) -> str:
    return f"{drawn.title} ({drawn.checked.words})"


def _save(ds: "Dataset", path: Path) -> None:
    import pydicom

    pydicom.dcmwrite(path, ds, enforce_file_format=True)


def _is_film(path: str) -> bool:
    try:
        return read_header(path).format == DICOM
    except UnreadableImageError:
        return False


def _remove_text(ds: "Dataset", element: "DataElement") -> None:
    told = element.keyword.endswith(("Description", "Comments", "SerialNumber"))
    if element.VR in _TEXTS or told or 0x6000 <= element.tag.group < 0x6100:
        del ds[element.tag]
