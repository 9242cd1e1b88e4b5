"""covid-chestxray-dataset (Cohen et al. 2020): ``images/`` and ``metadata.csv``."""

import re
from pathlib import Path

from pxr_tf.sets.rows import ManifestRow, make_row, normalise_label
from pxr_tf.sets.tables import (
    NO_PATIENT,
    PassedRow,
    cell_of,
    find_separator,
    read_details,
    read_header,
    read_table,
    read_view,
    require_files,
    require_value,
)

TABLE = "metadata.csv"
COLUMNS = ("patientid", "finding", "view", "filename")
_OPTIONAL = ("folder", "modality", "sex", "age")
COVID = "covid19"
# What a finding is, by its words. Later releases write Pneumonia/Bacterial/Klebsiella, earlier ones the germ alone.
_KINDS = {
    "bacterial": "bacterial",
    **dict.fromkeys(
        "streptococcus klebsiella e.coli legionella mycoplasma chlamydophila staphylococcus nocardia".split(),
        "bacterial",
    ),
    "viral": "viral",
    **dict.fromkeys("sars mers-cov influenza varicella herpes h1n1".split(), "viral"),
    **dict.fromkeys("fungal pneumocystis aspergillosis".split(), "fungal"),
}
FRONTAL_VIEWS = frozenset({"pa", "ap", "ap supine", "ap erect", "ap semi erect"})


def recognise(root: Path) -> bool:
    """Return whether the folder holds the ``metadata.csv`` of covid-chestxray-dataset, recognised by its columns."""
    path = root / TABLE
    if not path.is_file():
        return False
    return {"finding", "filename"} <= {*read_header(path)} and not find_separator(path)


def read(root: Path) -> list[ManifestRow]:
    """Return the rows of covid-chestxray-dataset that are frontal X-rays with COVID-19 among their findings.

    Covers ``COVID-19``, ``COVID-19, ARDS`` and the later ``Pneumonia/Viral/COVID-19``; the first releases have no
    modality column and keep all files in ``images/``. Raises `PxrError` if such a row has no file name, and if no file
    of the table exists: a single file with any finding shows that the folder is right.
    """
    path = root / TABLE
    records = read_table(path, COLUMNS, _OPTIONAL).records
    rows = [_make_row(root, line, record, COVID) for line, record in records if not _why_not(record)]
    require_files([_find_file(root, record) for _, record in records if cell_of(record, "filename")], path)
    return rows


def read_others(root: Path) -> list[ManifestRow]:
    """Return the rows that are frontal X-rays with another finding, for evaluation: nobody trains on them.

    The label is the kind of the finding: ``bacterial``, ``viral`` (SARS, influenza …), ``fungal``, ``normal`` (No
    Finding), or the finding itself, such as ``lipoid`` or ``ards``; ``pneumonia`` if no germ is named.
    """
    records = read_table(root / TABLE, COLUMNS, _OPTIONAL).records
    return [
        _make_row(root, line, record, _kind_of(record))
        for line, record in records
        if _why_not(record) == "finding" and read_view(record) in FRONTAL_VIEWS and cell_of(record, "filename")
    ]


def _kind_of(record: dict[str, str]) -> str:
    """Return the label of another finding than COVID-19."""
    words = re.split(r"[,/\s]+", record["finding"].strip().casefold())
    kind = next((_KINDS[word] for word in words if word in _KINDS), "")
    return kind or normalise_label(record["finding"].rpartition("/")[2])


def passed_over(root: Path) -> list[PassedRow]:
    """Return the rows that are not of a frontal X-ray with COVID-19, each with the first column that says so."""
    return [
        PassedRow(column, record[column].strip(), str(_find_file(root, record)))
        for _, record in read_table(root / TABLE, COLUMNS, _OPTIONAL).records
        if (column := _why_not(record))
    ]


def _why_not(record: dict[str, str]) -> str:
    """Return the column because of which a row is not used; "" if it is of a frontal X-ray with COVID-19."""
    if record.get("modality", "X-ray").strip().lower() != "x-ray":
        return "modality"
    findings = [part.strip().lower() for part in re.split("[,/]", record["finding"])]
    if "covid-19" not in findings:
        return "finding"
    return "" if read_view(record) in FRONTAL_VIEWS else "view"


def _make_row(root: Path, line: int, record: dict[str, str], label: str) -> ManifestRow:
    require_value(root / TABLE, line, record, "filename")
    patient = cell_of(record, "patientid", NO_PATIENT)
    file = _find_file(root, record)
    row = make_row("covid-chestxray", root, file, label, patient and f"covid-chestxray/{patient}")
    return row | read_details(record)


def _find_file(root: Path, record: dict[str, str]) -> Path:
    return root / (cell_of(record, "folder") or "images") / cell_of(record, "filename")
