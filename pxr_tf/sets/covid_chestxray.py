"""covid-chestxray-dataset (Cohen et al. 2020): ``images/`` and ``metadata.csv``."""

import re
from pathlib import Path

from pxr_tf.sets.rows import ManifestRow, make_row
from pxr_tf.sets.tables import NO_PATIENT, cell_of, read_table, require_files, require_value

_TABLE = "metadata.csv"
_COLUMNS = ("patientid", "finding", "view", "filename")
_OPTIONAL = ("folder", "modality")
FRONTAL_VIEWS = frozenset({"pa", "ap", "ap supine", "ap erect", "ap semi erect", "ap semi-erect"})


def recognise(root: Path) -> bool:
    """Return whether the folder holds the ``metadata.csv`` of covid-chestxray-dataset, recognised by its columns."""
    path = root / _TABLE
    if not path.is_file():
        return False
    header = path.read_bytes()[:4096].decode("utf-8-sig", errors="replace").partition("\n")[0].lower()
    return {"finding", "filename"} <= {column.strip() for column in header.split(",")}


def read(root: Path) -> list[ManifestRow]:
    """Return the rows of covid-chestxray-dataset that are frontal X-rays with COVID-19 among their findings.

    Covers ``COVID-19``, ``COVID-19, ARDS`` and the later ``Pneumonia/Viral/COVID-19``; the first releases have no
    modality column and keep all files in ``images/``. Raises `PxrError` if such a row has no file name, and if no file
    of the table exists: a single file with any finding shows that the folder is right.
    """
    path = root / _TABLE
    records = read_table(path, _COLUMNS, _OPTIONAL).records
    rows = [_make_row(root, line, record) for line, record in records if _is_frontal_covid(record)]
    require_files([_find_file(root, record) for _, record in records if cell_of(record, "filename")], path)
    return rows


def _is_frontal_covid(record: dict[str, str]) -> bool:
    findings = [part.strip().lower() for part in re.split("[,/]", record["finding"])]
    frontal = cell_of(record, "view").lower() in FRONTAL_VIEWS
    return "covid-19" in findings and frontal and record.get("modality", "X-ray").strip().lower() == "x-ray"


def _make_row(root: Path, line: int, record: dict[str, str]) -> ManifestRow:
    require_value(root / _TABLE, line, record, "filename")
    patient = cell_of(record, "patientid", NO_PATIENT)
    file = _find_file(root, record)
    return make_row("covid-chestxray", root, file, "covid19", patient and f"covid-chestxray/{patient}")


def _find_file(root: Path, record: dict[str, str]) -> Path:
    return root / (cell_of(record, "folder") or "images") / cell_of(record, "filename")
