"""Do two maps rank the pixels alike? Spearman's correlation, and what unrelated maps would reach by chance."""

from collections.abc import Sequence

import cv2
import numpy as np
from scipy.stats import rankdata

SIGNED, ABSOLUTE = "signed", "absolute"


Maps = Sequence[np.ndarray]  # each [height, width]; a map and its partner have the same shape


def rank_correlation(maps: Maps, others: Maps) -> np.ndarray:
    """Return Spearman's rank correlation of each map with its partner, float64 [n].

    If maps have signs, compare each of `compared_views`. A blank map, with one value everywhere, has no ranks. If the
    partner is blank (randomised networks often leave a CAM blank), nothing of the map is left, and the correlation is
    0. If the map itself is blank, the correlation is NaN.
    """
    pairs = zip(maps, others, strict=True)
    return np.fromiter((_spearman(one, other) for one, other in pairs), np.float64)


def chance_correlation(maps: Maps, others: Maps) -> np.ndarray:
    """Return the mean absolute rank correlation that each pair would have if the maps were unrelated, float64 [n].

    Small or smooth maps correlate by chance: two maps have few independent places, and the sign is ignored. The chance
    is the mean over all shifts of the partner, which is continued by its mirror images, so size and smoothness stay
    and the place is lost. For random maps this is close to the truth, or below it if a map has hardly more than one
    hill: 4 x 4 cells 0.20 (true: 0.20) to 0.44 (0.52), 7 x 7 cells 0.12 (0.12) to 0.43 (0.49). It is NaN if the map
    is blank, and 0 if the partner is.
    """
    pairs = zip(maps, others, strict=True)
    return np.fromiter((_chance(one, other) for one, other in pairs), np.float64)


def compared_views(maps: np.ndarray, signed: bool) -> dict[str, np.ndarray]:
    """Return view -> the values to rank: ``signed`` and ``absolute``; for maps without signs "" alone.

    Adebayo et al., "Sanity Checks for Saliency Maps", rank both: signs may scatter while the strength stays. Maps that
    are multiplied by the picture, such as integrated gradients, stay bright where the picture is bright. For X-rays,
    maps from random weights correlate with the learned maps by 0.00 if signed, and by 0.36 to 0.42 if absolute.
    """
    return {SIGNED: maps, ABSOLUTE: np.abs(maps)} if signed else {"": maps}


def agreement(maps: Maps, others: Maps) -> np.ndarray:
    """Return how well two models agree on each picture, float64 [n]: the rank correlation of their maps.

    If one of the maps is blank, it is 0. If both are, it is NaN, and the pair does not count.
    """
    return np.fmax(rank_correlation(maps, others), rank_correlation(others, maps))


def _spearman(one: np.ndarray, other: np.ndarray) -> float:
    if np.ptp(one) == 0:
        return np.nan
    if np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])


def _chance(one: np.ndarray, other: np.ndarray) -> float:
    if np.ptp(one) == 0:
        return np.nan
    if np.ptp(other) == 0:
        return 0.0
    fixed, moved = (rankdata(each).reshape(each.shape).astype(np.float32) / each.size for each in (one, other))
    # Twice the height and width of shifts, after which the mirrored map repeats; tried in sizes of 4 to 28 cells.
    mirrored = np.pad(moved, [(0, 2 * side - 1) for side in moved.shape], mode="symmetric")
    return float(np.abs(cv2.matchTemplate(mirrored, fixed, cv2.TM_CCOEFF_NORMED)).mean())
