"""What the readers of all layouts share: rows, class names, folders and the images in them.

Every reader is a pure function of the folder's content: hidden files, ``__MACOSX`` and the order in which the disk
lists a folder make no difference. Names become Unicode NFC in ids (macOS stores them decomposed), never in paths.
"""

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from pxr_tf.sets.file_kinds import is_image

ManifestRow = dict[str, str]
OFFICIAL_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
# folders of drawings on X-rays, not of X-rays
NO_PICTURES = frozenset({"masks", "lungmasks", "lesions", "annotations"})
# Keys are class names in lower case, without spaces and punctuation.
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


def normalise_label(name: str) -> str:
    """Return the project's name of a class: an alias's class (``COVID-19`` -> ``covid19``), else the name as a slug."""
    text = unicodedata.normalize("NFC", name).casefold().strip()
    return CLASS_ALIASES.get(squeeze(text)) or re.sub(r"\W+", "_", text).strip("_") or text


def visible_folders(folder: Path) -> list[Path]:
    """Return the folders directly inside, sorted by name, without hidden ones and ``__MACOSX``."""
    names = [entry.name for entry in os.scandir(folder) if _is_folder(entry)]
    return [folder / name for name in sorted(names) if not name.startswith((".", "__MACOSX"))]


def walk_folders(
    folder: Path, seen: set[tuple[int, int]] | None = None, skipped: frozenset[str] = NO_PICTURES
) -> Iterator[Path]:
    """Yield `folder` and all visible folders below it, once each, except `skipped` and `locked_folders`."""
    seen = set() if seen is None else seen
    identity = os.stat(folder)
    if (identity.st_dev, identity.st_ino) in seen:
        return
    seen.add((identity.st_dev, identity.st_ino))
    yield folder
    locked = locked_folders(folder)
    for inner in visible_folders(folder):
        if squeeze(inner.name) not in skipped and inner not in locked:
            yield from walk_folders(inner, seen, skipped)


def locked_folders(folder: Path) -> list[Path]:
    """Return the visible folders directly inside that this user may not list, such as a disk's ``lost+found``."""
    return [inner for inner in visible_folders(folder) if not os.access(inner, os.R_OK | os.X_OK)]


def images_in(folder: Path) -> list[Path]:
    """Return the image files directly inside, sorted by name; a broken link counts, so that it is reported later."""
    return [path for path in files_in(folder) if is_image(path)]


def files_in(folder: Path) -> list[Path]:
    """Return everything directly inside that is not a folder, sorted by name."""
    return [folder / name for name in sorted(entry.name for entry in os.scandir(folder) if not _is_folder(entry))]


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def make_row(source: str, root: Path, path: Path, label: str, patient: str = "", split: str = "") -> ManifestRow:
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


def labelled_folders(root: Path) -> list[tuple[str, Path]]:
    """Return (official split, class folder); none if folders with images are next to split folders."""
    folders = visible_folders(root)
    splits = split_folders(folders)
    if not splits:
        return [("", folder) for folder in folders]
    if any(images_in(folder) for folder in folders):
        return []
    return [(OFFICIAL_SPLITS[split.name.casefold()], folder) for split in splits for folder in visible_folders(split)]


def split_folders(folders: list[Path]) -> list[Path]:
    """Return the folders that are named like a part of a data set, such as ``train``."""
    return [folder for folder in folders if folder.name.casefold() in OFFICIAL_SPLITS]


def squeeze(name: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFC", name).casefold())
