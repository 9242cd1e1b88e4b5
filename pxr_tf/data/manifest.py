"""The manifest: one table, one row per image. Every step of the project takes rows and returns rows.

Columns (all text):

``image_id``        unique and the same on every machine: ``<source>/<path below the data set's folder>``
``path``            where the file is on this machine
``label``           class name, e.g. ``bacterial``
``patient_id``      the unit of splitting; all images of a patient stay together
``source``          the data set it comes from, e.g. ``kermany``; ``synthetic-kermany`` for phantoms in its layout
``official_split``  ``train``, ``val``, ``test`` or empty
``view``            (optional) how the X-ray was taken, in lower case: ``pa``, ``ap supine``
``sex``             (optional) ``female``, ``male`` or empty
``age``             (optional) years from 0 to 120, as the data say: ``65``, ``0.5`` or empty
``content``         (added by `patients.add_content`) digest of the file's bytes
``stamp``           (added with it, never saved) changes whenever the file does

A table has an optional column only if an image has a value in it. No digest, split or sample depends on these columns.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from pxr_tf import files
from pxr_tf.errors import PxrError, shorten

MANIFEST_COLUMNS = ("image_id", "path", "label", "patient_id", "source", "official_split")
OPTIONAL_COLUMNS = ("view", "sex", "age")
SYNTHETIC = "synthetic"
PHANTOM_FILE = "phantom.json"  # if a data set's folder has this file, its images are synthetic


def make_manifest(rows: Iterable[Mapping[str, str]]) -> pd.DataFrame:
    """Return the rows as a validated table, sorted by image id; raise `PxrError` for faults or names not in UTF-8."""
    rows = list(rows)
    _check_encoding(rows)
    table = pd.DataFrame(rows, columns=[*MANIFEST_COLUMNS, *OPTIONAL_COLUMNS]).astype(object).fillna("").astype(str)
    table = table[[*MANIFEST_COLUMNS, *known_details(table)]]
    validate_manifest(table)
    return table.sort_values("image_id", ignore_index=True)


def known_details(table: pd.DataFrame) -> list[str]:
    """Return the optional columns in which at least one image of the table has a value."""
    return [name for name in OPTIONAL_COLUMNS if name in table and (table[name] != "").any()]


def _check_encoding(rows: Iterable[Mapping[str, str]]) -> None:
    """Raise `PxrError` for a value that is not UTF-8; pandas may fail to hold one, so check before building a table."""
    for row in rows:
        for value in map(str, row.values()):
            try:
                value.encode()
            except UnicodeEncodeError as error:
                name = value.encode("utf-8", "backslashreplace").decode()
                raise PxrError(
                    f"The name {name} is not UTF-8; accepted: names of files and folders in UTF-8. Rename it; for a "
                    "whole folder use, for example, convmv -r -f latin1 -t utf8."
                ) from error


def validate_manifest(table: pd.DataFrame) -> None:
    """Raise `PxrError` if a column is missing, an id or a label is empty, or an image id occurs twice."""
    missing = [column for column in MANIFEST_COLUMNS if column not in table.columns]
    if missing:
        raise PxrError(
            f"The manifest lacks {shorten(missing)}; its columns are {shorten(table.columns, 20)}. "
            f"Needed: {', '.join(MANIFEST_COLUMNS)}."
        )
    for column in ("image_id", "path", "label", "patient_id", "source"):
        empty = table.index[table[column] == ""]
        if len(empty):
            raise PxrError(f"Row {empty[0]} of the manifest has an empty {column}; every image needs one.")
    twice = table.image_id[table.image_id.duplicated()]
    if len(twice):
        raise PxrError(
            f"Image ids that occur twice in the data: {len(twice)} ({shorten(twice, 3)}); each image needs its own."
        )


def read_manifest(path: Path) -> pd.DataFrame:
    """Read a manifest that `files.write_csv` wrote; every column is text. Raises `PxrError`."""
    return files.read_csv(path, (*MANIFEST_COLUMNS, "content"), remedy=files.DELETE_RUN)


def is_synthetic(table: pd.DataFrame) -> bool:
    """Return whether any image of the table is a phantom."""
    return bool(table.source.str.startswith(SYNTHETIC).any())
