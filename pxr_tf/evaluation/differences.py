"""The effect of a choice: the difference between two ways to run an experiment, over seeds."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

CONFIDENCE = 0.95
NO_SPREAD = 1e-12  # of fractions: equal values differ by less, through rounding


class Difference(NamedTuple):
    """A mean difference of fractions and its interval, between -1 and 1; both ends are NaN without an interval."""

    mean: float
    low: float
    high: float
    first_seeds: int  # the number of seeds that count
    second_seeds: int
    paired: bool  # True: Student's interval for paired values; False: Welch's


def find_difference(first: Mapping[int, float], second: Mapping[int, float], *, paired: bool) -> Difference:
    """Return `first` minus `second` (seed -> fraction), and the 95 % interval of the mean difference.

    `paired` is for runs that tested the same images for each seed: Student's interval over the seeds that both have,
    mean ± t(0.975, n - 1) * sd / sqrt(n). Otherwise it is Welch's interval over all seeds of each. It says how far the
    mean would move with other seeds. Few seeds give a wide interval: t is 4.3 for three pairs. One seed, or values
    without any spread, give none. NaN values do not count; the mean is NaN if no value is left.
    """
    if paired:
        shared = [seed for seed in first if seed in second and not np.isnan(first[seed] - second[seed])]
        first, second = ({seed: values[seed] for seed in shared} for values in (first, second))
    ours, theirs = (np.array([value for value in side.values() if not np.isnan(value)]) for side in (first, second))
    mean = float(ours.mean() - theirs.mean()) if len(ours) and len(theirs) else np.nan
    low, high = _interval(ours, theirs, paired)
    return Difference(mean, low, high, len(ours), len(theirs), paired)


def _interval(first: np.ndarray, second: np.ndarray, paired: bool) -> tuple[float, float]:
    samples = [first - second] if paired else [first, second]
    if min(map(len, samples)) < 2 or all(values.std() < NO_SPREAD for values in samples):
        return np.nan, np.nan
    from scipy.stats import t  # takes half a second, which other tables need not wait for

    variances = np.array([values.var(ddof=1) / len(values) for values in samples])  # of the means
    freedom = variances.sum() ** 2 / sum(variances**2 / [len(values) - 1 for values in samples])  # n - 1 for pairs
    half = t.ppf((1 + CONFIDENCE) / 2, freedom) * np.sqrt(variances.sum())
    low, high = np.clip(first.mean() - second.mean() + np.array([-half, half]), -1, 1)
    return float(low), float(high)


def subtract_intervals(
    first: tuple[float, float, float], second: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Return (difference, low, high) of two values that rest on different patients, each with its own interval.

    Each is (value, low, high). The interval of `first` minus `second` adds the squared distances from the values to
    their ends (Zou and Donner, "Construction of confidence limits about effect measures", 2008; of two shares with
    Wilson's intervals it is Newcombe's). The ends are NaN if an end is.
    """
    (a, a_low, a_high), (b, b_low, b_high) = first, second
    difference = a - b
    return difference, difference - np.hypot(a - a_low, b_high - b), difference + np.hypot(a_high - a, b - b_low)


def same_tests(first: Mapping[int, Sequence[object]], second: Mapping[int, Sequence[object]]) -> bool:
    """Return whether both tested the same images for each shared seed (seed -> images); False without shared seeds."""
    shared = [seed for seed in first if seed in second]
    return bool(shared) and all(set(first[seed]) == set(second[seed]) for seed in shared)
