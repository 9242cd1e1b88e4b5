"""Find lung masks that come with the data by the names of their pictures, and read them."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from pxr_tf.errors import PxrError, count_words
from pxr_tf.lungs.contrast import bounding_box
from pxr_tf.lungs.find import Lungs, no_lungs
from pxr_tf.pictures.mask_codes import check_lungs, read_mask
from pxr_tf.sets.file_kinds import ending_of

ASPECT = 0.02  # largest difference between the proportions of mask and picture; Radiography's have 256 for 299 pixels


def suffixless(name: str) -> str:
    """Return a relative name without its ending; ``1.2.840.3`` has none."""
    return str(PurePosixPath(name).with_suffix("")) if ending_of(name) else name


def find_given(pictures: Mapping[str, str], folder: Path) -> dict[str, Path]:
    """Return name of the picture -> its mask below `folder`; pictures (name -> path) without a mask are left out.

    A mask has its picture's name and the ending ``.png``. It is at the same place below `folder`, or at that place
    without leading folders; a folder ``images`` may be called ``masks``. `folder` may be the data set's own: none of
    the pictures counts as a mask, nor does a file in ``images`` next to ``masks``.
    Raises `PxrError` if no mask is found, or if two pictures would share a mask.
    """
    if not folder.is_dir():
        raise PxrError(
            f"MASKS {folder} is not a folder; accepted: a folder of PNGs named like their pictures. Check the path."
        )
    originals = {os.path.realpath(path) for path in pictures.values()}
    found = {name: mask for name in pictures if (mask := _find_one(name, folder, originals))}
    if pictures and not found:
        raise PxrError(
            f"MASKS {folder} has no mask for any of {count_words(len(pictures), 'picture')}; accepted: "
            f"{suffixless(next(iter(pictures)))}.png, or the same without leading folders. "
            "Name the folder that contains the masks."
        )
    check_owners({pictures[name]: mask for name, mask in found.items()})
    return found


def check_owners(masks: Mapping[str, Path]) -> None:
    """Raise `PxrError` if two pictures (picture's path -> its mask) would share a mask."""
    owners: dict[Path, str] = {}
    for path, mask in masks.items():
        other = owners.setdefault(mask, path)
        if other != path:
            raise PxrError(
                f"The mask {mask} would belong to two pictures, {other} and {path}; accepted: one mask for each. "
                "Arrange the masks in folders like their pictures."
            )


def read_given(path: Path, shape: tuple[int, int]) -> Lungs:
    """Return a mask's lungs at a picture's `shape` (h, w), confidence 1 (0 if empty).

    Raises `PxrError` if it cannot be read, has other proportions than the picture, or cannot show lungs.
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
    if not mask.any():
        return no_lungs(shape)
    check_lungs(path, mask)
    return Lungs(mask, bounding_box(mask), 1.0, False)


def _find_one(name: str, folder: Path, originals: Collection[str]) -> Path | None:
    parts = PurePosixPath(suffixless(name) + ".png").parts
    for start in range(len(parts)):
        plain = folder.joinpath(*parts[start:])
        renamed = folder.joinpath(*("masks" if part == "images" else part for part in parts[start:]))
        if renamed != plain and renamed.parent.is_dir():  # then images/ holds the X-rays, such as Radiography's PNGs
            plain = renamed
        if plain.is_file() and os.path.realpath(plain) not in originals:
            return plain
    return None
