"""A CSV with our own columns, ``path,label[,…]``, or a folder that holds one as ``manifest.csv``."""

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from pxr_tf.data.manifest import COLUMNS
from pxr_tf.errors import PxrError, nearest, shorten
from pxr_tf.sets.rows import SPLITS, Row, normalise_label
from pxr_tf.sets.tables import read_table, require_files

TABLE = "manifest.csv"
REQUIRED = ("path", "label")
IGNORED = ("content",)  # a run's own manifest.csv has it; it is computed anew from the files


def recognise(root: Path) -> bool:
    """Return whether `root` is a CSV file or a folder that holds ``manifest.csv``."""
    return root.suffix.lower() == ".csv" if root.is_file() else (root / TABLE).is_file()


def read(root: Path) -> list[Row]:
    """Return the rows of a CSV with our own columns: ``path`` and ``label``, and optionally the manifest's others.

    Paths are relative to the CSV. Defaults: the source is the file's name (the folder's for ``manifest.csv``), the
    image id ``<source>/<path>``, every image its own patient. Raises `PxrError` for a column or a split that is not
    known, an empty path or label, and a file that does not exist.
    """
    path = root if root.is_file() else root / TABLE
    name = path.parent.name if path.name == TABLE else path.stem
    table = read_table(path, REQUIRED)
    _check_columns(path, table.columns)
    rows = [
        _make_row(path, line, record, unicodedata.normalize("NFC", name))
        for line, record in enumerate(table.to_dict("records"), start=2)
    ]
    require_files(rows, path)
    return rows


def _make_row(path: Path, line: int, record: dict[str, str], name: str) -> Row:
    empty = [column for column in REQUIRED if not record[column]]
    if empty:
        raise PxrError(
            f"{path}, line {line}: the {empty[0]} is empty; every image needs a path and a label. Fill it in."
        )
    split = record.get("official_split", "").lower()
    if split and split not in SPLITS:
        raise PxrError(
            f"{path}, line {line}: official_split is {split!r}; accepted: train, val, test or empty. Change it."
        )
    source = record.get("source") or name
    default_id = f"{source}/{Path(record['path']).as_posix().lstrip('/')}"
    image_id = unicodedata.normalize("NFC", record.get("image_id") or default_id)
    return {
        "image_id": image_id,
        "path": os.path.normpath(path.parent / record["path"]),
        "label": normalise_label(record["label"]),
        "patient_id": unicodedata.normalize("NFC", record.get("patient_id") or image_id),
        "source": source,
        "official_split": SPLITS.get(split, ""),
    }


def _check_columns(path: Path, columns: Iterable[str]) -> None:
    unknown = [column for column in columns if column not in (*COLUMNS, *IGNORED)]
    if unknown:
        raise PxrError(
            f"{path} has the unknown columns {shorten(unknown)}; accepted: {', '.join(REQUIRED)} and optionally "
            f"{', '.join(column for column in COLUMNS if column not in REQUIRED)}. Rename or remove them."
            + nearest(unknown[0], COLUMNS)
        )
