"""A folder per class: ``[{train,val,test}/]{class}/*``."""

import unicodedata
from pathlib import Path

from pxr_tf.errors import PxrError, shorten
from pxr_tf.sets.kermany import parse_kermany_name
from pxr_tf.sets.rows import (
    NO_PICTURES,
    ManifestRow,
    images_in,
    labelled_folders,
    make_row,
    normalise_label,
    squeeze,
    walk_folders,
)

NOT_CLASSES = NO_PICTURES | {"images"}  # parts of a set, never a diagnosis


def recognise(root: Path) -> bool:
    """Return whether the folder is ``{class}/*`` or ``{train,val,test}/{class}/*``, with images in a class folder."""
    return not find_other_folders(root) and has_its_images(root)


def has_its_images(root: Path) -> bool:
    """Return whether a folder that may be a class holds an image."""
    return any(images_in(folder) for _, folder in labelled_folders(root) if squeeze(folder.name) not in NOT_CLASSES)


def find_other_folders(root: Path) -> list[str]:
    """Return the relative paths of folders that are not classes, such as ``masks`` or ``train/masks``."""
    folders = [folder for _, folder in labelled_folders(root) if squeeze(folder.name) in NOT_CLASSES]
    return [folder.relative_to(root).as_posix() for folder in folders]


def read(root: Path) -> list[ManifestRow]:
    """Return the rows of a folder per class; the source is the folder's name, each image its own patient.

    A file name from Kermany's set gives its patient, because people sort that set by class. A scanner's series
    ``IM-0001-0001``, … becomes one patient: too large a group is safe, one patient in two groups is not. Raises
    `PxrError` for images in folders below a class folder: these could be patients, and a wrong guess would put one
    patient on both sides of a split.
    """
    pairs = [(split, folder, images_in(folder)) for split, folder in labelled_folders(root)]
    nested = [inner for _, folder, _ in pairs for inner in walk_folders(folder) if inner != folder and images_in(inner)]
    if nested:
        raise PxrError(
            f"{root} is laid out as a folder per class, but has images deeper down "
            f"({shorten((path.relative_to(root).as_posix() for path in nested), 3)}); accepted: images directly in "
            "each class folder. Move them up, or list them in a CSV with path, label and patient_id."
        )
    source = unicodedata.normalize("NFC", root.name)
    return [
        make_row(source, root, path, normalise_label(folder.name), patient, split)
        for split, folder, images in pairs
        for path in images
        for _, patient in [parse_kermany_name(path.name) or ("", "")]
    ]
