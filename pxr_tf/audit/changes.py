"""Changes that have nothing to do with a disease, on a prepared picture: uint8 [side, side] in, uint8 [side, side] out.

None changes its input, and none is random.
"""

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType

import cv2
import numpy as np

from pxr_tf.phantoms.acquisition import plant_marker

BORDER = 0.05  # of the side: as wide as the border that phantoms may have
FRAME, CORNER = 0.1, 0.2  # of the side: the frame that is exchanged, and its corners, where markers are
FINE = 0.125  # waves per pixel: detail of four pixels and less: textures and noise rather than anatomy
_MOST_GAIN = 8.0  # even a picture without any fine detail becomes no mere noise
_SMOOTH = 0.02  # of the side: smooths noise and JPEG blocks away, but not the edge of the body
_LETTER = 0.06  # of the side: markers next to a body have thinner strokes
_TALL = 0.3  # of the side: gaps of the body's edge that are no taller are closed
_DARK = 0.25  # of the median grey: air next to a body is darker, soft tissue and most of the lungs are brighter


def shift_by_one(picture: np.ndarray) -> np.ndarray:
    """Return the picture moved right by one pixel, its first column doubled: as good as unchanged."""
    return np.hstack([picture[:, :1], picture[:, :-1]])


def draw_border(picture: np.ndarray, grey: int) -> np.ndarray:
    """Return the picture with its outer twentieth covered by one grey."""
    width, covered = max(1, round(BORDER * len(picture))), np.full_like(picture, grey)
    covered[width:-width, width:-width] = picture[width:-width, width:-width]
    return covered


def draw_black_border(picture: np.ndarray) -> np.ndarray:
    """Return the picture with a black border."""
    return draw_border(picture, 0)


def draw_white_border(picture: np.ndarray) -> np.ndarray:
    """Return the picture with a white border."""
    return draw_border(picture, 255)


def draw_marker(picture: np.ndarray) -> np.ndarray:
    """Return the picture with a bright R in its top left corner."""
    return plant_marker(picture.copy())


def mirror(picture: np.ndarray) -> np.ndarray:
    """Return the picture mirrored left to right."""
    return np.ascontiguousarray(picture[:, ::-1])


def invert(picture: np.ndarray) -> np.ndarray:
    """Return the negative."""
    return 255 - picture


def blank_background(picture: np.ndarray) -> np.ndarray:
    """Return the picture with all that is outside the body black; see `find_body`."""
    return np.where(find_body(picture), picture, np.uint8(0))


def find_body(picture: np.ndarray) -> np.ndarray:
    """Return where the body is, bool [side, side]: each row's part from the first to the last pixel of the chest wall.

    The wall is in the largest bright region. So lungs belong to the body, though they may be as dark as the air next to
    it. A picture of one grey has no background.
    """
    side = len(picture)
    smooth = cv2.GaussianBlur(picture, (0, 0), max(0.5, _SMOOTH * side))
    bright = (smooth > _DARK * np.median(smooth)).astype(np.uint8)
    letters = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (max(1, round(_LETTER * side)),) * 2)
    bright = cv2.morphologyEx(bright, cv2.MORPH_OPEN, letters)
    count, parts, facts, _ = cv2.connectedComponentsWithStats(bright, connectivity=4)
    if count < 2:
        return np.ones(picture.shape, bool)
    largest = parts == 1 + int(facts[1:, cv2.CC_STAT_AREA].argmax())
    spans = np.logical_or.accumulate(largest, 1) & np.logical_or.accumulate(largest[:, ::-1], 1)[:, ::-1]
    tall = np.ones((max(1, round(_TALL * side)), 1), np.uint8)  # a lung's row may lack the wall of the chest
    return cv2.morphologyEx(spans.astype(np.uint8), cv2.MORPH_CLOSE, tall).astype(bool)


def exchange_frame(picture: np.ndarray, donor: np.ndarray) -> np.ndarray:
    """Return the picture with the frame of another one: its outer tenth and its corners."""
    side = len(picture)
    frame, corner = max(1, round(FRAME * side)), max(1, round(CORNER * side))
    inner = np.zeros(picture.shape, bool)
    inner[frame:-frame, frame:-frame] = True
    for rows in (slice(corner), slice(-corner, None)):
        for columns in (slice(corner), slice(-corner, None)):
            inner[rows, columns] = False
    return np.where(inner, picture, donor)


def match_histogram(picture: np.ndarray, histogram: np.ndarray) -> np.ndarray:
    """Return the picture with grey levels replaced, in their order, so that their shares follow a histogram [256].

    All pixels of one grey get one grey: the level below which the histogram has as large a share as the picture has
    below the middle of this grey.
    """
    counts = np.bincount(picture.ravel(), minlength=256)
    middle = (np.cumsum(counts) - counts / 2) / counts.sum()
    wanted = np.cumsum(histogram) / np.sum(histogram)
    return np.minimum(np.searchsorted(wanted, middle), 255).astype(np.uint8)[picture]


def match_spectrum(picture: np.ndarray, spectrum: np.ndarray) -> np.ndarray:
    """Return the picture with its fine detail as strong as in a spectrum, of `measure_spectrum`: sharper or softer.

    Detail coarser than `FINE` stays. No frequency becomes more than `_MOST_GAIN` times stronger or weaker.
    """
    rings, own = _find_rings(len(picture)), measure_spectrum(picture)
    gains = np.exp(np.clip((np.asarray(spectrum) - own) / 2, -np.log(_MOST_GAIN), np.log(_MOST_GAIN)))
    gains[np.arange(len(gains)) < FINE * len(picture)] = 1
    changed = np.fft.irfft2(np.fft.rfft2(picture.astype(np.float64)) * gains[rings], picture.shape)
    return np.clip(np.rint(changed), 0, 255).astype(np.uint8)


def measure_spectrum(picture: np.ndarray) -> np.ndarray:
    """Return the mean logarithm of the power of each frequency, float64 [side / 2 + 1], in whole waves per side."""
    rings = _find_rings(len(picture))
    power = np.log(np.abs(np.fft.rfft2(picture.astype(np.float64))) ** 2 + 1)
    return np.bincount(rings.ravel(), power.ravel()) / np.bincount(rings.ravel())


@cache
def _find_rings(side: int) -> np.ndarray:
    """Return the number of waves per side of each place in a half spectrum, int [side, side // 2 + 1].

    The corners, of higher frequencies than any row or column has, count as the highest.
    """
    rows, columns = np.fft.fftfreq(side) * side, np.arange(side // 2 + 1)
    return np.minimum(np.rint(np.hypot(rows[:, None], columns)), side // 2).astype(np.int64)


Simple = Callable[[np.ndarray], np.ndarray]
SIMPLE: Mapping[str, Simple] = MappingProxyType(
    {
        "shift": shift_by_one,
        "black border": draw_black_border,
        "white border": draw_white_border,
        "marker": draw_marker,
        "mirrored": mirror,
        "background": blank_background,
        "inverted": invert,
    }
)
