"""Lung masks that come with the data: found by the names of their pictures, read in their place."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from pxr_tf.errors import PxrError
from pxr_tf.lungs.find import Lungs, bounding_box, no_lungs
from pxr_tf.pictures.decode import UnreadableImageError, load_grey

LUNG = 128  # grey level from which a mask's pixel is lung, for JPEG and smooth borders
ASPECT = 0.02  # by so much may a mask's proportions differ from its picture's; Radiography's have 256 for 299 pixels


def suffixless(name: str) -> str:
    """Return a relative name without its ending."""
    return str(PurePosixPath(name).with_suffix(""))


def find_given(names: Sequence[str], folder: Path) -> dict[str, Path]:
    """Return name of the picture -> its mask below `folder`; pictures without one are left out.

    A mask has its picture's name and the ending ``.png``, and lies at the same place below `folder`, or at that place
    without leading folders; a folder ``images`` in it may be called ``masks``. Raises `PxrError` where none is found.
    """
    if not folder.is_dir():
        raise PxrError(
            f"MASKS {folder} is no folder; accepted: a folder of PNGs named as their pictures. Check the path."
        )
    found = {name: mask for name in names if (mask := _find_one(name, folder))}
    if names and not found:
        raise PxrError(
            f"MASKS {folder} holds no mask for any of {len(names)} pictures; accepted: {suffixless(names[0])}.png, or "
            "the same without leading folders. Name the folder that the masks lie in."
        )
    return found


def read_given(path: Path, shape: tuple[int, int]) -> Lungs:
    """Return the lungs that a mask shows, at a picture's `shape` (h, w), with confidence 1; 0 where it is empty.

    Raises `PxrError` where it cannot be read or has other proportions.
    """
    mask = read_mask(path)
    aspect = mask.shape[1] / mask.shape[0] * shape[0] / shape[1]
    if abs(aspect - 1) > ASPECT:
        raise PxrError(
            f"The mask {path} has {mask.shape[1]} x {mask.shape[0]} pixels, its picture {shape[1]} x {shape[0]}; "
            "accepted: the same proportions. Correct or remove the mask."
        )
    if mask.shape != shape:
        mask = cv2.resize(mask.astype(np.uint8), shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    return Lungs(mask, bounding_box(mask), 1.0, False) if mask.any() else no_lungs(shape)


def read_mask(path: Path) -> np.ndarray:
    """Return a mask as bool [h, w]; raise `PxrError` where it cannot be read."""
    try:
        return load_grey(path) >= LUNG
    except UnreadableImageError as error:
        raise PxrError(f"The mask {path} cannot be read: {error}. Replace or remove it.") from error


def _find_one(name: str, folder: Path) -> Path | None:
    parts = PurePosixPath(suffixless(name) + ".png").parts
    for start in range(len(parts)):
        plain = folder.joinpath(*parts[start:])
        renamed = folder.joinpath(*("masks" if part == "images" else part for part in parts[start:]))
        for path in (plain, renamed):
            if path.is_file():
                return path
    return None
