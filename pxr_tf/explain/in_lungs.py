"""How much of a map lies in the lungs, beside how much of the picture they are."""

from typing import Literal

import numpy as np

from pxr_tf.errors import PxrError

# What of a map counts. The headline is `positive`: what speaks for the class, which is what a CAM shows, so that all
# methods answer one question. `absolute` also counts what speaks against it: a network may look outside the lungs for
# that, too, so it stands beside the headline.
Counted = Literal["positive", "absolute"]
HEADLINE: Counted = "positive"


def share_inside(maps: np.ndarray, masks: np.ndarray, counted: Counted = HEADLINE) -> np.ndarray:
    """Return the share of each map's attribution that lies inside its mask: float64 [n], 0 to 1.

    `maps` are [n, height, width] at the size of the picture, `masks` bool of the same shape. NaN where nothing of a map
    counts, such as one of zeros alone. Raises `PxrError` where the shapes differ.
    """
    if maps.shape != masks.shape:
        raise PxrError(
            f"Maps of {maps.shape} were given with masks of {masks.shape}; accepted: one mask per map, alike."
        )
    rows = (_count(one, inside, counted) for one, inside in zip(maps, masks, strict=True))
    return np.fromiter(rows, np.float64, len(maps))


def share_of_area(masks: np.ndarray) -> np.ndarray:
    """Return the share of the picture that each mask covers, float64 [n]: what an even map would have inside it."""
    return masks.mean(axis=(1, 2), dtype=np.float64)


def _count(one: np.ndarray, inside: np.ndarray, counted: Counted) -> float:
    weights = np.abs(one, dtype=np.float64) if counted == "absolute" else np.clip(one, 0, None, dtype=np.float64)
    total = weights.sum()
    return weights[inside].sum() / total if total > 0 else np.nan
