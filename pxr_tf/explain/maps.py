"""Resize raw maps to the picture, and compare them with the lungs."""

import cv2
import numpy as np

from pxr_tf.errors import PxrError


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


def share_inside(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Return the share of each map's positive attribution that is inside its mask: float64 [n], 0 to 1.

    `maps` are [n, height, width] at the size of the picture, `masks` bool of the same shape. Values below 0 do not
    count: a CAM has none, so all methods answer one question. A share is NaN if no value of the map counts. Raises
    `PxrError` if the shapes differ.
    """
    if maps.shape != masks.shape:
        raise PxrError(
            f"Maps {maps.shape} and masks {masks.shape} differ in shape. Give one mask of the same shape per map."
        )
    rows = (_share(np.clip(one, 0, None, dtype=np.float64), mask) for one, mask in zip(maps, masks, strict=True))
    return np.fromiter(rows, np.float64, len(maps))


def share_of_area(masks: np.ndarray) -> np.ndarray:
    """Return the share of the picture that each mask covers, float64 [n]: an even map's `share_inside`."""
    return masks.mean(axis=(1, 2), dtype=np.float64)


def _share(weights: np.ndarray, mask: np.ndarray) -> float:
    total = weights.sum()
    return weights[mask].sum() / total if total > 0 else np.nan
