"""Load the part of an image file that a network sees: the box of its lungs, its lungs alone, or all but them."""

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from pxr_tf.lungs.contrast import Box
from pxr_tf.pictures.decode import InaccessibleImageError, load_grey, load_prepared, resize_grey
from pxr_tf.pictures.lung_store import FoundLungs, PictureLungs, read_lungs
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.pictures.store import MakeRow

LONGEST = 16  # longest side of a box's mask, in sizes of a network's input: 13 MB at 224 pixels


@dataclass(frozen=True)
class CroppedPicture:
    """A picture that is cropped by the lungs in a keyed array, by content (`lung_store`)."""

    preparation: Preparation
    lungs: Path
    lowest_confidence: float

    def open(self, table: pd.DataFrame) -> MakeRow:
        """Return a function that makes the picture of each file."""
        found = read_lungs(self.lungs, table)
        return lambda path: load_stored(path, self.preparation, found, self.lowest_confidence)


def why_whole(lungs: PictureLungs, lowest_confidence: float) -> str:
    """Return why a picture is shown whole, in a few words; "" if it is cropped."""
    if lungs.empty:
        return "no lungs"
    if lungs.confidence < lowest_confidence:
        return f"confidence below {lowest_confidence:g}"
    return ""


def load_stored(path: str, preparation: Preparation, found: FoundLungs, lowest_confidence: float) -> np.ndarray:
    """Return a file as `load_cropped` does, with the lungs in `found`; raise `UnreadableImageError`."""
    lungs = found.of(path)
    if lungs is not None:
        return load_cropped(path, preparation, lungs, lowest_confidence)
    load_prepared(path, preparation.whole)  # raises if its bytes are the reason
    raise InaccessibleImageError("could not be read during the search for lungs; run the same command again")


def load_cropped(
    path: str | bytes, preparation: Preparation, lungs: PictureLungs, lowest_confidence: float
) -> np.ndarray:
    """Return a file as uint8 [size, size], whole if `why_whole` has a reason; raise `UnreadableImageError`."""
    if why_whole(lungs, lowest_confidence):
        return load_prepared(path, preparation.whole)
    if preparation.crop == "lungs":
        return _load_box(path, preparation, lungs)
    picture = load_grey(path, preparation.size)
    height, width = picture.shape
    mask = cv2.resize(lungs.mask.astype(np.uint8) * np.uint8(255), (width, height), interpolation=cv2.INTER_LINEAR)
    size, resize = preparation.size, preparation.resize
    inside = resize_grey(mask, size, resize) > 127
    kept = inside if preparation.crop == "lungs_only" else ~inside
    return resize_grey(picture, size, resize) * kept


def lungs_as_seen(
    lungs: PictureLungs, preparation: Preparation, lowest_confidence: float, cropped_by: PictureLungs | None = None
) -> np.ndarray:
    """Return the lungs where a network sees them in the prepared picture, bool [size, size].

    The lungs that cropped the picture decide what is seen: `cropped_by`, with their `lowest_confidence`, or else these.
    """
    size, deciding = preparation.size, cropped_by or lungs
    box = Box(0, 0, lungs.width, lungs.height)
    if preparation.crop == "lungs" and not why_whole(deciding, lowest_confidence):
        box = widen(deciding.box, preparation.margin, lungs.width, lungs.height)
    return resize_grey(_cut(lungs, box, size), size, preparation.resize) > 127


def _cut(lungs: PictureLungs, box: Box, size: int) -> np.ndarray:
    """Return the stored mask within a box of the picture, uint8 of the box's aspect, finer than `size`.

    Only the box is scaled: at the scale of a box of 40 pixels, the mask of a 3,000-pixel file would take a gigabyte.
    """
    width, height = max(1, box.right - box.left), max(1, box.bottom - box.top)
    scale = min(2 * size / min(width, height), LONGEST * size / max(width, height))
    wide, high = max(1, round(scale * width)), max(1, round(scale * height))
    down, across = lungs.mask.shape[0] / lungs.height, lungs.mask.shape[1] / lungs.width
    columns = _centres(box.left, width, wide) * across - 0.5
    rows = _centres(box.top, height, high) * down - 0.5
    mask = lungs.mask.astype(np.uint8) * np.uint8(255)
    return cv2.remap(mask, *np.meshgrid(columns, rows), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _centres(start: int, length: int, count: int) -> np.ndarray:
    """Return the centres of `count` equal cells from `start` on, float32 [count], in pixels of the picture."""
    return (start + (np.arange(count, dtype=np.float32) + 0.5) * length / count).astype(np.float32)


def widen(box: Box, margin: float, width: int, height: int) -> Box:
    """Return the box with a share of its width and height added on each side, within the picture."""
    across, down = math.ceil(margin * (box.right - box.left)), math.ceil(margin * (box.bottom - box.top))
    left, top = max(0, box.left - across), max(0, box.top - down)
    return Box(left, top, min(width, box.right + across), min(height, box.bottom + down))


def _load_box(path: str | bytes, preparation: Preparation, lungs: PictureLungs) -> np.ndarray:
    box = widen(lungs.box, preparation.margin, lungs.width, lungs.height)
    # Decoding shrinks a large JPEG only so far that the box keeps the size that is needed.
    share = min(box.right - box.left, box.bottom - box.top) / min(lungs.width, lungs.height)
    picture = load_grey(path, math.ceil(preparation.size / share))
    down, across = picture.shape[0] / lungs.height, picture.shape[1] / lungs.width
    rows = slice(math.floor(box.top * down), math.ceil(box.bottom * down))
    columns = slice(math.floor(box.left * across), math.ceil(box.right * across))
    return resize_grey(np.ascontiguousarray(picture[rows, columns]), preparation.size, preparation.resize)
