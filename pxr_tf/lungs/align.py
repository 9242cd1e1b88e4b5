"""Align a chest with the atlas: an affine map from the atlas's square to the picture's."""

from typing import NamedTuple

import cv2
import numpy as np

from pxr_tf.lungs.contrast import ATLAS_SIDE, shrink

SMALL = 64  # pixels of the square in which the map is found: under a millisecond per start
_COARSE = 32  # pixels of the square in which starts are compared
_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-3)
# For the best map, in 6 ms. Noise decides where the first criterion stops: with it alone, 1.5 grey levels of noise and
# JPEG quality 95 moved a corner of the map by up to 55 pixels of the atlas, in 72 films.
_STOP_BEST = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 200, 1e-5)
_SHIFTS, _SCALES, _TURNS = (-0.12, 0.0, 0.12), (0.8, 1.0, 1.25), (-12.0, 0.0, 12.0)  # of the side; factors; degrees
NUM_STARTS = 3
AREAS = 0.25, 3.0  # area of the mapped atlas square, as a share of the picture's: lowest, highest
# Cost of a map that stretches one direction e (2.7) times as much as the other. Without it, a map that misses the lower
# half of the lungs may win: mean Dice 0.946 instead of 0.948 on shifted films, 0.941 with five starts instead of three.
_SKEW = 0.3
# Cost of a map that makes the chest e times as large or small, in area. Without it, the dark upper half of a child's
# lungs, above a consolidation or the heart, passed for the whole lungs in 7 of 50 children. 72 adults lose nothing.
_AREA = 0.5
# The exact search may cost this much likeness (the cost of a map is not part of the search), or it went astray: in one
# film of 72, moved by a pixel, from 0.36 to 0.16.
_LOSS = 0.02
_MARGIN = 0.1  # the inverted picture must resemble a chest by this much more: few pictures are inverted


class Alignment(NamedTuple):
    """Where the atlas's mean picture is in a picture."""

    matrix: np.ndarray  # float32 [2, 3]: a pixel (column, row) of the atlas -> of the picture; both ATLAS_SIDE wide
    inverted: bool  # air is bright in the picture


def align(mean: np.ndarray, picture: np.ndarray, *, may_invert: bool = True, exactly: bool = True) -> Alignment:
    """Return where the atlas's `mean` is in an evened-out picture; both are uint8 [ATLAS_SIDE, ATLAS_SIDE].

    If not `exactly`, the search stops early: it takes half of the time, but noise moves the result.
    """
    template, target, negative = (_soften(one) for one in (mean, picture, 255 - picture))
    found, inverted = _align_upright(template, target), False
    if may_invert:
        other = _align_upright(template, negative)
        if other.likeness > found.likeness + _MARGIN:
            found, target, inverted = other, negative, True
    if exactly:
        better = _improve(template, target, found.matrix, _STOP_BEST)
        found = better if better.likeness > found.likeness - _LOSS else found
    return Alignment(_rescale(found.matrix, ATLAS_SIDE / SMALL), inverted)


def pull(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return a picture [ATLAS_SIDE, ATLAS_SIDE] in the atlas's square; its border pixels are repeated outside it."""
    return cv2.warpAffine(picture, matrix, (ATLAS_SIDE, ATLAS_SIDE), flags=_PULL, borderMode=cv2.BORDER_REPLICATE)


def _soften(picture: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(shrink(picture, SMALL).astype(np.float32), (0, 0), 1)


class _Found(NamedTuple):
    likeness: float  # correlation with the atlas's mean picture, less the cost of the map
    matrix: np.ndarray  # float32 [2, 3], at SMALL pixels


def _align_upright(template: np.ndarray, target: np.ndarray) -> _Found:
    """Return the best of the maps that several starts lead to."""
    found = [_improve(template, target, start, _STOP) for start in _choose_starts(template, target)]
    return max(found, key=lambda one: one.likeness)


def _improve(template: np.ndarray, target: np.ndarray, start: np.ndarray, stop: tuple[int, int, float]) -> _Found:
    """Return the map that a start leads to; `_NO_MAP` if the search does not converge, or shrinks or enlarges much."""
    try:
        likeness, matrix = cv2.findTransformECC(template, target, start.copy(), cv2.MOTION_AFFINE, stop, None, 1)
    except cv2.error:  # it did not converge
        return _NO_MAP
    sound = AREAS[0] < np.linalg.det(matrix[:, :2]) < AREAS[1]
    return _Found(likeness - _cost(matrix), matrix) if sound else _NO_MAP


def _cost(matrix: np.ndarray) -> float:
    """Return the cost of a map's skew and of its change of size, whatever the picture shows."""
    larger, smaller = np.log(np.linalg.svd(matrix[:, :2], compute_uv=False))
    return float(_SKEW * (larger - smaller) ** 2 + _AREA * (larger + smaller) ** 2)


def _choose_starts(template: np.ndarray, target: np.ndarray) -> list[np.ndarray]:
    """Return the identity and the NUM_STARTS most promising affine maps, float32 [2, 3] at SMALL pixels."""
    mean, picture = shrink(template, _COARSE), shrink(target, _COARSE)
    size = (_COARSE, _COARSE)
    seen = [cv2.warpAffine(picture, matrix, size, flags=_PULL, borderMode=cv2.BORDER_REPLICATE) for matrix in _STARTS]
    best = np.argsort(-_correlate(np.stack(seen), mean), kind="stable")[:NUM_STARTS]
    return [_rescale(matrix, SMALL / _COARSE) for matrix in (_IDENTITY, *(_STARTS[number] for number in best))]


def _correlate(pictures: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the correlation of each picture [n, h, w] with `other` [h, w]; 0 for a picture of one grey."""
    values, centred = pictures.reshape(len(pictures), -1), other.ravel() - other.mean()
    values = values - values.mean(axis=1, keepdims=True)
    return values @ centred / (np.linalg.norm(values, axis=1) * np.linalg.norm(centred) + 1e-6)


def _make_starts() -> list[np.ndarray]:
    centre = (_COARSE - 1) / 2
    starts = []
    for turn in _TURNS:
        for scale in _SCALES:
            matrix = cv2.getRotationMatrix2D((centre, centre), turn, scale)
            starts += [matrix + np.array([[0, 0, x], [0, 0, y]]) * _COARSE for x in _SHIFTS for y in _SHIFTS]
    return [start.astype(np.float32) for start in starts]


def _rescale(matrix: np.ndarray, factor: float) -> np.ndarray:
    """Return the same map for squares `factor` times as large; pixels are counted from their centres."""
    scaled = matrix.copy()
    scaled[:, 2] = matrix[:, 2] * factor + (factor - 1) / 2 * (1 - matrix[:, :2].sum(axis=1))
    return scaled


_PULL = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
_IDENTITY = np.eye(2, 3, dtype=np.float32)
_NO_MAP = _Found(-np.inf, _IDENTITY)  # any map that was found is more alike
_STARTS = _make_starts()
