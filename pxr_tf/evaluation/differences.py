"""What a choice is worth: the difference between two ways to run the same thing, paired by seed."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

CONFIDENCE = 0.95


class Difference(NamedTuple):
    """A mean difference and its interval; both ends are NaN for one pair."""

    mean: float
    low: float
    high: float
    pairs: int


def paired_difference(first: Mapping[int, float], second: Mapping[int, float]) -> Difference:
    """Return `first` minus `second`, seed by seed: the mean over the seeds that both have, and its 95 % interval.

    The interval is Student's for paired values, mean ± t(0.975, n - 1) * sd / sqrt(n): it says how far the mean would
    move with other seeds, on these images. Few seeds give a wide one: t is 4.3 for three. NaN where no seed is shared.
    """
    seeds = [seed for seed in first if seed in second and not np.isnan(first[seed] - second[seed])]
    values = np.array([first[seed] - second[seed] for seed in seeds])
    if len(values) < 2:
        return Difference(float(values.mean()) if len(values) else np.nan, np.nan, np.nan, len(values))
    from scipy.stats import t  # here, as it takes half a second that other tables need not wait

    half = t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return Difference(float(values.mean()), float(values.mean() - half), float(values.mean() + half), len(values))
