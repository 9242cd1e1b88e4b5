"""Views of pictures: what is left of them without lungs, without detail, or without anything else.

A view is a pure function of prepared pictures, uint8 [n, size, size], and their lungs, bool [n, size, size]; it returns
pictures of the same shape. Raise `VIEWS_VERSION` if a view would give other pixels.
"""

from collections.abc import Callable

import cv2
import numpy as np

VIEWS_VERSION = 1
# A mask's edge is off by a few pixels, and a rim of lung would tell a class: the Dice coefficient of found lungs is
# about 0.95 (docs/lungs.md), which for two lungs of 60 x 120 pixels is a rim of 2.
WIDER = 32  # the lungs that are blacked out reach a 32nd of the side further: 7 pixels of 224
OUTER = 10  # the border that the view `outer_tenth` keeps is a tenth of the side, on each side
TINY = 8  # pixels of a side of the view `thumbnail`
QUALITY = 50  # of the one JPEG encoding; below nearly every file's own, so what files had of their own is drowned
BINS = 64  # of the histogram: 4 grey levels each
RAW = 32  # pixels of a side of what the probes on raw pixels get: 1,024 numbers, as many as a large network's features

View = Callable[[np.ndarray, np.ndarray], np.ndarray]


def show_whole(pictures: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    """Return the pictures as they are."""
    return pictures


def show_lungs_only(pictures: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    """Return the pictures with all but the lungs black."""
    return pictures * lungs


def black_out_lungs(pictures: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    """Return the pictures with the lungs black, and a rim around them (`WIDER`)."""
    return pictures * ~widen_lungs(lungs)


def black_out_box(pictures: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    """Return the pictures with the box around both lungs black: it hides the outline of the lungs, too."""
    wider = widen_lungs(lungs)
    rows, columns = wider.any(2), wider.any(1)
    box = _between(rows)[:, :, None] & _between(columns)[:, None, :]
    return pictures * ~box


def black_out_elsewhere(pictures: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    """Return the pictures with a black hole of the same area and shape as `black_out_lungs`, moved off the lungs."""
    return pictures * ~move_off(widen_lungs(lungs))


def show_outer_tenth(pictures: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    """Return the pictures with all black but a border of a tenth of the side; lungs within it are black, too."""
    width = max(1, round(pictures.shape[1] / OUTER))
    border = np.ones(pictures.shape[1:], bool)
    border[width:-width, width:-width] = False
    return pictures * (border & ~widen_lungs(lungs))


def show_thumbnail(pictures: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    """Return the pictures shrunk to `TINY` x `TINY` pixels, by plain means, and enlarged again."""
    return np.stack([_enlarge(shrink(picture, TINY), picture.shape) for picture in pictures])


def show_reencoded(pictures: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    """Return the pictures after JPEG with the quality `QUALITY`."""
    return np.stack([_reencode(picture) for picture in pictures])


VIEWS: dict[str, View] = {
    "whole": show_whole,
    "lungs_only": show_lungs_only,
    "without_lungs": black_out_lungs,
    "without_box": black_out_box,
    "hole_elsewhere": black_out_elsewhere,
    "outer_tenth": show_outer_tenth,
    "thumbnail": show_thumbnail,
    "reencoded": show_reencoded,
}


def count_greys(pictures: np.ndarray) -> np.ndarray:
    """Return the histogram of each picture, float32 [n, BINS]: the share of its pixels in each range of greys."""
    bins = pictures.reshape(len(pictures), -1) // (256 // BINS)
    return np.stack([np.bincount(row, minlength=BINS) / len(row) for row in bins]).astype(np.float32)


def shrink(picture: np.ndarray, side: int) -> np.ndarray:
    """Return a picture as uint8 [side, side]; every pixel is the mean of the area that it covers."""
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)


def widen_lungs(lungs: np.ndarray) -> np.ndarray:
    """Return the lungs with a rim of a `WIDER`-th of the side, bool [n, size, size]."""
    reach = max(1, round(lungs.shape[1] / WIDER))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.stack([cv2.dilate(mask.astype(np.uint8), disc) for mask in lungs]).astype(bool)


def move_off(masks: np.ndarray) -> np.ndarray:
    """Return each mask, bool [size, size], moved so that it covers as little of its old place as possible.

    What leaves the picture on one side enters on the other, so the area stays. The overlap of all moves is the mask's
    circular autocorrelation; of equal ones, the first move down, then across, counts.
    """
    spectra = np.fft.rfft2(masks.astype(np.float32))
    overlap = np.fft.irfft2(np.abs(spectra) ** 2, s=masks.shape[1:]).round()
    best = overlap.reshape(len(masks), -1).argmin(1)
    moves = np.stack(np.unravel_index(best, masks.shape[1:]), axis=1)
    return np.stack([np.roll(mask, move, (0, 1)) for mask, move in zip(masks, moves, strict=True)])


def _between(marked: np.ndarray) -> np.ndarray:
    """Return bool [n, size]: from the first marked place of each row to its last."""
    return np.logical_or.accumulate(marked, 1) & np.logical_or.accumulate(marked[:, ::-1], 1)[:, ::-1]


def _enlarge(picture: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return cv2.resize(picture, shape[::-1], interpolation=cv2.INTER_LINEAR)


def _reencode(picture: np.ndarray) -> np.ndarray:
    coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
    return cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)
