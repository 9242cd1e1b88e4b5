"""Layouts with a table beside the images: CoronaHack, covid-chestxray-dataset, and a CSV with our own columns."""

import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from pxr_tf.data.layouts import SPLITS, Row, make_row, normalise_label, parse_kermany_name
from pxr_tf.data.manifest import COLUMNS
from pxr_tf.errors import PxrError, nearest, shorten

CORONAHACK_TABLE = "Chest_xray_Corona_Metadata.csv"
CORONAHACK_FOLDER = "Coronahack-Chest-XRay-Dataset"
CORONAHACK_COLUMNS = ("x_ray_image_name", "label", "dataset_type", "label_1_virus_category", "label_2_virus_category")
COVID_CHESTXRAY_TABLE = "metadata.csv"
COVID_CHESTXRAY_COLUMNS = ("patientid", "finding", "view", "filename")
OWN_TABLE = "manifest.csv"
OWN_REQUIRED = ("path", "label")
OWN_IGNORED = ("content",)  # a run's own manifest.csv has it; it is computed anew from the files

FRONTAL_VIEWS = frozenset({"pa", "ap", "ap supine", "ap erect", "ap semi erect", "ap semi-erect"})
_CORONAHACK_LABELS = {"bacteria": "bacterial", "virus": "viral", "stress-smoking": ""}  # "" = left out: two images


def is_coronahack(root: Path) -> bool:
    """Return whether the folder holds CoronaHack's metadata table."""
    return (root / CORONAHACK_TABLE).is_file()


def read_coronahack(root: Path) -> list[Row]:
    """Return the rows of CoronaHack, a repack of Kermany's set: a file named as his belongs to his patient.

    Ids are relative to the folder that holds ``train`` and ``test``, however deep the archive was unpacked.
    """
    table = _read_table(root / CORONAHACK_TABLE, CORONAHACK_COLUMNS)
    nested = [root / CORONAHACK_FOLDER / CORONAHACK_FOLDER, root / CORONAHACK_FOLDER, root]
    images = next((folder for folder in nested if (folder / "train").is_dir() or (folder / "test").is_dir()), nested[0])
    rows = []
    for record in table.to_dict("records"):
        label = _label_coronahack(record, root / CORONAHACK_TABLE)
        split, name = record["dataset_type"].lower(), record["x_ray_image_name"]
        if label:
            _, patient = parse_kermany_name(name) or ("", "")
            rows.append(make_row("coronahack", images, images / split / name, label, patient, split))
    _require_files(rows, root / CORONAHACK_TABLE)
    return rows


def is_covid_chestxray(root: Path) -> bool:
    """Return whether the folder holds the ``metadata.csv`` of covid-chestxray-dataset, told by its columns."""
    path = root / COVID_CHESTXRAY_TABLE
    if not path.is_file():
        return False
    header = path.read_bytes()[:4096].decode("utf-8-sig", errors="replace").partition("\n")[0].lower()
    return {"finding", "filename"} <= {column.strip() for column in header.split(",")}


def read_covid_chestxray(root: Path) -> list[Row]:
    """Return the rows of covid-chestxray-dataset that are frontal X-rays with COVID-19 among their findings.

    Covers ``COVID-19``, ``COVID-19, ARDS`` and the later ``Pneumonia/Viral/COVID-19``; the first releases have no
    modality column and lie in ``images/`` throughout. Raises `PxrError` where a file of such a row is missing.
    """
    table = _read_table(root / COVID_CHESTXRAY_TABLE, COVID_CHESTXRAY_COLUMNS)
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
    _require_files(rows, root / COVID_CHESTXRAY_TABLE)
    return rows


def is_own_table(root: Path) -> bool:
    """Return whether `root` is a CSV file or a folder that holds ``manifest.csv``."""
    return root.suffix.lower() == ".csv" if root.is_file() else (root / OWN_TABLE).is_file()


def read_own_table(root: Path) -> list[Row]:
    """Return the rows of a CSV with our own columns: ``path`` and ``label``, and optionally the manifest's others.

    Paths are relative to the CSV. Defaults: the source is the file's name (the folder's for ``manifest.csv``), the
    image id ``<source>/<path>``, every image its own patient. Raises `PxrError` for a column or a split that is not
    known, an empty path or label, and a file that does not exist.
    """
    path = root if root.is_file() else root / OWN_TABLE
    name = path.parent.name if path.name == OWN_TABLE else path.stem
    table = _read_table(path, OWN_REQUIRED)
    _check_own_columns(path, table.columns)
    rows = [
        _make_own_row(path, line, record, unicodedata.normalize("NFC", name))
        for line, record in enumerate(table.to_dict("records"), start=2)
    ]
    _require_files(rows, path)
    return rows


def _make_own_row(path: Path, line: int, record: dict[str, str], name: str) -> Row:
    empty = [column for column in OWN_REQUIRED if not record[column]]
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


def _check_own_columns(path: Path, columns: Iterable[str]) -> None:
    unknown = [column for column in columns if column not in (*COLUMNS, *OWN_IGNORED)]
    if unknown:
        raise PxrError(
            f"{path} has the unknown columns {shorten(unknown)}; accepted: {', '.join(OWN_REQUIRED)} and optionally "
            f"{', '.join(column for column in COLUMNS if column not in OWN_REQUIRED)}. Rename or remove them."
            + nearest(unknown[0], COLUMNS)
        )


def _label_coronahack(record: dict[str, str], path: Path) -> str:
    if record["label"].lower() == "normal":
        return "normal"
    if record["label_2_virus_category"].upper() == "COVID-19":
        return "covid19"
    kind = record["label_1_virus_category"].lower()
    if kind not in _CORONAHACK_LABELS:
        raise PxrError(
            f"{path}: {record['x_ray_image_name']} has Label_1_Virus_category {kind!r}; accepted: "
            f"{', '.join(_CORONAHACK_LABELS)}. Correct that row."
        )
    return _CORONAHACK_LABELS[kind]


def _read_table(path: Path, needed: Sequence[str]) -> pd.DataFrame:
    """Return the CSV as text without surrounding space, column names in lower case."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, index_col=False, encoding="utf-8-sig").fillna("")
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        reason = " ".join(str(error).split())
        raise PxrError(
            f"{path} is no readable CSV ({reason}); accepted: comma-separated UTF-8. Save it again."
        ) from error
    table.columns = [str(column).strip().lower() for column in table.columns]
    missing = [column for column in needed if column not in table.columns]
    if missing:
        raise PxrError(
            f"{path} has the columns {shorten(table.columns, 10)}; {shorten(missing)} is missing. Needed: "
            f"{', '.join(needed)}, separated by commas. Add what is missing."
        )
    return table.apply(lambda column: column.str.strip())


def _require_files(rows: Iterable[Row], path: Path) -> None:
    """Raise `PxrError` where a listed image is not there: a set that shrinks in silence gives other results."""
    missing = [row["path"] for row in rows if not Path(row["path"]).is_file()]
    if missing:
        raise PxrError(
            f"{path} lists {len(missing)} images that do not exist ({shorten(missing, 3)}); every listed image must be "
            "there. Complete the download, or remove their lines."
        )
