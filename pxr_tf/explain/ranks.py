"""Do two maps rank the pixels alike? Spearman's correlation, of one model's maps and of several models'."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy.stats import rankdata

SIGNED, ABSOLUTE = "signed", "absolute"


def rank_correlation(maps: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return Spearman's rank correlation of each map with its other one, float64 [n]; both are [n, height, width].

    Of maps with signs give each of `compared_views`. A map that is the same everywhere has no ranks. Where the other
    one is such (randomised networks often leave a CAM blank), nothing of the map is left in it, and the correlation
    counts as 0; where the map itself is, it is NaN.
    """
    pairs = zip(maps.reshape(len(maps), -1), others.reshape(len(others), -1), strict=True)
    return np.fromiter((_spearman(one, other) for one, other in pairs), np.float64, len(maps))


def compared_views(maps: np.ndarray, signed: bool) -> dict[str, np.ndarray]:
    """Return name -> what of the maps is to be ranked: ``signed`` and ``absolute`` values; without signs "" alone.

    Adebayo et al., "Sanity Checks for Saliency Maps", rank both: signs alone may scatter while the strength stays. Maps
    that are multiplied by the picture, such as integrated gradients, stay bright where the picture is: with random
    weights the signed ones of X-rays correlate with the learned ones by 0.00, the absolute ones by 0.36 to 0.42.
    """
    return {SIGNED: maps, ABSOLUTE: np.abs(maps)} if signed else {"": maps}


def agreement(maps: Sequence[np.ndarray]) -> np.ndarray:
    """Return how well several models agree on each picture, float64 [n]: the mean rank correlation of all pairs.

    `maps` has one array [n, height, width] per model (fold), two or more. Where one map of a pair is blank, the pair's
    correlation is 0; where both are, the pair does not count. A picture without any pair that counts is NaN.
    """
    pairs = np.stack(
        [np.fmax(rank_correlation(*pair), rank_correlation(*pair[::-1])) for pair in combinations(maps, 2)]
    )
    known = ~np.isnan(pairs)
    counts = known.sum(axis=0)
    return np.where(counts > 0, np.where(known, pairs, 0).sum(axis=0) / np.maximum(counts, 1), np.nan)


def _spearman(one: np.ndarray, other: np.ndarray) -> float:
    if np.ptp(one) == 0:
        return np.nan
    if np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])
