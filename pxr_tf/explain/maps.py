"""What is done with raw maps: brought to the picture's size, split by sign, compared with the lungs."""

from typing import Literal, NamedTuple

import cv2
import numpy as np

from pxr_tf.errors import PxrError

# What of a map counts. The headline is `positive`: what speaks for the class, which is what a CAM shows, so that all
# methods answer one question. `absolute` also counts what speaks against it: a network may look outside the lungs for
# that, too, so it stands beside the headline.
Counted = Literal["positive", "absolute"]
HEADLINE: Counted = "positive"


class Views(NamedTuple):
    """The four views of a signed map, each float32 and shaped as it."""

    absolute: np.ndarray  # how much a place matters
    positive: np.ndarray  # what speaks for the class; 0 elsewhere
    negative: np.ndarray  # what speaks against it, as values above 0; 0 elsewhere
    signed: np.ndarray


def views(maps: np.ndarray) -> Views:
    """Return absolute, positive, negative and signed views, as Novokshanov, "Pneumonia X-Ray Classification", has them.

    Written for Guided Grad-CAM: without rectifying its signs away, a guided gradient below 0 says where a *darker*
    pixel would raise the logit.
    """
    maps = np.asarray(maps, np.float32)
    return Views(np.abs(maps), np.maximum(maps, 0), np.maximum(-maps, 0), maps)


def at_picture_size(maps: np.ndarray, size: int) -> np.ndarray:
    """Return float32 [n, size, size] of [n, h, w]: bilinear, and constant beyond the centres of the outer cells.

    Cell i of 7 covers pixels 32 i to 32 i + 31 of 224, and its value lies at their centre, as the Grad-CAM authors
    have it (OpenCV's resize); tf-keras-vis 0.8.7 puts the outer cells' centres on the picture's outermost pixels, which
    moves what they show by half a cell, 16 of 224 pixels, towards the border.
    """
    maps = np.asarray(maps, np.float32)
    if maps.shape[1:] == (size, size):
        return maps
    return np.stack([cv2.resize(one, (size, size), interpolation=cv2.INTER_LINEAR) for one in maps])


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
