"""The COVID-19 Radiography Database: ``{COVID,Normal,Viral Pneumonia}/[images/]COVID-1.png``."""

import re
from pathlib import Path

from pxr_tf.sets.rows import NO_PICTURES, ManifestRow, images_in, make_row, squeeze, visible_folders, walk_folders

_FILE_NAME = re.compile(r"(COVID(-19)?|NORMAL|Viral Pneumonia|Lung_Opacity)[ _-]*\(?\d+\)?", re.IGNORECASE)
_CLASSES = {
    "covid19": "covid19",
    "covid": "covid19",
    "normal": "normal",
    "viralpneumonia": "viral",
    "lungopacity": "lung_opacity",
}


def recognise(root: Path) -> bool:
    """Return whether the folder is a COVID-19 Radiography Database: only its class folders, with its file names."""
    return not find_unknown_folders(root) and has_its_names(root)


def has_its_names(root: Path) -> bool:
    """Return whether a folder named like one of its classes holds an image with one of its file names."""
    folders = [folder for folder in visible_folders(root) if squeeze(folder.name) in _CLASSES]
    return any(_FILE_NAME.fullmatch(path.stem) for folder in folders for path in _images_of(folder))


def find_unknown_folders(root: Path) -> list[str]:
    """Return the names of folders that the database does not have and that hold images, at any depth."""
    others = [folder for folder in visible_folders(root) if squeeze(folder.name) not in (*_CLASSES, *NO_PICTURES)]
    return [folder.name for folder in others if any(map(images_in, walk_folders(folder)))]


def read(root: Path) -> list[ManifestRow]:
    """Return the rows of the flat (2020) or the newer layout (``images/`` next to ``masks/``); a patient per image."""
    return [
        make_row("radiography", root, path, _CLASSES[squeeze(folder.name)])
        for folder in visible_folders(root)
        if squeeze(folder.name) in _CLASSES
        for path in _images_of(folder)
    ]


def _images_of(folder: Path) -> list[Path]:
    inner = folder / "images"
    return images_in(inner if inner.is_dir() else folder)
