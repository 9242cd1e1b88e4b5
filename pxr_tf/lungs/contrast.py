"""Turn a picture of any size and exposure into a square of even local contrast, in which lungs are searched for."""

from typing import NamedTuple

import cv2
import numpy as np

ATLAS_SIDE = 256  # pixels: the flow between two pictures of this size takes 5 ms
RADIUS = 24  # pixels, standard deviation: an intercostal space is 8 to 12 wide, a lung 80
CONTRAST = 40  # grey levels per local standard deviation
FLOOR = 4.0  # grey levels added to that deviation, so that noise in an even region stays small
# Noise, JPEG quality 95 and shifts by a pixel move `bounding_box` by 5 to 10 pixels (95th percentile, 72 films of about
# 512). Without a share of `_TAIL` of the lungs on each side, then wider by a share of `_WIDER` on each, the box moves
# by 4 to 7. It holds 98.8 % of the true lungs instead of 99.7 %; with the usual margin, 99.7 %.
_TAIL, _WIDER = 0.01, 0.03
EVEN = 10  # grey levels that a border's row spans at most (JPEG adds a few to black); the body's nearly always more
_LETTERS = 8  # percent of a border's row that may have any grey: a marker


class Box(NamedTuple):
    """A rectangle in a picture's pixels, half-open."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def rows(self) -> slice:
        return slice(self.top, self.bottom)

    @property
    def columns(self) -> slice:
        return slice(self.left, self.right)


def bounding_box(mask: np.ndarray) -> Box:
    """Return the smallest box around the pixels of a mask, bool [h, w], which must not be empty."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def steady_box(mask: np.ndarray) -> Box:
    """Return a box of a mask, bool [h, w], that a few pixels hardly move: near `bounding_box`. It must not be empty."""
    (left, right), (top, bottom) = (_find_extent(mask.sum(axis=axis)) for axis in (0, 1))
    return Box(left, top, right, bottom)


def _find_extent(counts: np.ndarray) -> tuple[int, int]:
    """Return (start, stop) of the lines that hold nearly all pixels, widened."""
    before, after = np.cumsum(counts), np.cumsum(counts[::-1])
    start, stop = (int(np.searchsorted(sums, _TAIL * sums[-1], side="right")) for sums in (before, after))
    stop = len(counts) - stop
    wider = round(_WIDER * (stop - start))
    return max(0, start - wider), min(len(counts), stop + wider)


def find_content(picture: np.ndarray) -> Box | None:
    """Return the box within the even borders of a uint8 picture [h, w]; None if it has less than a fifth of a side.

    It is also None if the box holds no whole pixel of a picture of a few pixels.

    A shifted or padded film has even borders. If they were kept, they would look like the air next to a body.
    """
    height, width = picture.shape
    small = shrink(picture, ATLAS_SIDE)
    spans = [_find_varied(small, axis) for axis in (1, 0)]
    if any(stop - start < ATLAS_SIDE / 5 for start, stop in spans):
        return None
    (top, bottom), (left, right) = spans
    if (top, bottom, left, right) == (0, ATLAS_SIDE, 0, ATLAS_SIDE):
        return Box(0, 0, width, height)
    # A row of the square that holds both border and film counts as film, with the rest of the border in it.
    across, down = width / ATLAS_SIDE, height / ATLAS_SIDE
    box = Box(int(np.ceil(left * across)), int(np.ceil(top * down)), int(right * across), int(bottom * down))
    return box if box.left < box.right and box.top < box.bottom else None


def shrink(picture: np.ndarray, side: int) -> np.ndarray:
    """Return the picture at `side` x `side` pixels, each the mean of the area that it covers."""
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)


def even_out(picture: np.ndarray, radius: float = RADIUS) -> np.ndarray:
    """Return a picture with local mean 128 and the same local contrast everywhere: uint8, the same shape."""
    values = picture.astype(np.float32)
    values -= cv2.GaussianBlur(values, (0, 0), radius)
    spread = np.sqrt(cv2.GaussianBlur(values * values, (0, 0), radius))
    return np.clip(128 + CONTRAST * values / (spread + FLOOR), 0, 255).astype(np.uint8)


def _find_varied(small: np.ndarray, axis: int) -> tuple[int, int]:
    """Return (start, stop) of the lines along `axis` that are not even; (0, 0) if all are even."""
    shares = [1, _LETTERS, 100 - _LETTERS, 99]  # percent: letters are brighter than a border, or darker
    lowest, low, high, highest = np.percentile(small, shares, axis=axis)
    varied = np.flatnonzero((high - lowest > EVEN) & (highest - low > EVEN))
    return (int(varied[0]), int(varied[-1]) + 1) if len(varied) else (0, 0)
