"""How sure a mean is: intervals from resampling patients, whose images are not independent of each other."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

LEVEL = 0.95
# The ends of a 95 % percentile interval want 1,000 resamples or more (Efron and Tibshirani, "An Introduction to the
# Bootstrap", chapter 13); twice as many take 0.1 s for 1,000 images.
RESAMPLES = 2_000


class Interval(NamedTuple):
    """A value and its interval; both ends are NaN where there is none."""

    value: float
    low: float
    high: float


def patient_interval(
    values: np.ndarray,
    patients: Sequence[object],
    *,
    statistic: Callable[[np.ndarray], float] = np.mean,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return the statistic of `values`, [n] or [n, k], with its percentile interval when whole patients are resampled.

    Each resample draws as many patients as there are, with replacement, and takes all images of each: two images of
    one patient resemble each other, and an interval that resampled images would be too narrow. `patients` has a name
    per row. Rows with a NaN do not count. The value is NaN without rows, the ends are for fewer than two patients. The
    same seed gives the same interval. Source: Efron, "Bootstrap Methods: Another Look at the Jackknife" (percentile
    method), with the patient as the unit.
    """
    values = np.asarray(values, np.float64)
    known = ~np.isnan(values).any(axis=tuple(range(1, values.ndim)))
    values, names = values[known], np.asarray(patients)[known]
    if not len(values):
        return Interval(np.nan, np.nan, np.nan)
    value = float(statistic(values))
    _, numbers, counts = np.unique(names, return_inverse=True, return_counts=True)
    if len(counts) < 2:
        return Interval(value, np.nan, np.nan)
    values = values[np.argsort(numbers, kind="stable")]  # patient by patient
    firsts = np.cumsum(counts) - counts
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(counts), size=(resamples, len(counts)))
    found = [statistic(values[_rows_of(firsts[draw], counts[draw])]) for draw in draws]
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))


def _rows_of(firsts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the rows of the patients drawn: each one's first row and those after it, as many as it has."""
    behind = np.cumsum(counts) - counts  # how many rows the patients before it have
    return np.repeat(firsts - behind, counts) + np.arange(counts.sum())
