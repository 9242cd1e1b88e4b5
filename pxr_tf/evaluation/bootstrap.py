"""Confidence intervals of a mean over patients, because images of one patient are not independent.

A value that compares networks has two samples: patients and networks. Its interval must cover both.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

LEVEL = 0.95
# The ends of a 95 % percentile interval need 1,000 resamples or more (Efron and Tibshirani, "An Introduction to the
# Bootstrap", chapter 13); twice as many cost little.
RESAMPLES = 2_000
_AT_ONCE = 100  # resamples: 24 MB for 10,000 patients
# Resamples of few patients vary too little. In 3,000 samples from a normal distribution, nominal 95 % intervals of a
# mean held the truth in 52 % for 2 patients, 86 % for 6, 90 % for 10 and 93 % for 20; Student's t in 94 to 95 %.
# With the skewed beta(1, 4): 47, 85, 88 and 93 %; Student's t 92, 92, 93 and 95 %.
FEWEST_TO_RESAMPLE = 20  # from this number on, patients are resampled; fewer get Student's interval
FEWEST_PATIENTS = 3  # fewer get no interval: Student's factor for two is 12.7, and two equal values would seem certain
FEWEST_NETWORKS = 3  # the same for networks


class Interval(NamedTuple):
    """A value and its interval; both ends are NaN without an interval."""

    value: float
    low: float
    high: float


def patient_interval(
    values: Sequence[float] | np.ndarray,
    patients: Sequence[object],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return the mean of `values`, [n], with its interval over patients; `patients` names the patient of each value.

    Images of one patient resemble each other, so an interval over images would be too narrow. With `FEWEST_TO_RESAMPLE`
    or more, it is the percentile interval of resamples, whole patients drawn with replacement (Efron, "Bootstrap
    Methods: Another Look at the Jackknife"). With fewer, it is Student's interval of the ratio of the patients' sums to
    their numbers of images (Cochran, "Sampling Techniques", chapter 6); with one image each, this is the mean's. NaN
    values do not count. The value is NaN if none is left, the ends with fewer than `FEWEST_PATIENTS` patients. The same
    seed gives the same interval.
    """
    values = np.asarray(values, np.float64)
    known = ~np.isnan(values)
    if not known.any():
        return Interval(np.nan, np.nan, np.nan)
    _, numbers = np.unique(np.asarray(patients)[known], return_inverse=True)
    totals = np.column_stack([np.bincount(numbers, values[known]), np.bincount(numbers)])  # sums, numbers of images
    value = float(values[known].mean())
    if len(totals) < FEWEST_PATIENTS:
        return Interval(value, np.nan, np.nan)
    if len(totals) < FEWEST_TO_RESAMPLE:
        half = student.ppf((1 + LEVEL) / 2, len(totals) - 1) * _standard_error(totals, value)
        return Interval(value, value - half, value + half)
    found = np.concatenate(list(_resampled_means(totals, resamples, np.random.default_rng(seed))))
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))


def two_way_interval(
    values: Sequence[float] | np.ndarray,
    pictures: Sequence[object],
    patients: Sequence[object],
    networks: Sequence[Sequence[str]] | np.ndarray,
) -> Interval:
    """Return the mean over pictures of their mean values, with its 95 % interval over patients and networks.

    Each of `values`, [n], belongs to a picture, its patient, and the `networks` that it compares, text [n, 1 or 2];
    "" is not a network. The distances of the two intervals' ends are added as squares (Zou and Donner, "Construction
    of Confidence Limits about Effect Measures"): one over patients, of the pictures' means, and Student's over
    networks, with the jackknife's standard error, which also holds for pairs of networks (Arvesen, "Jackknifing
    U-Statistics"). What patients and networks share counts twice, so the interval is rather too wide. NaN values do not
    count. With fewer than `FEWEST_NETWORKS`, nothing is known about other networks: the ends are infinite. With fewer
    than `FEWEST_PATIENTS` patients, they are NaN.
    """
    known = ~np.isnan(np.asarray(values, np.float64))
    values, whose = np.asarray(values, np.float64)[known], np.asarray(patients)[known]
    names = np.asarray(networks, str).reshape(len(known), -1)[known]
    _, first, numbers = np.unique(np.asarray(pictures)[known], return_index=True, return_inverse=True)
    found = patient_interval(_picture_means(values, numbers), whose[first])
    each = [name for name in np.unique(names) if name]
    if np.isnan(found.low):
        return found
    others = [~(names == name).any(axis=1) for name in each]
    if len(each) < FEWEST_NETWORKS or not all(rows.any() for rows in others):
        return Interval(found.value, -np.inf, np.inf)
    without = np.array([_picture_means(values[rows], numbers[rows]).mean() for rows in others])
    error = np.sqrt((len(each) - 1) * without.var())
    half = student.ppf((1 + LEVEL) / 2, len(each) - 1) * error
    down, up = np.hypot(found.value - found.low, half), np.hypot(found.high - found.value, half)
    return Interval(found.value, float(found.value - down), float(found.value + up))


def _picture_means(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return the mean of each picture's values; pictures without one are left out."""
    counts = np.bincount(numbers)
    return np.bincount(numbers, values)[counts > 0] / counts[counts > 0]


def _standard_error(totals: np.ndarray, mean: float) -> float:
    """Return the standard error of the mean over images; the sample is patients, [k, (sum, images)]."""
    residuals = (totals[:, 0] - mean * totals[:, 1]) / totals[:, 1].mean()
    return float(np.sqrt((residuals**2).sum() / (len(totals) - 1) / len(totals)))


def _resampled_means(totals: np.ndarray, resamples: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield the means of resamples, up to `_AT_ONCE`; `totals` has each patient's sum and number of images."""
    for start in range(0, resamples, _AT_ONCE):
        drawn = rng.integers(len(totals), size=(min(_AT_ONCE, resamples - start), len(totals)))
        sums = totals[drawn].sum(axis=1)
        yield sums[:, 0] / sums[:, 1]
