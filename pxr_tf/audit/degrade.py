"""Worse pictures, at graded strengths: what another detector, exposure or positioning does to an X-ray.

Each function takes a prepared picture, uint8 [side, side], a strength, and a seed that decides its noise or direction;
it returns another picture of that shape. Strength 0 changes nothing.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import cv2
import numpy as np

Degrade = Callable[[np.ndarray, float, int], np.ndarray]


class Degradation(NamedTuple):
    """One way in which pictures get worse."""

    degrade: Degrade
    strengths: tuple[float, ...]  # rising
    mild: float  # one of them: it occurs every day, and a radiologist would read the picture as before
    unit: str
    reason: str  # why `mild` is mild


def add_noise(picture: np.ndarray, strength: float, seed: int) -> np.ndarray:
    """Return the picture with normal noise of this standard deviation, in grey levels; stronger noise is alike."""
    noise = np.random.default_rng(seed).standard_normal(picture.shape, np.float32)
    return np.clip(np.rint(picture + strength * noise), 0, 255).astype(np.uint8)


def blur(picture: np.ndarray, strength: float, seed: int) -> np.ndarray:
    """Return the picture smoothed by a Gaussian of this standard deviation, in percent of the side."""
    deviation = strength / 100 * len(picture)
    return cv2.GaussianBlur(picture, (0, 0), deviation) if deviation > 0 else picture


def expose(picture: np.ndarray, strength: float, seed: int) -> np.ndarray:
    """Return the picture darker (grey to the power 1 + strength) or brighter (its root): the seed decides which."""
    power = (1 + strength) ** _direction(seed)
    levels = np.rint(255 * (np.arange(256) / 255) ** power).astype(np.uint8)
    return levels[picture]


def rotate(picture: np.ndarray, strength: float, seed: int) -> np.ndarray:
    """Return the picture turned about its centre by these degrees, to a side that the seed decides; edges stretch."""
    side = len(picture)
    matrix = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), strength * _direction(seed), 1)
    return cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def crop(picture: np.ndarray, strength: float, seed: int) -> np.ndarray:
    """Return the picture without these percent of the side at each edge, at its old size."""
    side = len(picture)
    cut = round(strength / 100 * side)
    kept = np.ascontiguousarray(picture[cut : side - cut, cut : side - cut])
    return cv2.resize(kept, (side, side), interpolation=cv2.INTER_LINEAR)


def _direction(seed: int) -> int:
    return 1 if seed % 2 else -1


DEGRADATIONS: Mapping[str, Degradation] = MappingProxyType(
    {
        "noise": Degradation(add_noise, (1, 2, 5, 10, 20), 2, "grey levels", "1 % of the range, which nobody sees"),
        "blur": Degradation(
            blur, (0.25, 0.5, 1, 1.5, 2), 0.25, "% of the side", "a millimetre on a film of 40 cm, as the heart moves"
        ),
        "exposure": Degradation(expose, (0.1, 0.25, 0.5, 0.75, 1), 0.25, "added to gamma", "as two devices differ"),
        "rotation": Degradation(rotate, (2, 5, 10, 20, 30), 5, "degrees", "as patients lean"),
        "crop": Degradation(crop, (2, 5, 10, 15, 20), 5, "% of the side", "as fields of view differ"),
    }
)
