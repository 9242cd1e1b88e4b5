"""A CSV with our own columns, ``path,label[,…]``, or a folder that holds one as ``manifest.csv``."""

import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pxr_tf import files
from pxr_tf.data.manifest import MANIFEST_COLUMNS, OPTIONAL_COLUMNS
from pxr_tf.errors import PxrError, nearest, shorten
from pxr_tf.sets.rows import OFFICIAL_SPLITS, ManifestRow, normalise_label
from pxr_tf.sets.tables import NO_PATIENT, cell_of, read_details, read_table, require_files, require_value

if TYPE_CHECKING:
    import pandas as pd

TABLE = "manifest.csv"
FRAME = "frame"  # the source of images that were given as a data frame
REQUIRED = ("path", "label")
_OPTIONAL = tuple(column for column in (*MANIFEST_COLUMNS, *OPTIONAL_COLUMNS) if column not in REQUIRED)
IGNORED = ("content",)  # a run's own manifest.csv has it; it is recomputed from the files


def recognise(root: Path) -> bool:
    """Return whether `root` is a CSV file or a folder that holds ``manifest.csv``."""
    return root.suffix.lower() == ".csv" if root.is_file() else (root / TABLE).is_file()


def read(root: Path) -> list[ManifestRow]:
    """Return the rows of a CSV with our own columns: ``path`` and ``label``, and optionally the manifest's others.

    Paths are relative to the CSV. Defaults: the source is the file's name (the folder's for ``manifest.csv``), the
    image id ``<source>/<path>``, every image its own patient, also if the id is a word such as ``NA``. Raises
    `PxrError` for an unknown column or split, an empty path or label, and if no listed file exists.
    """
    path = root if root.is_file() else root / TABLE
    name = path.parent.name if path.name == TABLE else path.stem
    table = read_table(path, REQUIRED, _OPTIONAL)
    _check_columns(path, table.columns)
    rows = [_make_row(path, line, record, unicodedata.normalize("NFC", name)) for line, record in table.records]
    require_files([row["path"] for row in rows], path)
    return rows


def write(table: "pd.DataFrame", folder: Path) -> Path:
    """Write a data frame of our own columns as a CSV that `read` reads; return the file, named by its content.

    Relative paths are below the working directory. Without the column ``source``, the source is ``frame``. Raises
    `PxrError` for an unknown column.
    """
    missing = [column for column in REQUIRED if column not in table]
    if missing:
        raise PxrError(
            f"Received a data frame without the column {missing[0]}; accepted: {', '.join(REQUIRED)} and optionally "
            f"{', '.join(_OPTIONAL)}. Rename or add columns."
        )
    rows = table.assign(path=[os.path.abspath(os.path.expanduser(path)) for path in table["path"]])
    rows = (rows if "source" in rows else rows.assign(source=FRAME)).fillna("")
    file = folder / f"{FRAME}-{files.digest(rows.to_csv(index=False), size=8)}.csv"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        files.write_csv(file, rows)
    return file


def _make_row(path: Path, line: int, record: dict[str, str], name: str) -> ManifestRow:
    file = _find_file(path.parent, require_value(path, line, record, "path"), record["path"])
    label = require_value(path, line, record, "label")
    split = cell_of(record, "official_split").lower()
    if split and split not in OFFICIAL_SPLITS:
        raise PxrError(
            f"{path}, line {line}: official_split is {split!r}; accepted: train, val, test or empty. Change it."
        )
    source = cell_of(record, "source") or name
    default_id = f"{source}/{Path(file).as_posix().lstrip('/')}"
    image_id = unicodedata.normalize("NFC", cell_of(record, "image_id") or default_id)
    return {
        "image_id": image_id,
        "path": os.path.normpath(path.parent / file),
        "label": normalise_label(label),
        "patient_id": unicodedata.normalize("NFC", cell_of(record, "patient_id", NO_PATIENT) or image_id),
        "source": source,
        "official_split": OFFICIAL_SPLITS.get(split, ""),
        **read_details(record),
    }


def _find_file(folder: Path, stripped: str, exact: str) -> str:
    """Return the path as written if that file exists, because a name may end in a space; else without spaces."""
    return exact if exact != stripped and os.path.lexists(folder / exact) else stripped


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    unknown = [column for column in columns if column not in (*REQUIRED, *_OPTIONAL, *IGNORED)]
    if unknown:
        raise PxrError(
            f"{path} has the unknown columns {shorten(unknown)}; accepted: {', '.join(REQUIRED)} and optionally "
            f"{', '.join(_OPTIONAL)}. Rename or remove them."
            + next(filter(None, (nearest(column, (*REQUIRED, *_OPTIONAL)) for column in unknown)), "")
        )
