"""The manifest: one table, one row per image. Every step of the project takes its rows and returns rows.

Columns (all text):

``image_id``        unique and the same on every machine: ``<source>/<path below the data set's folder>``
``path``            where the file lies on this machine
``label``           class name, e.g. ``bacterial``
``patient_id``      the unit of splitting; images of one patient never part
``source``          the data set it comes from, e.g. ``kermany``; ``synthetic-kermany`` for phantoms in its layout
``official_split``  ``train``, ``val``, ``test`` or empty
``content``         (added by `add_content`) digest of the file's bytes
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from pxr_tf.errors import PxrError, shorten
from pxr_tf.runs import digest_file

COLUMNS = ("image_id", "path", "label", "patient_id", "source", "official_split")
SYNTHETIC = "synthetic"
PHANTOM_FILE = "phantom.json"  # its presence in a data set's folder says that the images are synthetic


def make_manifest(rows: Iterable[Mapping[str, str]]) -> pd.DataFrame:
    """Return the rows as a validated table, sorted by image id."""
    table = pd.DataFrame(list(rows), columns=[*COLUMNS]).astype(object).fillna("").astype(str)
    validate_manifest(table)
    return table.sort_values("image_id", ignore_index=True)


def validate_manifest(table: pd.DataFrame) -> None:
    """Raise `PxrError` where a column is missing, an id or a label is empty, or an image id occurs twice."""
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        raise PxrError(
            f"The manifest has the columns {shorten(table.columns, 20)}; {shorten(missing)} is missing. "
            f"Needed: {', '.join(COLUMNS)}."
        )
    for column in ("image_id", "path", "label", "patient_id", "source"):
        empty = table.index[table[column] == ""]
        if len(empty):
            raise PxrError(f"The manifest's row {empty[0]} has an empty {column}; every image needs one.")
    twice = table.image_id[table.image_id.duplicated()]
    if len(twice):
        raise PxrError(
            f"{len(twice)} image ids occur twice in the data ({shorten(twice, 3)}); each image needs its own."
        )


def read_manifest(path: Path) -> pd.DataFrame:
    """Read a manifest that `runs.write_csv` wrote; every column is text."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def add_content(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with a ``content`` column: the first 128 bits of SHA-256 of each file's bytes, in hexadecimal.

    A file that is empty or cannot be read gets a content of its own (``unreadable:<image id>``), so that two such
    files are never taken for copies of one picture.
    """
    with ThreadPoolExecutor(max(2, os.cpu_count() or 1)) as pool:
        digests = list(pool.map(_digest_file, table.path))
    content = [digest or f"unreadable:{image_id}" for digest, image_id in zip(digests, table.image_id, strict=True)]
    return table.assign(content=content)


def _digest_file(path: str) -> str:
    try:
        return digest_file(Path(path)) if os.path.getsize(path) else ""
    except OSError:
        return ""


def merge_patients(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with one patient id for all patients who share an image's content (the alphabetically first)."""
    parent = {patient: patient for patient in table.patient_id}

    def find(patient: str) -> str:
        while parent[patient] != patient:
            parent[patient] = parent[parent[patient]]
            patient = parent[patient]
        return patient

    for _, patients in table[table.content.duplicated(keep=False)].groupby("content").patient_id:
        first, *others = sorted({find(patient) for patient in patients})
        for other in others:
            parent[other] = first
    roots: dict[str, str] = {}
    for patient in sorted(parent):
        roots.setdefault(find(patient), patient)
    return table.assign(patient_id=[roots[find(patient)] for patient in table.patient_id])


def drop_duplicates(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (kept, dropped): one row per content, the one with the first image id.

    Copies that carry different labels contradict each other; all of them are dropped, for none can be scored.
    """
    labels_per_content = table.groupby("content").label.transform("nunique")
    dropped = table.content.duplicated() | (labels_per_content > 1)
    return table[~dropped].reset_index(drop=True), table[dropped].reset_index(drop=True)


def keep_classes(table: pd.DataFrame, classes: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (kept, left out) by label; raise `PxrError` where one of the classes has no image."""
    counts = table.label.value_counts()
    empty = [name for name in classes if name not in counts]
    if empty:
        found = ", ".join(f"{name} ({count})" for name, count in counts.items()) or "none"
        raise PxrError(
            f"No image of class {shorten(empty)} in the data; classes found: {found}. The experiment needs "
            f"{', '.join(classes)}: add a data set that has them (DATA=a,b)."
        )
    kept = table.label.isin(classes)
    return table[kept].reset_index(drop=True), table[~kept].reset_index(drop=True)


def is_synthetic(table: pd.DataFrame) -> bool:
    """Return whether any image of the table is a phantom."""
    return bool(table.source.str.startswith(SYNTHETIC).any())
