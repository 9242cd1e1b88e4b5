"""A picture of any size and exposure -> the square in which lungs are looked for, its local contrast made even."""

from typing import NamedTuple

import cv2
import numpy as np

ATLAS_SIDE = 256  # pixels: the flow between two pictures of this size takes 5 ms
RADIUS = 24  # pixels, standard deviation: an intercostal space is 8 to 12 wide, a lung 80
CONTRAST = 40  # grey levels per local standard deviation
FLOOR = 4.0  # grey levels that are added to it, so that noise in an even region stays small
EVEN = 10  # grey levels: a border's row spans no more (JPEG adds a few to a black one), the body's nearly always do
_LETTERS = 8  # percent of a border's row that may be anything: a marker lies there


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
    """Return the smallest box around the pixels of a mask bool [h, w] that is not empty."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def find_content(picture: np.ndarray) -> Box | None:
    """Return what lies within the even borders of a uint8 picture [h, w]; None where less than a fifth of a side does.

    A shifted or padded film has such borders. Kept, they would look like the air beside a body.
    """
    height, width = picture.shape
    small = shrink(picture, ATLAS_SIDE)
    spans = [_find_varied(small, axis) for axis in (1, 0)]
    if any(stop - start < ATLAS_SIDE / 5 for start, stop in spans):
        return None
    (top, bottom), (left, right) = spans
    if (top, bottom, left, right) == (0, ATLAS_SIDE, 0, ATLAS_SIDE):
        return Box(0, 0, width, height)
    # A row of the square that a border shares with the film counts as film; what is left of the border goes with it.
    across, down = width / ATLAS_SIDE, height / ATLAS_SIDE
    return Box(int(np.ceil(left * across)), int(np.ceil(top * down)), int(right * across), int(bottom * down))


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
    """Return the first line along `axis` that is not even, and the one after the last."""
    shares = [1, _LETTERS, 100 - _LETTERS, 99]  # percent: letters are brighter than a border, or darker
    lowest, low, high, highest = np.percentile(small, shares, axis=axis)
    varied = np.flatnonzero((high - lowest > EVEN) & (highest - low > EVEN))
    return (int(varied[0]), int(varied[-1]) + 1) if len(varied) else (0, 0)
