"""Notes for people on DICOM files: whether they say who the patient is, and whether text is part of the picture."""

from collections.abc import Iterable
from typing import NamedTuple

from pxr_tf.errors import count_words, shorten
from pxr_tf.files import open_regular
from pxr_tf.pictures.dicom import read_data_set, spacing_of
from pxr_tf.pictures.unreadable import UnreadableImageError, explained
from pxr_tf.sets.file_kinds import DICOM_START, is_dicom

# Of the tags that name a patient, those that nearly every hospital fills (PS3.15, table E.1-1, has all).
IDENTITY = ("PatientName", "PatientID", "PatientBirthDate", "OtherPatientIDs", "PatientAddress", "AccessionNumber")


class FilmFacts(NamedTuple):
    """What a DICOM file says; no value of a tag that names somebody is kept."""

    identity: tuple[str, ...]  # the tags of `IDENTITY` that have a value
    burnt_in: bool  # whether text in the picture may name the patient
    spacing: float | None  # millimetres between pixels


def read_film_facts(path: str) -> FilmFacts | None:
    """Return what a file says; None if it is not DICOM, or cannot be read."""
    try:
        with explained("damaged DICOM"), open_regular(path) as file:
            if not is_dicom(file.read(DICOM_START)):
                return None
            file.seek(0)
            ds = read_data_set(file, pixels=False)
            removed = ds.get("PatientIdentityRemoved") == "YES"
            named = () if removed else tuple(name for name in IDENTITY if ds.get(name))
            return FilmFacts(named, ds.get("BurnedInAnnotation") == "YES", spacing_of(ds))
    except UnreadableImageError:
        return None


def describe_films(paths: Iterable[str]) -> list[str]:
    """Return notes on the DICOM files among these: identity, burnt-in text, and pixel spacing."""
    films = [facts for path in paths if (facts := read_film_facts(path)) is not None]
    named, burnt = [film for film in films if film.identity], sum(film.burnt_in for film in films)
    sizes = sorted({round(film.spacing, 4) for film in films if film.spacing})
    of, notes = f"of {count_words(len(films), 'DICOM file')}", []
    if named:
        tags = [name for name in IDENTITY if any(name in film.identity for film in named)]
        notes.append(
            f"{len(named):,} {of} may say who the patient is ({shorten(tags)}). No such value is written to a result, "
            "but paths are. pxr explain --anonymise writes copies without identity."
        )
    if burnt:
        notes.append(f"{burnt:,} {of} say that text is burnt into the picture. A model may read it, and people can.")
    if sizes:
        ends = f"{sizes[0]:g} mm" if len(sizes) == 1 else f"{sizes[0]:g} to {sizes[-1]:g} mm"
        notes.append(f"{sum(film.spacing is not None for film in films):,} {of} say the distance of pixels: {ends}.")
    return notes
