"""CoronaHack: a repack of Kermany's set with a table, ``Chest_xray_Corona_Metadata.csv``."""

from pathlib import Path

from pxr_tf.errors import PxrError
from pxr_tf.sets.kermany import parse_kermany_name
from pxr_tf.sets.rows import Row, make_row
from pxr_tf.sets.tables import read_table, require_files

TABLE = "Chest_xray_Corona_Metadata.csv"
FOLDER = "Coronahack-Chest-XRay-Dataset"
COLUMNS = ("x_ray_image_name", "label", "dataset_type", "label_1_virus_category", "label_2_virus_category")
LABELS = {"bacteria": "bacterial", "virus": "viral", "stress-smoking": ""}  # "" = left out: two images


def recognise(root: Path) -> bool:
    """Return whether the folder holds CoronaHack's metadata table."""
    return (root / TABLE).is_file()


def read(root: Path) -> list[Row]:
    """Return the rows of CoronaHack, a repack of Kermany's set: a file named as his belongs to his patient.

    Ids are relative to the folder that holds ``train`` and ``test``, however deep the archive was unpacked.
    """
    table = read_table(root / TABLE, COLUMNS)
    nested = [root / FOLDER / FOLDER, root / FOLDER, root]
    images = next((folder for folder in nested if (folder / "train").is_dir() or (folder / "test").is_dir()), nested[0])
    rows = []
    for record in table.to_dict("records"):
        label = _label_of(record, root / TABLE)
        split, name = record["dataset_type"].lower(), record["x_ray_image_name"]
        if label:
            _, patient = parse_kermany_name(name) or ("", "")
            rows.append(make_row("coronahack", images, images / split / name, label, patient, split))
    require_files(rows, root / TABLE)
    return rows


def _label_of(record: dict[str, str], path: Path) -> str:
    if record["label"].lower() == "normal":
        return "normal"
    if record["label_2_virus_category"].upper() == "COVID-19":
        return "covid19"
    kind = record["label_1_virus_category"].lower()
    if kind not in LABELS:
        raise PxrError(
            f"{path}: {record['x_ray_image_name']} has Label_1_Virus_category {kind!r}; accepted: "
            f"{', '.join(LABELS)}. Correct that row."
        )
    return LABELS[kind]
