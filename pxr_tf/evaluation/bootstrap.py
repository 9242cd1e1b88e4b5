"""How sure a mean is: intervals from resampling patients, whose images are not independent of each other."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

LEVEL = 0.95
# The ends of a 95 % percentile interval want 1,000 resamples or more (Efron and Tibshirani, "An Introduction to the
# Bootstrap", chapter 13); twice as many cost little.
RESAMPLES = 2_000
AT_ONCE = 100  # resamples: 24 MB for 10,000 patients


class Interval(NamedTuple):
    """A value and its interval; both ends are NaN where there is none."""

    value: float
    low: float
    high: float


def first_mean(means: np.ndarray) -> np.ndarray:
    """Return the mean of the first column of each resample."""
    return means[:, 0]


def patient_interval(
    values: np.ndarray,
    patients: Sequence[object],
    *,
    statistic: Callable[[np.ndarray], np.ndarray] = first_mean,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return the mean of `values`, [n], with its percentile interval when whole patients are resampled.

    Each resample draws as many patients as there are, with replacement, and takes all images of each: two images of
    one patient resemble each other, and an interval that resampled images would be too narrow. `patients` has a name
    per row. Of `values` [n, k] the `statistic` says what their means [resamples, k] come to, [resamples]: a ratio of
    means, say. Rows with a NaN do not count. The value is NaN without rows, the ends are for fewer than two patients.
    The same seed gives the same interval. Source: Efron, "Bootstrap Methods: Another Look at the Jackknife", with the
    patient as the unit.
    """
    values = np.asarray(values, np.float64).reshape(len(values), -1) if len(values) else np.empty((0, 1))
    known = ~np.isnan(values).any(axis=1)
    if not known.any():
        return Interval(np.nan, np.nan, np.nan)
    value = float(statistic(values[known].mean(axis=0, keepdims=True))[0])
    _, numbers = np.unique(np.asarray(patients)[known], return_inverse=True)
    columns = [*values[known].T, np.ones(known.sum())]  # sums of each patient, and how many images it has
    totals = np.column_stack([np.bincount(numbers, column) for column in columns])
    if len(totals) < 2:
        return Interval(value, np.nan, np.nan)
    found = statistic(np.concatenate(list(_resampled_means(totals, resamples, np.random.default_rng(seed)))))
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))


def _resampled_means(totals: np.ndarray, resamples: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield the means of resamples, [some, k]; `totals` has the sums and, last, the number of images per patient."""
    for start in range(0, resamples, AT_ONCE):
        drawn = rng.integers(len(totals), size=(min(AT_ONCE, resamples - start), len(totals)))
        sums = totals[drawn].sum(axis=1)
        yield sums[:, :-1] / sums[:, -1:]
