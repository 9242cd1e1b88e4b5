"""Do two groups of images come from one population? A classifier that cannot tell them apart says nothing against it.

Lopez-Paz and Oquab, "Revisiting Classifier Two-Sample Tests".
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedGroupKFold

from pxr_tf.evaluation.probes import Fold, probe_folds
from pxr_tf.evaluation.skill import AREA, make_probe_sample, measure_skills

FOLDS, TREES = 5, 100
FEWEST = 10  # patients of each group: with fewer, no interval of an area is worth anything


class Apart(NamedTuple):
    """How well two groups are told apart: the area under the ROC curve, with its 95 % interval over patients."""

    value: float
    low: float
    high: float
    p: float  # of one half, one-sided


def tell_apart(values: np.ndarray, second: np.ndarray, patients: Sequence[object]) -> Apart:
    """Return how well a random forest tells two groups apart, cross-validated by patient.

    `values` is [n, m]; `second` bool [n], whether a row is in the second group. All are NaN with fewer than `FEWEST`
    patients in a group.

    The interval holds the forests fixed, but folds share training rows. Of noise, areas scattered with 0.10 for 90 rows
    and 0.05 for 400, 1.3 to 1.6 times as far as the intervals say. No lower end of 45 reached 0.6: ask for that much.
    """
    patients, groups = np.asarray(patients, str), second.astype(int)
    if min(len(set(patients[groups == group])) for group in (0, 1)) < FEWEST:
        return Apart(*[np.nan] * 4)
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    folds = [Fold(*rows) for rows in splitter.split(values, groups, patients)]
    found = probe_folds(values, groups, 2, folds, _forest)
    sample = make_probe_sample(found, groups, patients, ("first", "second"))
    (skills,) = measure_skills([sample], reference=0)
    area = next(skill for skill in skills if skill.metric == AREA and skill.name == "second")
    return Apart(area.value, area.low, area.high, area.p)


def _forest() -> RandomForestClassifier:
    return RandomForestClassifier(TREES, min_samples_leaf=3, class_weight="balanced", random_state=0)
