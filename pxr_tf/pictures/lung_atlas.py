"""An atlas of the lungs from a folder of pairs: ``images/NAME.jpg`` and ``masks/NAME.png``, 255 = lung.

It stands here, not in `lungs`, for it opens files.
"""

from functools import partial
from pathlib import Path

import numpy as np

from pxr_tf.errors import PxrError, shorten
from pxr_tf.files import digest_file, reading
from pxr_tf.lungs.atlas import Atlas
from pxr_tf.lungs.stored import Pair, open_atlas
from pxr_tf.pictures.decode import UnreadableImageError, load_grey

SUFFIXES = (".jpg", ".jpeg", ".png")
FEWEST = 5  # pairs: the confidence is how far they agree
LAYOUT = "accepted: a folder with images/NAME.jpg and masks/NAME.png (white = lung) of the same size"
LUNG = 128  # grey level from which a mask's pixel is lung, for JPEG and smooth borders


def read_atlas(folder: Path, cache: Path) -> Atlas:
    """Return the atlas of the pairs in a folder, prepared the first time and kept below `cache` under their content.

    Raises `PxrError` where pictures or masks are missing, unreadable, empty or of different sizes.
    """
    with reading(f"The atlas {folder}"):
        images, masks = (_list_pictures(folder, part) for part in ("images", "masks"))
        _check_names(folder, images, masks)
        pairs = {
            f"{digest_file(path)}-{digest_file(masks[name])}": partial(_read_pair, path, masks[name])
            for name, path in images.items()
        }
    return open_atlas(cache, pairs)


def _list_pictures(folder: Path, part: str) -> dict[str, Path]:
    """Return stem -> file of one of the two folders."""
    if not (folder / part).is_dir():
        raise PxrError(f"The atlas {folder} has no folder {part}/; {LAYOUT}. Check the path.")
    found = sorted(path for path in (folder / part).iterdir() if path.suffix.lower() in SUFFIXES)
    names = {path.stem: path for path in found}
    if len(names) < len(found):
        twice = [path.name for path in found if names[path.stem] != path]
        raise PxrError(f"The atlas {folder} has two {part} of one name ({shorten(twice)}). Remove one of them.")
    return names


def _check_names(folder: Path, images: dict[str, Path], masks: dict[str, Path]) -> None:
    for these, others, missing in ((images, masks, "mask"), (masks, images, "image")):
        alone = [path.name for name, path in these.items() if name not in others]
        if alone:
            raise PxrError(f"The atlas {folder} has no {missing} for {shorten(alone, 3)}; {LAYOUT}. Add or remove it.")
    if len(images) < FEWEST:
        raise PxrError(f"The atlas {folder} has {len(images)} pairs; {FEWEST} are needed at least; {LAYOUT}.")


def _read_pair(image: Path, mask: Path) -> Pair:
    picture, lungs = _load(image), _load(mask) >= LUNG
    if picture.shape != lungs.shape:
        sizes = [f"{shape[1]} x {shape[0]}" for shape in (picture.shape, lungs.shape)]
        raise PxrError(
            f"The mask {mask} has {sizes[1]} pixels, its picture {sizes[0]}; accepted: the same size. "
            "Resize the mask to its picture."
        )
    if not lungs.any():
        raise PxrError(f"The mask {mask} is empty; accepted: white (255) lungs on black. Correct or remove the pair.")
    return picture, lungs


def _load(path: Path) -> np.ndarray:
    try:
        return load_grey(path)
    except UnreadableImageError as error:
        raise PxrError(f"{path} in the atlas cannot be read: {error}. Replace or remove the pair.") from error
