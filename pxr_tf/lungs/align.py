"""Align a chest with the atlas: an affine map from the atlas's square to the picture's."""

from typing import NamedTuple

import cv2
import numpy as np

from pxr_tf.lungs.contrast import ATLAS_SIDE, shrink

SMALL = 64  # pixels of the square in which the map is found: under a millisecond per start
_COARSE = 32  # pixels of the square in which starts are compared
_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-3)
_SHIFTS, _SCALES, _TURNS = (-0.12, 0.0, 0.12), (0.8, 1.0, 1.25), (-12.0, 0.0, 12.0)  # of the side; factors; degrees
NUM_STARTS = 3
AREAS = 0.25, 3.0  # area of the mapped atlas square, as a share of the picture's: lowest, highest
# Cost of a map that stretches one direction e (2.7) times as much as the other. Without it, a map that misses the lower
# half of the lungs may win: mean Dice 0.946 instead of 0.948 on shifted films, 0.941 with five starts instead of three.
_SKEW = 0.3
# Cost of a map that makes the chest e times as large or small, in area. Without it, the dark upper half of a child's
# lungs, above a consolidation or the heart, passed for the whole lungs in 7 of 50 children. 72 adults lose nothing.
_AREA = 0.5
_MARGIN = 0.1  # the inverted picture must resemble a chest by this much more: few pictures are inverted


class Alignment(NamedTuple):
    """Where the atlas's mean picture is in a picture."""

    matrix: np.ndarray  # float32 [2, 3]: a pixel (column, row) of the atlas -> of the picture; both ATLAS_SIDE wide
    inverted: bool  # air is bright in the picture
    likeness: float  # correlation with the atlas's mean picture, -1 to 1


def align(mean: np.ndarray, picture: np.ndarray, *, may_invert: bool = True) -> Alignment:
    """Return where the atlas's `mean` is in an evened-out picture; both are uint8 [ATLAS_SIDE, ATLAS_SIDE]."""
    plain = _align_upright(mean, picture, False)
    if not may_invert:
        return plain
    negative = _align_upright(mean, 255 - picture, True)
    return negative if negative.likeness > plain.likeness + _MARGIN else plain


def pull(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return a picture [ATLAS_SIDE, ATLAS_SIDE] in the atlas's square; its border pixels are repeated outside it."""
    return cv2.warpAffine(picture, matrix, (ATLAS_SIDE, ATLAS_SIDE), flags=_PULL, borderMode=cv2.BORDER_REPLICATE)


def _align_upright(mean: np.ndarray, picture: np.ndarray, inverted: bool) -> Alignment:
    template, target = (cv2.GaussianBlur(shrink(one, SMALL).astype(np.float32), (0, 0), 1) for one in (mean, picture))
    found = [(-1.0, _NOTHING)]
    for start in _choose_starts(template, target):
        try:
            likeness, matrix = cv2.findTransformECC(template, target, start, cv2.MOTION_AFFINE, _STOP, None, 1)
        except cv2.error:  # it did not converge
            continue
        if AREAS[0] < np.linalg.det(matrix[:, :2]) < AREAS[1]:
            found.append((likeness - _cost(matrix), matrix))
    likeness, matrix = max(found, key=lambda one: one[0])
    return Alignment(_rescale(matrix, ATLAS_SIDE / SMALL), inverted, likeness)


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
    return [_rescale(matrix, SMALL / _COARSE) for matrix in (_NOTHING, *(_STARTS[number] for number in best))]


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
_NOTHING = np.eye(2, 3, dtype=np.float32)
_STARTS = _make_starts()
