"""Brightness of pictures in 24 figures: percentiles, moments, extremes, places, and how fast greys change."""

import numpy as np
import pandas as pd
from scipy.stats import entropy

from pxr_tf.evaluation.metrics import divide

PERCENTILES = (1, 5, 10, 25, 50, 75, 90, 95, 99)
EDGE = 8  # the border is an eighth of the side on each side, the centre what is between a quarter and three quarters
ROUNDING = 1e-9  # of sums of shares
NEARLY = 5  # grey levels from black or white that count as black or white


def describe_brightness(pictures: np.ndarray) -> pd.DataFrame:
    """Return 24 figures of each picture, uint8 [n, size, size]: greys from 0 to 255, shares from 0 to 1.

    Skewness and kurtosis (3 for a normal distribution) are 0 for a picture of one grey.
    """
    counts = np.stack([np.bincount(picture.ravel(), minlength=256) for picture in pictures])
    shares, levels = counts / counts.sum(1, keepdims=True), np.arange(256)
    reached = shares.cumsum(1)
    figures = {f"percentile_{p}": (reached < p / 100 - ROUNDING).sum(1) for p in PERCENTILES}
    mean = shares @ levels
    moments = [(shares * (levels - mean[:, None]) ** power).sum(1) for power in (2, 3, 4)]
    sd = np.sqrt(moments[0])
    figures |= {"mean": mean, "sd": sd}
    figures |= {"skew": divide(moments[1], sd**3, 0.0), "kurtosis": divide(moments[2], sd**4, 0.0)}
    figures |= {"black": shares[:, : NEARLY + 1].sum(1), "white": shares[:, -NEARLY - 1 :].sum(1)}
    return pd.DataFrame(figures | {"entropy": entropy(shares, axis=1)} | _places(pictures))


def _places(pictures: np.ndarray) -> dict[str, np.ndarray]:
    size = pictures.shape[1]
    half, quarter, edge = size // 2, size // 4, max(1, size // EDGE)
    border = np.ones((size, size), bool)
    border[edge:-edge, edge:-edge] = False
    shades = pictures.astype(np.int16)  # differences of uint8 would wrap
    return {
        "border": pictures[:, border].mean(1),
        "centre": pictures[:, quarter:-quarter, quarter:-quarter].mean((1, 2)),
        "top": pictures[:, :half].mean((1, 2)),
        "bottom": pictures[:, half:].mean((1, 2)),
        "left": pictures[:, :, :half].mean((1, 2)),
        "right": pictures[:, :, half:].mean((1, 2)),
        "change_across": np.abs(np.diff(shades, axis=2)).mean((1, 2)),
        "change_down": np.abs(np.diff(shades, axis=1)).mean((1, 2)),
    }
