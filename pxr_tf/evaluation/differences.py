"""What a choice is worth: the difference between two ways to run the same thing, over seeds."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

CONFIDENCE = 0.95
NO_SPREAD = 1e-12  # of fractions: what rounding leaves of values that are all the same


class Difference(NamedTuple):
    """A mean difference of fractions and its interval, within -1 and 1; both ends are NaN where there is none."""

    mean: float
    low: float
    high: float
    first_seeds: int  # that count
    second_seeds: int
    paired: bool  # Student's interval for paired values; else Welch's


def find_difference(first: Mapping[int, float], second: Mapping[int, float], *, paired: bool) -> Difference:
    """Return `first` minus `second` (seed -> fraction), and the 95 % interval of the mean difference.

    Paired, for runs that tested the same images seed by seed: over the seeds that both have, Student's interval, mean
    ± t(0.975, n - 1) * sd / sqrt(n). Else over all seeds of each, Welch's. Either says how far the mean would move with
    other seeds. Few seeds give a wide one: t is 4.3 for three pairs. There is none for one seed, or values without any
    spread. Values that are NaN do not count; the mean is NaN where none is left.
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
    from scipy.stats import t  # here, as it takes half a second that other tables need not wait

    variances = np.array([values.var(ddof=1) / len(values) for values in samples])  # of the means
    freedom = variances.sum() ** 2 / sum(variances**2 / [len(values) - 1 for values in samples])  # n - 1 for pairs
    half = t.ppf((1 + CONFIDENCE) / 2, freedom) * np.sqrt(variances.sum())
    low, high = np.clip(first.mean() - second.mean() + np.array([-half, half]), -1, 1)
    return float(low), float(high)


def same_tests(first: Mapping[int, Sequence[object]], second: Mapping[int, Sequence[object]]) -> bool:
    """Return whether each seed that both have tested the same images in both (seed -> images); False without any."""
    shared = [seed for seed in first if seed in second]
    return bool(shared) and all(set(first[seed]) == set(second[seed]) for seed in shared)
