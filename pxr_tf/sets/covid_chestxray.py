"""covid-chestxray-dataset (Cohen et al. 2020): ``images/`` and ``metadata.csv``."""

import re
from pathlib import Path

from pxr_tf.sets.rows import Row, make_row
from pxr_tf.sets.tables import read_table, require_files

TABLE = "metadata.csv"
COLUMNS = ("patientid", "finding", "view", "filename")
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
    modality column and lie in ``images/`` throughout. Raises `PxrError` where a file of such a row is missing.
    """
    table = read_table(root / TABLE, COLUMNS)
    rows = [
        make_row(
            "covid-chestxray",
            root,
            root / (record.get("folder") or "images") / record["filename"],
            "covid19",
            f"covid-chestxray/{record['patientid']}" if record["patientid"] else "",
        )
        for record in table.to_dict("records")
        if "covid-19" in [part.strip().lower() for part in re.split("[,/]", record["finding"])]
        and record["view"].lower() in FRONTAL_VIEWS
        and record.get("modality", "X-ray").lower() == "x-ray"
    ]
    require_files(rows, root / TABLE)
    return rows
