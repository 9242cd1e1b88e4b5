"""Do two maps rank the pixels alike? Spearman's correlation, of one model's maps and of several models'."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy.stats import rankdata


def rank_correlation(maps: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return Spearman's rank correlation of each map with its other one, float64 [n]; both are [n, height, width].

    Adebayo et al. have it of the values as they are and of their absolute values: give either. A map that is the same
    everywhere has no ranks. Where the other one is such (randomised networks often leave a CAM blank), nothing of the
    map is left in it, and the correlation counts as 0; where the map itself is, it is NaN.
    """
    pairs = zip(maps.reshape(len(maps), -1), others.reshape(len(others), -1), strict=True)
    return np.fromiter((_spearman(one, other) for one, other in pairs), np.float64, len(maps))


def agreement(maps: Sequence[np.ndarray]) -> np.ndarray:
    """Return how well several models agree on each picture, float64 [n]: the mean rank correlation of all pairs.

    `maps` has one array [n, height, width] per model (fold), two or more. A pair of which one map is blank agrees by 0;
    one of which both are does not count, and a picture without a pair that counts is NaN.
    """
    pairs = np.stack([_of_pair(*pair) for pair in combinations(maps, 2)])
    known = ~np.isnan(pairs)
    counts = known.sum(axis=0)
    return np.where(counts > 0, np.where(known, pairs, 0).sum(axis=0) / np.maximum(counts, 1), np.nan)


def _of_pair(maps: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the correlations of two models' maps, whichever of them is blank."""
    return np.fmax(rank_correlation(maps, others), rank_correlation(others, maps))


def _spearman(one: np.ndarray, other: np.ndarray) -> float:
    if np.ptp(one) == 0:
        return np.nan
    if np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])
