"""CoronaHack: a repack of Kermany's set with a table, ``Chest_xray_Corona_Metadata.csv``."""

from pathlib import Path

from pxr_tf.errors import PxrError
from pxr_tf.sets.kermany import parse_kermany_name
from pxr_tf.sets.rows import ManifestRow, make_row
from pxr_tf.sets.tables import PassedRow, cell_of, read_table, require_files, require_value

CORONAHACK_TABLE = "Chest_xray_Corona_Metadata.csv"
_FOLDER = "Coronahack-Chest-XRay-Dataset"
COLUMNS = ("x_ray_image_name", "label", "dataset_type", "label_1_virus_category", "label_2_virus_category")
_LABELS = {"bacteria": "bacterial", "virus": "viral", "stress-smoking": ""}  # "" = left out: two images


def recognise(root: Path) -> bool:
    """Return whether the folder holds CoronaHack's metadata table."""
    return (root / CORONAHACK_TABLE).is_file()


def read(root: Path) -> list[ManifestRow]:
    """Return the rows of CoronaHack, a repack of Kermany's set, whose file names give the patients.

    Ids are relative to the folder that holds ``train`` and ``test``, however deep the archive was unpacked. Raises
    `PxrError` for an unknown category, a row without a file name or a part, and if no listed file exists.
    """
    path, images = root / CORONAHACK_TABLE, _find_images(root)
    rows = []
    for line, record in read_table(path, COLUMNS).records:
        label = _label_of(path, line, record)
        if label:
            split = require_value(path, line, record, "dataset_type").lower()
            name = require_value(path, line, record, "x_ray_image_name")
            _, patient = parse_kermany_name(name) or ("", "")
            rows.append(make_row("coronahack", images, images / split / name, label, patient, split))
    require_files([row["path"] for row in rows], path)
    return rows


def passed_over(root: Path) -> list[PassedRow]:
    """Return the rows whose label is not used."""
    path, images = root / CORONAHACK_TABLE, _find_images(root)
    return [
        PassedRow("label", cell_of(record, "label_1_virus_category"), str(images / split / name))
        for line, record in read_table(path, COLUMNS).records
        if not _label_of(path, line, record)
        for split, name in [(cell_of(record, "dataset_type").lower(), cell_of(record, "x_ray_image_name"))]
    ]


def _find_images(root: Path) -> Path:
    nested = [root / _FOLDER / _FOLDER, root / _FOLDER, root]
    return next((folder for folder in nested if (folder / "train").is_dir() or (folder / "test").is_dir()), nested[0])


def _label_of(path: Path, line: int, record: dict[str, str]) -> str:
    if cell_of(record, "label").lower() == "normal":
        return "normal"
    if cell_of(record, "label_2_virus_category").upper() == "COVID-19":
        return "covid19"
    kind = cell_of(record, "label_1_virus_category").lower()
    if kind not in _LABELS:
        raise PxrError(
            f"{path}, line {line}: {record['x_ray_image_name']} has Label_1_Virus_category {kind!r}; accepted: "
            f"{', '.join(_LABELS)}. Correct that row."
        )
    return _LABELS[kind]
