"""Is an attribute used, or only present? How far a class's weights point where the attribute's weights point.

Wong et al., "Weight Space Correlation Analysis: Quantifying Feature Utilization in Deep Learning Models": an embedding
may hold an attribute that the head does not look at. The correlation is the cosine of the class's weights and of the
weights of a linear model of the attribute, both on standardised features.

An attribute that goes with the class would be found in the class's own features. So the attribute is learned within
classes: from features minus the mean of their class. What is left is compared with attributes that patients of a class
exchanged at random.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import norm
from sklearn.linear_model import Ridge

PERMUTATIONS = 500  # they give the spread by chance to 3 %
RIDGE = 0.1  # of the number of rows: the penalty on standardised features, so that a few hundred rows do not fit noise


class FoldFeatures(NamedTuple):
    """Out-of-fold features of one fold's network, and where each class's logit points."""

    rows: np.ndarray  # int [n]: numbers of the rows
    features: np.ndarray  # float [n, channels]
    directions: np.ndarray  # float [K, channels]: the mean gradient of each class's logit


class Alignment(NamedTuple):
    """How far a class's weights point along the attribute's."""

    correlation: float  # -1 to 1, the mean over folds
    by_chance: float  # the absolute correlation that 95 % of permuted attributes do not reach
    p: float  # two-sided; cosines of permuted attributes scatter normally around 0


def align(
    folds: Sequence[FoldFeatures], inside: np.ndarray, truth: np.ndarray, patients: np.ndarray, known: np.ndarray
) -> list[Alignment]:
    """Return the alignment of each class with an attribute's value.

    `inside` is bool [rows], whether a row has the value; `known`, bool [rows], whether its value is known; `truth`, int
    [rows], its class; `patients` names its patient. Only classes count in which some rows have the value and others do
    not; without one, all is NaN.
    """
    drawn = _permute(inside, truth, patients, known)
    found = [cosines for fold in folds if (cosines := _cosines(fold, drawn, truth, known)) is not None]
    if not found:
        return [Alignment(np.nan, np.nan, np.nan)] * len(folds[0].directions)
    return [_compare(own[0], own[1:]) for own in np.mean(found, axis=0)]


def _compare(own: float, others: np.ndarray) -> Alignment:
    spread = np.sqrt((others**2).mean())
    p = float(2 * norm.sf(abs(own) / spread)) if spread else np.nan
    return Alignment(float(own), float(norm.ppf(0.975) * spread), p)


def _permute(inside: np.ndarray, truth: np.ndarray, patients: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return bool [rows, 1 + PERMUTATIONS]: the values, then values that patients of the same class exchanged."""
    rng, drawn = np.random.default_rng(0), np.repeat(inside[:, None], 1 + PERMUTATIONS, axis=1)
    for label in np.unique(truth):
        rows = np.flatnonzero(known & (truth == label))
        _, first, number = np.unique(patients[rows], return_index=True, return_inverse=True)
        for column in range(1, 1 + PERMUTATIONS):
            drawn[rows, column] = inside[rows][first][rng.permutation(len(first))][number]
    return drawn


def _cosines(fold: FoldFeatures, drawn: np.ndarray, truth: np.ndarray, known: np.ndarray) -> np.ndarray | None:
    """Return [K, 1 + PERMUTATIONS]; None if no class of the fold has rows with and without the value."""
    targets, classes = drawn[fold.rows].astype(float), truth[fold.rows]
    kept = known[fold.rows]
    mixed = [k for k in np.unique(classes[kept]) if 0 < targets[kept & (classes == k), 0].mean() < 1]
    kept &= np.isin(classes, mixed)
    if not kept.any():
        return None
    features, targets, classes = fold.features[kept].astype(float), targets[kept], classes[kept]
    for k in mixed:
        features[classes == k] -= features[classes == k].mean(0)
        targets[classes == k] -= targets[classes == k].mean(0)
    scale = features.std(0)
    scale[scale == 0] = 1
    weights = Ridge(alpha=RIDGE * len(features), fit_intercept=False).fit(features / scale, targets).coef_
    directions = (fold.directions - fold.directions.mean(0)) * scale
    return _unit(directions) @ _unit(weights).T


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-12)
