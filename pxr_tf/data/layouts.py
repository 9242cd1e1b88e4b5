"""Layouts that are folders of images: a folder -> manifest rows. Layouts with a table beside the images: `listings.py`.

Every reader is a pure function of the folder's content: hidden files, ``__MACOSX`` and the order in which the disk
lists a folder make no difference. Names become Unicode NFC in ids (macOS stores them decomposed), never in paths.
"""

import os
import re
import unicodedata
from pathlib import Path

from pxr_tf.data.images import is_image_name
from pxr_tf.errors import PxrError, shorten

Row = dict[str, str]

SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}

# Keys are class names without case, spaces and punctuation.
CLASS_ALIASES = {
    **dict.fromkeys(
        ("bacterial", "bacteria", "bacterialpneumonia", "pneumoniabacterial", "bacteriapneumonia"), "bacterial"
    ),
    **dict.fromkeys(("viral", "virus", "viralpneumonia", "pneumoniaviral", "viruspneumonia"), "viral"),
    **dict.fromkeys(
        ("covid19", "covid", "covid2019", "covid19pneumonia", "coronavirus", "sarscov2", "ncov"), "covid19"
    ),
    **dict.fromkeys(("normal", "healthy", "nofinding", "normals"), "normal"),
}

_NOT_CLASSES = frozenset({"images", "masks", "lungmasks", "annotations"})  # parts of a set, never a diagnosis
_KERMANY_NAME = re.compile(
    r"(?P<person>person\d+)_(?P<germ>bacteria|virus)_\d+(_\d+)?"  # person447_virus_921_1
    r"|(?P<normal>(NORMAL2-)?IM-\d+)-\d+(-\d+)*"  # NORMAL2-IM-0173-0001-0002
    r"|(?P<later>(?P<kind>BACTERIA|VIRUS|NORMAL)-\d+)-\d+"  # the publisher's third release: VIRUS-1001-0001
)
_KERMANY_LABELS = {"bacteria": "bacterial", "virus": "viral", "normal": "normal"}
_RADIOGRAPHY_NAME = re.compile(r"(COVID(-19)?|NORMAL|Viral Pneumonia|Lung_Opacity)[ _-]*\(?\d+\)?", re.IGNORECASE)
_RADIOGRAPHY_CLASSES = {
    "covid19": "covid19",
    "covid": "covid19",
    "normal": "normal",
    "viralpneumonia": "viral",
    "lungopacity": "lung_opacity",
}


def normalise_label(name: str) -> str:
    """Return the project's name of a class: an alias's class (``COVID-19`` -> ``covid19``), else the name as a slug."""
    text = unicodedata.normalize("NFC", name).casefold().strip()
    return CLASS_ALIASES.get(_squeeze(text)) or re.sub(r"\W+", "_", text).strip("_") or text


def visible_folders(folder: Path) -> list[Path]:
    """Return the folders directly inside, sorted by name, without hidden ones and ``__MACOSX``."""
    names = [entry.name for entry in os.scandir(folder) if entry.is_dir()]
    return [folder / name for name in sorted(names) if not name.startswith((".", "__MACOSX"))]


def images_in(folder: Path) -> list[Path]:
    """Return the image files directly inside, sorted by name; a broken link counts, so that it is reported later."""
    names = [entry.name for entry in os.scandir(folder) if is_image_name(entry.name) and not entry.is_dir()]
    return [folder / name for name in sorted(names)]


def make_row(source: str, root: Path, path: Path, label: str, patient: str = "", split: str = "") -> Row:
    """Return one manifest row; without `patient` the image is its own patient."""
    image_id = unicodedata.normalize("NFC", f"{source}/{path.relative_to(root).as_posix()}")
    return {
        "image_id": image_id,
        "path": str(path),
        "label": label,
        "patient_id": unicodedata.normalize("NFC", patient) or image_id,
        "source": source,
        "official_split": split,
    }


def parse_kermany_name(name: str) -> tuple[str, str] | None:
    """Return (label, patient id) of a file named as in Kermany et al. 2018, or None for any other name.

    The class is part of the id: person numbers are re-used between bacteria and virus (979 of them).
    """
    match = _KERMANY_NAME.fullmatch(Path(name).stem)
    if not match:
        return None
    if match["person"]:
        return _KERMANY_LABELS[match["germ"]], f"kermany/{match['germ']}-{match['person']}"
    label = _KERMANY_LABELS[(match["kind"] or "normal").lower()]
    return label, f"kermany/{match['normal'] or match['later']}"


def is_kermany(root: Path) -> bool:
    """Return whether the folder is ``{train,test,val}/{NORMAL,PNEUMONIA}`` with Kermany's file names (or no file)."""
    pairs = _class_folders(root)
    if not pairs or any(not split or _squeeze(folder.name) not in ("normal", "pneumonia") for split, folder in pairs):
        return False
    images = [path for _, folder in pairs for path in images_in(folder)]
    return not images or any(parse_kermany_name(path.name) for path in images)


def read_kermany(root: Path) -> list[Row]:
    """Return the rows of Kermany's set; raise `PxrError` for a file whose name does not fit its folder."""
    rows, strangers = [], []
    for split, folder in _class_folders(root):
        for path in images_in(folder):
            label, patient = parse_kermany_name(path.name) or ("", "")
            if not label or (label == "normal") != (_squeeze(folder.name) == "normal"):
                strangers.append(path.relative_to(root).as_posix())
            rows.append(make_row("kermany", root, path, label, patient, split))
    if strangers:
        raise PxrError(
            f"{root} is laid out as kermany, but {len(strangers)} files are not named as Kermany's "
            f"({shorten(strangers, 3)}); accepted: personN_bacteria_N or personN_virus_N in PNEUMONIA, IM-N-N in "
            "NORMAL. Move them out, or list the images in a CSV with path and label."
        )
    return rows


def is_radiography(root: Path) -> bool:
    """Return whether the folder is a COVID-19 Radiography Database: its class folders with its file names."""
    folders = [folder for folder in visible_folders(root) if _squeeze(folder.name) in _RADIOGRAPHY_CLASSES]
    return any(_RADIOGRAPHY_NAME.fullmatch(path.stem) for folder in folders for path in _radiography_images(folder))


def read_radiography(root: Path) -> list[Row]:
    """Return the rows of the flat (2020) or the newer layout (``images/`` beside ``masks/``); a patient per image."""
    return [
        make_row("radiography", root, path, _RADIOGRAPHY_CLASSES[_squeeze(folder.name)])
        for folder in visible_folders(root)
        if _squeeze(folder.name) in _RADIOGRAPHY_CLASSES
        for path in _radiography_images(folder)
    ]


def is_class_folders(root: Path) -> bool:
    """Return whether the folder is ``{class}/*`` or ``{train,val,test}/{class}/*``, with images in a class folder."""
    pairs = _class_folders(root)
    if any(_squeeze(folder.name) in _NOT_CLASSES for _, folder in pairs):
        return False
    return any(images_in(folder) for _, folder in pairs)


def read_class_folders(root: Path) -> list[Row]:
    """Return the rows of a folder per class; the source is the folder's name, each image its own patient.

    A set with Kermany's file names (people sort it by class) keeps his patients. Raises `PxrError` for images in
    folders below a class folder: those could be patients, and a guess would put one patient on both sides of a split.
    """
    pairs = [(split, folder, images_in(folder)) for split, folder in _class_folders(root)]
    nested = [inner for _, folder, _ in pairs for inner in visible_folders(folder) if images_in(inner)]
    if nested:
        raise PxrError(
            f"{root} is laid out as a folder per class, but has images deeper down "
            f"({shorten((path.relative_to(root).as_posix() for path in nested), 3)}); accepted: images directly in "
            "each class folder. Move them up, or list them in a CSV with path, label and patient_id."
        )
    source = unicodedata.normalize("NFC", root.name)
    kermany = any("person" in path.name and parse_kermany_name(path.name) for *_, images in pairs for path in images)
    return [
        make_row(source, root, path, normalise_label(folder.name), _kermany_patient(path) if kermany else "", split)
        for split, folder, images in pairs
        for path in images
    ]


def _squeeze(name: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFC", name).casefold())


def _class_folders(root: Path) -> list[tuple[str, Path]]:
    """Return (official split, class folder); none where splits and folders with images stand side by side."""
    folders = visible_folders(root)
    splits = [folder for folder in folders if folder.name.casefold() in SPLITS]
    if not splits:
        return [("", folder) for folder in folders]
    if any(images_in(folder) for folder in folders):
        return []
    return [(SPLITS[split.name.casefold()], folder) for split in splits for folder in visible_folders(split)]


def _radiography_images(folder: Path) -> list[Path]:
    inner = folder / "images"
    return images_in(inner if inner.is_dir() else folder)


def _kermany_patient(path: Path) -> str:
    _, patient = parse_kermany_name(path.name) or ("", "")
    return patient
