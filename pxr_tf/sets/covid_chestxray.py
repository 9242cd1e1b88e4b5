"""covid-chestxray-dataset (Cohen et al. 2020): ``images/`` and ``metadata.csv``."""

import re
from pathlib import Path

from pxr_tf.sets.rows import Row, make_row
from pxr_tf.sets.tables import NO_PATIENT, read_table, require_files, require_value, value_of

TABLE = "metadata.csv"
COLUMNS = ("patientid", "finding", "view", "filename")
OPTIONAL = ("folder", "modality")
FRONTAL_VIEWS = frozenset({"pa", "ap", "ap supine", "ap erect", "ap semi erect", "ap semi-erect"})


def recognise(root: Path) -> bool:
    """Return whether the folder holds the ``metadata.csv`` of covid-chestxray-dataset, told by its columns."""
    path = root / TABLE
    if not path.is_file():
        return False
    header = path.read_bytes()[:4096].decode("utf-8-sig", errors="replace").partition("\n")[0].lower()
    return {"finding", "filename"} <= {column.strip() for column in header.split(",")}


def read(root: Path) -> list[Row]:
    """Return the rows of covid-chestxray-dataset that are frontal X-rays with COVID-19 among their findings.

    Covers ``COVID-19``, ``COVID-19, ARDS`` and the later ``Pneumonia/Viral/COVID-19``; the first releases have no
    modality column and lie in ``images/`` throughout. Raises `PxrError` for such a row without a file name, and where
    no file of the table exists: any of them, of whatever finding, shows that this is the folder.
    """
    path = root / TABLE
    records = read_table(path, COLUMNS, OPTIONAL).records
    rows = [_make_row(root, line, record) for line, record in records if _is_frontal_covid(record)]
    require_files([_find_file(root, record) for _, record in records if value_of(record, "filename")], path)
    return rows


def _is_frontal_covid(record: dict[str, str]) -> bool:
    findings = [part.strip().lower() for part in re.split("[,/]", record["finding"])]
    frontal = value_of(record, "view").lower() in FRONTAL_VIEWS
    return "covid-19" in findings and frontal and record.get("modality", "X-ray").strip().lower() == "x-ray"


def _make_row(root: Path, line: int, record: dict[str, str]) -> Row:
    require_value(root / TABLE, line, record, "filename")
    patient = value_of(record, "patientid", NO_PATIENT)
    file = _find_file(root, record)
    return make_row("covid-chestxray", root, file, "covid19", patient and f"covid-chestxray/{patient}")


def _find_file(root: Path, record: dict[str, str]) -> Path:
    return root / (value_of(record, "folder") or "images") / value_of(record, "filename")
