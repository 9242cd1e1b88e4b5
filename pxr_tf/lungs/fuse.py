"""Bend atlas pictures to one picture by optical flow, and let their lungs vote."""

from typing import NamedTuple

import cv2
import numpy as np

from pxr_tf.lungs.atlas import LungAtlas
from pxr_tf.lungs.contrast import ATLAS_SIDE, shrink

VOTERS = 10
FLOW_BLUR = 4.0  # pixels: the flow is smoothed, because lungs bend as a whole
# Pixels. Smooths jags where votes disagree, behind a child's heart; costs 0.0002 of Dice. A graph cut (cv2.grabCut) of
# the border gained nothing: Dice 0.944 to 0.953 with wide to narrow bands, instead of 0.953, for 0.04 s.
BORDER_BLUR = 2.0
HALF = ATLAS_SIDE // 2  # pixels of the square in which two pictures are compared: four times as fast, same Dice
WINDOW = 5.0  # pixels of that square, standard deviation: the neighbourhood that counts
SHARPNESS = 4.0  # a voter that agrees perfectly outweighs an unrelated voter by exp(4) = 55
SMALLEST_VARIANCE = 20.0  # grey levels squared: makes even regions count as unrelated


class Fusion(NamedTuple):
    """The atlas's answer for one picture."""

    chances: np.ndarray  # float32 [ATLAS_SIDE, ATLAS_SIDE], 0 to 1
    votes: np.ndarray  # float32 [voters, ATLAS_SIDE, ATLAS_SIDE], each voter's lungs, 0 to 1
    likeness: np.ndarray  # float32 [ATLAS_SIDE, ATLAS_SIDE], mean local correlation with the voters, -1 to 1


def fuse(picture: np.ndarray, thumbnail: np.ndarray, atlas: LungAtlas) -> Fusion:
    """Return the vote of the most similar atlas pictures; `picture`, uint8 [ATLAS_SIDE, ATLAS_SIDE], is evened out."""
    voters = np.argsort(-(atlas.thumbnails @ thumbnail), kind="stable")[:VOTERS]
    bending = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    here = _Local(picture)
    votes, likenesses = [], []
    for voter in voters:
        flow = cv2.GaussianBlur(bending.calc(picture, atlas.pictures[voter], None), (0, 0), FLOW_BLUR)
        votes.append(_bend(atlas.masks[voter], flow))
        likenesses.append(here.compare(_bend(atlas.pictures[voter], flow)))
    weights = np.exp(SHARPNESS * np.stack(likenesses))
    chances = (weights * votes).sum(axis=0) / weights.sum(axis=0)
    return Fusion(cv2.GaussianBlur(chances, (0, 0), BORDER_BLUR), np.stack(votes), np.mean(likenesses, axis=0))


def dice(first: np.ndarray, second: np.ndarray) -> float:
    """Return the Dice coefficient of two bool masks; 0 if both are empty."""
    total = np.count_nonzero(first) + np.count_nonzero(second)
    return 2 * np.count_nonzero(first & second) / total if total else 0.0


class _Local:
    """Local correlation with one picture; its own blurs are computed once."""

    def __init__(self, picture: np.ndarray) -> None:
        self._values = shrink(picture, HALF).astype(np.float32)
        self._mean, self._variance = _moments(self._values)

    def compare(self, other: np.ndarray) -> np.ndarray:
        """Return the correlation around each pixel with another picture, -1 to 1; both are [ATLAS_SIDE, ATLAS_SIDE]."""
        values = shrink(other, HALF).astype(np.float32)
        mean, variance = _moments(values)
        shared = _blur(self._values * values) - self._mean * mean
        correlation = shared / np.sqrt((self._variance + SMALLEST_VARIANCE) * (variance + SMALLEST_VARIANCE))
        return cv2.resize(correlation, (ATLAS_SIDE, ATLAS_SIDE), interpolation=cv2.INTER_LINEAR)


def _moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = _blur(values)
    return mean, np.maximum(_blur(values * values) - mean * mean, 0)


def _blur(values: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(values, (0, 0), WINDOW)


def _bend(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    return cv2.remap(picture, _PLACES + flow, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


# [ATLAS_SIDE, ATLAS_SIDE, (column, row)]
_PLACES = np.dstack(np.meshgrid(*[np.arange(ATLAS_SIDE, dtype=np.float32)] * 2))
