"""Tones of pictures: whether air is bright, how grey border and centre are, and whether anything is shown at all."""

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import pandas as pd

from pxr_tf.phantoms.sets import draw_phantom
from pxr_tf.pictures.decode import resize_grey

TONES = ("polarity", "border", "centre", "levels")  # columns of `describe_tones`
AS_USUAL, INVERTED = "air dark", "air bright"
_RING, _MIDDLE = 2, 8  # pixels of a thumbnail's side: its border, and what is outside its centre on each side
_PHANTOMS = 12
_PART = 2048  # thumbnails that are described together: 25 MB; of 100,000 at once, more than a gigabyte
FEW_LEVELS = 40  # `count_levels`: 1,048 public chest X-rays have 60 or more, a white disc 37, a ring 22, one grey 1


def describe_tones(thumbnails: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return ``polarity, border, centre, levels`` of thumbnails, uint8 [32, 32] each, by their name.

    Polarity is "air bright" if a thumbnail correlates negatively with the mean of some phantoms, as 2 of 2,960
    public X-rays do, and the negatives of all others. It is "" for one grey. Border and centre are mean grey values, 0
    to 255, of the outermost sixteenth on each side and of the inner quarter of the area. Levels: see `count_levels`.
    """
    if not thumbnails:
        return pd.DataFrame({name: pd.Series(dtype=object) for name in TONES})
    pictures = list(thumbnails.values())
    parts = [_describe_part(pictures[start : start + _PART]) for start in range(0, len(pictures), _PART)]
    return pd.concat(parts).set_axis(list(thumbnails))


def _describe_part(pictures: Sequence[np.ndarray]) -> pd.DataFrame:
    values = np.stack(pictures).astype(np.float32)
    likeness = ((values - values.mean((1, 2), keepdims=True)) * _mean_chest()).mean((1, 2))
    ring = np.ones(values.shape[1:], bool)
    ring[_RING:-_RING, _RING:-_RING] = False
    found = {
        "polarity": np.select([likeness > 0, likeness < 0], [AS_USUAL, INVERTED], ""),
        "border": values[:, ring].mean(1),
        "centre": values[:, _MIDDLE:-_MIDDLE, _MIDDLE:-_MIDDLE].mean((1, 2)),
        "levels": [count_levels(picture) for picture in pictures],
    }
    return pd.DataFrame(found)


def count_levels(thumbnail: np.ndarray) -> int:
    """Return how many grey levels a thumbnail, uint8 [32, 32], has, without those of a single pixel."""
    return int((np.bincount(thumbnail.ravel()) > 1).sum())


@cache
def _mean_chest() -> np.ndarray:
    """Return the mean of some phantoms, float32 [32, 32], of mean 0."""
    chests = [resize_grey(draw_phantom(number, 0, "normal", 32).image, 32, "average") for number in range(_PHANTOMS)]
    mean = np.stack(chests).astype(np.float32).mean(0)
    return mean - mean.mean()
