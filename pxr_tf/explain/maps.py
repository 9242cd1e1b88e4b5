"""Resize raw maps to the picture, split them by sign, and compare them with the lungs."""

from typing import Literal, NamedTuple

import cv2
import numpy as np

from pxr_tf.errors import PxrError

# Which values of a map count. The headline is `positive`, the evidence for the class: a CAM shows nothing else, so all
# methods answer one question. `absolute` also counts evidence against the class. A network may look for that outside
# the lungs, too, so it is offered next to the headline.
Counted = Literal["positive", "absolute"]
HEADLINE: Counted = "positive"


class Views(NamedTuple):
    """The four views of a signed map, each float32 and of its shape."""

    absolute: np.ndarray  # how much a pixel matters
    positive: np.ndarray  # evidence for the class; 0 elsewhere
    negative: np.ndarray  # evidence against the class, as values above 0; 0 elsewhere
    signed: np.ndarray


def views(maps: np.ndarray) -> Views:
    """Return the absolute, positive, negative and signed views of Novokshanov, "Pneumonia X-Ray Classification".

    They are meant for Guided Grad-CAM, whose signs are kept: a guided gradient below 0 shows where a *darker* pixel
    would raise the logit.
    """
    maps = np.asarray(maps, np.float32)
    return Views(np.abs(maps), np.maximum(maps, 0), np.maximum(-maps, 0), maps)


def at_picture_size(maps: np.ndarray, size: int) -> np.ndarray:
    """Return maps [n, h, w] as float32 [n, size, size]: bilinear, and constant beyond the centres of the outer cells.

    Cell i of 7 covers pixels 32 i to 32 i + 31 of 224, and its value is at their centre, as in the Grad-CAM authors'
    code (OpenCV's resize). tf-keras-vis 0.8.7 puts the outer cells' centres on the picture's outermost pixels, which
    shifts the map by half a cell, 16 of 224 pixels, towards the border.
    """
    maps = np.asarray(maps, np.float32)
    if maps.shape[1:] == (size, size):
        return maps
    return np.stack([cv2.resize(one, (size, size), interpolation=cv2.INTER_LINEAR) for one in maps])


def share_inside(maps: np.ndarray, masks: np.ndarray, counted: Counted = HEADLINE) -> np.ndarray:
    """Return the share of each map's attribution that is inside its mask: float64 [n], 0 to 1.

    `maps` are [n, height, width] at the size of the picture, `masks` bool of the same shape. A share is NaN if no value
    of the map counts, as in a map of zeros. Raises `PxrError` if the shapes differ.
    """
    if maps.shape != masks.shape:
        raise PxrError(
            f"Maps {maps.shape} and masks {masks.shape} differ in shape. Give one mask of the same shape per map."
        )
    rows = (_count(one, inside, counted) for one, inside in zip(maps, masks, strict=True))
    return np.fromiter(rows, np.float64, len(maps))


def share_of_area(masks: np.ndarray) -> np.ndarray:
    """Return the share of the picture that each mask covers, float64 [n]: an even map's `share_inside`."""
    return masks.mean(axis=(1, 2), dtype=np.float64)


def _count(one: np.ndarray, inside: np.ndarray, counted: Counted) -> float:
    weights = np.abs(one, dtype=np.float64) if counted == "absolute" else np.clip(one, 0, None, dtype=np.float64)
    total = weights.sum()
    return weights[inside].sum() / total if total > 0 else np.nan
