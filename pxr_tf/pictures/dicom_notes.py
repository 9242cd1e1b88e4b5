"""What a set of DICOM files says: its patients, and notes on names, views and burnt-in text. No value is kept."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from pxr_tf.errors import count_words, shorten
from pxr_tf.files import open_regular
from pxr_tf.pictures.dicom import contradicting, read_data_set, spacing_of
from pxr_tf.pictures.unreadable import UnreadableImageError, explained
from pxr_tf.sets.file_kinds import DICOM_START, is_dicom
from pxr_tf.sets.tables import NO_PATIENT

# Of the tags that name a patient, those that nearly every hospital fills (PS3.15, table E.1-1, has all).
IDENTITY = ("PatientName", "PatientID", "PatientBirthDate", "OtherPatientIDs", "PatientAddress", "AccessionNumber")


class FilmFacts(NamedTuple):
    """What a DICOM file says. Only `patient` is a value that names somebody; no table or message has it."""

    patient: str  # PatientID, "" if it names nobody
    identity: tuple[str, ...]  # the tags of `IDENTITY` that have a value
    against: tuple[str, ...]  # `dicom.contradictions`
    burnt_in: bool  # whether text in the picture may name the patient
    spacing: float | None  # millimetres between pixels


def read_film_facts(path: str) -> FilmFacts | None:
    """Return what a file says; None if it is not DICOM, or cannot be read."""
    try:
        with explained("damaged DICOM", values=False), open_regular(path) as file:
            if not is_dicom(file.read(DICOM_START)):
                return None
            file.seek(0)
            ds = read_data_set(file, pixels=False)
            removed = ds.get("PatientIdentityRemoved") == "YES"
            named = () if removed else tuple(name for name in IDENTITY if ds.get(name))
            patient = str(ds.get("PatientID") or "").strip()
            patient = "" if patient.casefold() in NO_PATIENT else patient
            burnt_in = ds.get("BurnedInAnnotation") == "YES"
            return FilmFacts(patient, named, tuple(contradicting(ds)), burnt_in, spacing_of(ds))
    except UnreadableImageError:
        return None


def read_films(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return (rows of a manifest with the patients that their DICOM files name, notes).

    Images of one source that have one PatientID become one patient, named by its first image, unless the data
    themselves name their patients.
    """
    films = [read_film_facts(path) for path in table.path]
    ids = pd.Series([film.patient if film else "" for film in films], table.index, dtype=object)
    said = (table.source + "/" + ids).where(ids != "", "")
    known = (table.patient_id == table.image_id) & (said != "")
    notes = describe_films(filter(None, films))
    if known.any():
        people = count_words(said[known].nunique(), "patient")
        notes.insert(0, f"{count_words(int(known.sum()), 'image')} of {people}, as PatientID in DICOM files says.")
        first = table[known].groupby(said[known]).image_id.transform("min")
        table = table.assign(patient_id=first.reindex(table.index).fillna(table.patient_id))
    return table, notes


def describe_films(films: Iterable[FilmFacts]) -> list[str]:
    """Return notes on DICOM files: identity, words against a frontal film, burnt-in text, spacing."""
    films = list(films)
    named, burnt = [film for film in films if film.identity], sum(film.burnt_in for film in films)
    sizes = sorted({round(film.spacing, 4) for film in films if film.spacing})
    of, notes = f"of {count_words(len(films), 'DICOM file')}", []
    if named:
        tags = [name for name in IDENTITY if any(name in film.identity for film in named)]
        notes.append(
            f"{len(named):,} {of} may say who the patient is ({shorten(tags)}). No such value is written to a result, "
            "but paths are. pxr explain --anonymise writes copies without identity."
        )
    if any(film.against for film in films):
        words = Counter(word for film in films for word in film.against).most_common()
        found = shorten((f"{word}: {number:,}" for word, number in words), separator="; ")
        count = sum(map(bool, (film.against for film in films)))
        notes.append(f"{count:,} {of} speak against one upright, frontal chest X-ray ({found}).")
    if burnt:
        notes.append(f"{burnt:,} {of} say that text is burnt into the picture. A model may read it, and people can.")
    if sizes:
        ends = f"{sizes[0]:g} mm" if len(sizes) == 1 else f"{sizes[0]:g} to {sizes[-1]:g} mm"
        notes.append(f"{sum(film.spacing is not None for film in films):,} {of} say the distance of pixels: {ends}.")
    return notes
