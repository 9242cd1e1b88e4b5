"""A folder per class: ``[{train,val,test}/]{class}/*``."""

import unicodedata
from pathlib import Path

from pxr_tf.errors import PxrError, shorten
from pxr_tf.sets.kermany import parse_kermany_name
from pxr_tf.sets.rows import Row, images_in, labelled_folders, make_row, normalise_label, squeeze, visible_folders

NOT_CLASSES = frozenset({"images", "masks", "lungmasks", "annotations"})  # parts of a set, never a diagnosis


def recognise(root: Path) -> bool:
    """Return whether the folder is ``{class}/*`` or ``{train,val,test}/{class}/*``, with images in a class folder."""
    pairs = labelled_folders(root)
    if any(squeeze(folder.name) in NOT_CLASSES for _, folder in pairs):
        return False
    return any(images_in(folder) for _, folder in pairs)


def read(root: Path) -> list[Row]:
    """Return the rows of a folder per class; the source is the folder's name, each image its own patient.

    A set with Kermany's file names (people sort it by class) keeps his patients. Raises `PxrError` for images in
    folders below a class folder: those could be patients, and a guess would put one patient on both sides of a split.
    """
    pairs = [(split, folder, images_in(folder)) for split, folder in labelled_folders(root)]
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


def _kermany_patient(path: Path) -> str:
    _, patient = parse_kermany_name(path.name) or ("", "")
    return patient
