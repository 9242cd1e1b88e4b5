"""Measure how well a map finds a known truth, such as the lesion drawn into a phantom."""

import numpy as np
from sklearn.metrics import roc_auc_score


def pointing_hits(maps: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return whether the largest value of each map is in its truth, float64 [n]: 1, 0, or NaN if it is not positive.

    Both are [n, height, width], the truth bool. If several pixels have the largest value, the result is the share of
    them in the truth. Source: Zhang et al., "Top-down Neural Attention by Excitation Backprop" (the pointing game),
    without its tolerance of 15 pixels, because a lesion is large.
    """
    hits = [known[one == one.max()].mean() if one.max() > 0 else np.nan for one, known in zip(maps, truth, strict=True)]
    return np.array(hits, np.float64)


def pixel_auc(maps: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the AUC with which each map's values separate the pixels of its truth from the others, float64 [n].

    0.5 is guessing. NaN if all pixels are of one kind.
    """
    pairs = zip(maps, truth, strict=True)
    known = [(roc_auc_score(here.ravel(), one.ravel()) if 0 < here.mean() < 1 else np.nan) for one, here in pairs]
    return np.array(known, np.float64)
