"""Properties of a picture that are not the disease, as numbers with names: how it was framed, exposed and stored."""

from collections.abc import Callable

import cv2
import numpy as np
from scipy.ndimage import binary_fill_holes

_EVEN = 8  # grey levels between the darkest and brightest of a row of a border: JPEG leaves less of one grey
_CORNER = 6  # a corner is a sixth of each side
_RING = 6  # the outer sixth of the frame shows hardly any lung
_TINY = 1e-6


def measure_marker(picture: np.ndarray) -> float:
    """Return how much brighter the brightest spot of a corner is than the corner's median, in grey levels, 0 to 255."""
    height, width = (max(2, side // _CORNER) for side in picture.shape)
    corners = (picture[rows, columns] for rows in (slice(height), slice(-height, None))
               for columns in (slice(width), slice(-width, None)))  # fmt: skip
    return max(float(np.percentile(corner, 99) - np.median(corner)) for corner in corners)


def measure_border(picture: np.ndarray) -> float:
    """Return the width of an even border, as a share of the side: the mean of the four edges."""
    found = []
    for axis in (0, 1):
        even = np.ptp(picture, axis=1 - axis) <= _EVEN
        found += [_leading(even), _leading(even[::-1])]
    return float(np.mean(found))


def measure_sharpness(picture: np.ndarray) -> float:
    """Return the finest detail in proportion to the next coarser one (logarithm), in the ring of the frame."""
    grey = picture.astype(np.float32)
    once, twice = (cv2.GaussianBlur(grey, (0, 0), sigma) for sigma in (0.7, 1.4))
    ring = _ring(picture)
    fine, coarse = np.abs(grey - once)[ring].mean(), np.abs(once - twice)[ring].mean()
    return float(np.log((fine + _TINY) / (coarse + _TINY)))


def measure_contrast(picture: np.ndarray) -> float:
    """Return the spread (standard deviation) of the greys in the ring of the frame, 0 to 128."""
    return float(picture[_ring(picture)].std())


def measure_polarity(picture: np.ndarray) -> float:
    """Return how much brighter the upper corners are than the upper middle, in grey levels, -255 to 255.

    The corners show air, and the middle the spine: below 0 unless the picture is inverted. No lung is there.
    """
    height, width = (max(2, side // _CORNER) for side in picture.shape)
    corners = np.concatenate([picture[:height, :width].ravel(), picture[:height, -width:].ravel()])
    middle = picture.shape[1] // 2
    spine = picture[: 2 * height, middle - width // 4 : middle + width // 4 + 1]
    return float(np.median(corners)) - float(np.median(spine))


def measure_body_size(picture: np.ndarray) -> float:
    """Return the share of the frame that the body fills: what is brighter than Otsu's threshold, holes filled."""
    smooth = cv2.GaussianBlur(picture, (0, 0), max(1.0, min(picture.shape) / 64))
    _, body = cv2.threshold(smooth, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return float(binary_fill_holes(body > 0).mean())


# name in findings -> the number; `properties` adds what the file says (encoding)
PICTURE_PROPERTIES: dict[str, Callable[[np.ndarray], float]] = {
    "marker": measure_marker,
    "border": measure_border,
    "sharpness": measure_sharpness,
    "contrast": measure_contrast,
    "polarity": measure_polarity,
    "body size": measure_body_size,
}


def _leading(even: np.ndarray) -> float:
    """Return the share of lines before the first that is not even; 0 if all are."""
    return 0.0 if even.all() else float(np.argmin(even)) / len(even)


def _ring(picture: np.ndarray) -> np.ndarray:
    height, width = (max(1, side // _RING) for side in picture.shape)
    ring = np.ones(picture.shape, bool)
    ring[height:-height, width:-width] = False
    return ring
