"""Tests of the difference between two models that predicted the same images: over folds, and over patients.

A test over folds asks whether the sign would stay with other training patients; a test over patients, whether it would
stay with other test patients and the same trained networks. A p value is NaN if its test is not possible.
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import norm, rankdata
from scipy.stats import t as student

MARGIN = 0.01  # of a fraction: smaller differences are practically equal (Benavoli et al., "Time for a Change")
POWER, ALPHA = 0.8, 0.05
NO_SPREAD = 1e-12  # of fractions: equal values differ by less, through rounding
FEW_DISCORDANT = 20  # patients: up to here, all 2 ** 20 signs are tried; the chi-square distribution needs more


class Statistic(NamedTuple):
    """A test statistic and its two-sided p value."""

    value: float
    p: float


class Rope(NamedTuple):
    """Probabilities that a mean difference is below, within or above the region of practical equivalence."""

    below: float
    within: float
    above: float


class AreaDifference(NamedTuple):
    """A difference of areas under ROC curves and its standard error."""

    value: float
    error: float


def corrected_t(differences: np.ndarray, test_share: float) -> Statistic:
    """Return the corrected resampled t-test of the mean of J differences, [J], one per fold.

    Training parts of different folds share images, so the plain t-test is too certain. The variance of the mean is
    (1 / J + s / (1 - s)) times that of the differences (Nadeau and Bengio, "Inference for the Generalization Error");
    s is `test_share`, the test rows' share of a fold's rows, such as 0.2 with five folds. NaN for fewer than two
    differences, or differences without spread.
    """
    error = _corrected_error(differences, test_share)
    if np.isnan(error):
        return Statistic(np.nan, np.nan)
    statistic = float(np.mean(differences) / error)
    return Statistic(statistic, two_sided(statistic, len(differences) - 1))


def rope(differences: np.ndarray, test_share: float, margin: float = MARGIN) -> Rope:
    """Return the probabilities that the mean difference is below -margin, within, and above margin.

    This is the Bayesian correlated t-test (Corani and Benavoli, "A Bayesian Approach for Comparing Cross-Validated
    Algorithms on Multiple Data Sets"): the posterior is Student's t around the mean, with the standard error of
    `corrected_t`. NaN as there.
    """
    error = _corrected_error(differences, test_share)
    if np.isnan(error):
        return Rope(np.nan, np.nan, np.nan)
    low, high = student.cdf((np.array([-margin, margin]) - np.mean(differences)) / error, len(differences) - 1)
    return Rope(float(low), float(high - low), float(1 - high))


def mcnemar(first: np.ndarray, second: np.ndarray, patients: np.ndarray) -> Statistic:
    """Return the test of two shares of right predictions, bool [n] each; `patients`, [n], holds a number per image.

    Each patient has a d: the images that only the second gets right, minus those that only the first does. So the sum
    of d belongs to the difference of the two shares. The statistic is (sum d)^2 / sum d^2, chi-square with one degree
    of freedom (as Durkalski et al., "Analysis of Clustered Matched-Pair Data", who divide d by the patient's images and
    so test a mean over patients). With one image per patient it is McNemar's. If d is not 0 for `FEW_DISCORDANT`
    patients or fewer, p is the share of all choices of signs of d whose sum is as far from 0; with one image per
    patient this is the exact binomial test. Without such patients, p is 1.
    """
    _, numbers = np.unique(patients, return_inverse=True)
    gained = second.astype(float) - first.astype(float)
    differences = np.bincount(numbers, gained)
    discordant = differences[differences != 0]
    if not len(discordant):
        return Statistic(0.0, 1.0)
    statistic = float(discordant.sum() ** 2 / (discordant**2).sum())
    few = len(discordant) <= FEW_DISCORDANT
    return Statistic(statistic, _sign_test(discordant) if few else two_sided(np.sqrt(statistic)))


def delong(actual: np.ndarray, first: np.ndarray, second: np.ndarray, patients: np.ndarray) -> AreaDifference:
    """Return the area under the ROC curve of `second` minus that of `first`, and the standard error over patients.

    Each array is [n]: whether an image is of the class, two scores, and the patient. Ties count one half. The variance
    is Obuchowski's ("Nonparametric Analysis of Clustered ROC Curve Data"). With one image per patient it is that of
    DeLong et al. ("Comparing the Areas under Two or More Correlated Receiver Operating Characteristic Curves"). Both
    are NaN without images of both kinds; the error is NaN with fewer than two patients of a kind.
    """
    if actual.all() or not actual.any():
        return AreaDifference(np.nan, np.nan)
    own, rest = (
        one - other for one, other in zip(_placements(actual, second), _placements(actual, first), strict=True)
    )
    value, numbers = own.mean(), np.unique(patients, return_inverse=True)[1]
    sums = [
        np.bincount(numbers[rows], parts - value, numbers.max() + 1) for rows, parts in ((actual, own), (~actual, rest))
    ]
    counts = [len(np.unique(numbers[rows])) for rows in (actual, ~actual)]
    if min(counts) < 2:
        return AreaDifference(float(value), np.nan)
    both = 2 * _scaled(sums[0] @ sums[1], numbers.max() + 1) / (len(own) * len(rest))
    parts = [_scaled(s @ s, c) / len(p) ** 2 for s, c, p in zip(sums, counts, (own, rest), strict=True)]
    return AreaDifference(float(value), float(np.sqrt(max(0.0, sum(parts) + both))))


def two_sided(statistic: float, freedom: float = np.inf) -> float:
    """Return the two-sided p value of Student's t; of the normal distribution for infinite degrees of freedom."""
    return float(2 * student.sf(abs(statistic), freedom))


def holm(p: np.ndarray) -> np.ndarray:
    """Return p values adjusted for their number, [n] (Holm, "A Simple Sequentially Rejective Multiple Test Procedure").

    The smallest of m is multiplied by m, the next by m - 1, and so on; none is smaller than the one before. NaN stays
    NaN and does not count.
    """
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1)
    return adjusted


def smallest_difference(error: float) -> float:
    """Return the smallest true difference that a two-sided test at `ALPHA` finds with this `POWER`.

    It is (z(1 - alpha / 2) + z(power)) times the standard error of the difference, 2.8 times (Cohen,
    "Statistical Power Analysis", chapter 2). NaN if the error is 0 or unknown.
    """
    return float((norm.ppf(1 - ALPHA / 2) + norm.ppf(POWER)) * error) if error > NO_SPREAD else np.nan


def _corrected_error(differences: np.ndarray, test_share: float) -> float:
    """Return the standard error of the mean of differences from overlapping training parts; NaN without spread."""
    if len(differences) < 2 or np.std(differences) < NO_SPREAD:
        return np.nan
    return float(np.sqrt((1 / len(differences) + test_share / (1 - test_share)) * np.var(differences, ddof=1)))


def _sign_test(differences: np.ndarray) -> float:
    """Return the share of all choices of signs whose sum is at least as far from 0 as the sum itself."""
    sums = np.zeros(1)
    for size in np.abs(differences):
        sums = np.concatenate([sums - size, sums + size])
    return float(np.mean(np.abs(sums) >= abs(differences.sum()) - 1e-9))


def _placements(actual: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each image of the class the share of the rest below it, and for each of the rest the share above."""
    ranks, own, rest = rankdata(scores), rankdata(scores[actual]), rankdata(scores[~actual])
    return (ranks[actual] - own) / len(rest), 1 - (ranks[~actual] - rest) / len(own)


def _scaled(total: float, count: int) -> float:
    return total * count / (count - 1)
