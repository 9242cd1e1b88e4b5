"""An attribute of images, such as their source: what it says of the class, and how well a picture shows it.

*Utility* and *detectability* are Pavlak et al.'s, "Data AUDIT: Identifying Attribute Utility- and Detectability-Induced
Bias in Task Models". Only an attribute that has both can be a shortcut. Detectability within a class is the control: an
attribute that goes with the class can be told from the class alone.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse.csgraph import connected_components
from scipy.stats import entropy
from sklearn.metrics import mutual_info_score

from pxr_tf.evaluation.intervals import find_ends, replicate
from pxr_tf.evaluation.metrics import metric_keys
from pxr_tf.evaluation.probes import Fold, probe_folds
from pxr_tf.evaluation.skill import RESAMPLES, make_probe_sample

FEWEST = 10  # patients with a value, and with any other: fewer show nothing


class Area(NamedTuple):
    """An area under ROC curves, the mean over the classes, with its 95 % interval over patients; NaN if unknown."""

    value: float
    low: float
    high: float


UNKNOWN = Area(np.nan, np.nan, np.nan)


def shared_information(first: np.ndarray, second: np.ndarray) -> float:
    """Return the share of the entropy of `first` that `second` explains, 0 to 1; both are categories, [n]."""
    total = entropy(np.unique(first, return_counts=True)[1])
    return float(mutual_info_score(first, second) / total) if total else 0.0


def measure_utility(values: np.ndarray, truth: np.ndarray, patients: Sequence[object], folds: Sequence[Fold]) -> Area:
    """Return how well the attribute alone tells two groups apart: `values` int [n], `truth` 0 or 1, [n].

    The probe sees which value a row has, and learns on each fold's training rows. Unknown without a fold.
    """
    one_hot = np.eye(values.max() + 1)[values]
    return _measure(one_hot, truth, patients, folds)


def measure_detectability(
    numbers: np.ndarray, values: np.ndarray, patients: Sequence[object], folds: Sequence[Fold], rows: np.ndarray
) -> Area:
    """Return how well a linear probe tells the attribute's `values`, int [n], from `numbers`, [n, m].

    Only the chosen `rows` count, bool [n], such as those of one class, and of these only values with `FEWEST` patients
    or more. Unknown with fewer than two values, or without a fold that has training and test rows of them.
    """
    own = rows & np.isin(values, common_values(values[rows], np.asarray(patients)[rows]))
    known = np.unique(values[own])
    if len(known) < 2:
        return UNKNOWN
    inside = [Fold(*(part[own[part]] for part in fold)) for fold in folds]
    inside = [fold for fold in inside if len(fold.train) and len(fold.test)]
    return _measure(numbers, np.searchsorted(known, values).clip(0, len(known) - 1), patients, inside)


def common_values(values: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """Return the values that `FEWEST` patients or more have, sorted."""
    known = np.unique(values)
    return np.array([value for value in known if len(set(patients[values == value])) >= FEWEST], known.dtype)


def link_classes(classes: np.ndarray, sources: np.ndarray, patients: np.ndarray) -> list[tuple[str, ...]]:
    """Return groups of classes that share sources, directly or through other classes; the largest group first.

    `classes`, `sources`, `patients`: text [n]. A class is in a source if `FEWEST` of its patients are. Classes of
    different groups differ in their source wherever they differ.
    """
    names, places = np.unique(classes), np.unique(sources)
    present = np.array(
        [[len(set(patients[(classes == n) & (sources == s)])) >= FEWEST for s in places] for n in names], int
    )
    count, group = connected_components(present @ present.T, directed=False)
    groups = [tuple(str(name) for name in names[group == number]) for number in range(count)]
    return sorted(groups, key=lambda own: (-np.isin(classes, own).sum(), own))


def _measure(numbers: np.ndarray, truth: np.ndarray, patients: Sequence[object], folds: Sequence[Fold]) -> Area:
    if not folds:  # such as a single split none of whose test rows counts
        return UNKNOWN
    count = int(truth.max()) + 1
    found, tested = probe_folds(numbers, truth, count, folds), np.concatenate([fold.test for fold in folds])
    names = tuple(map(str, range(count)))
    sample = make_probe_sample(found[tested], truth[tested], np.asarray(patients)[tested], names)
    row = metric_keys(names).index(("all", "auc"))
    (replicates,) = replicate([sample], resamples=RESAMPLES)
    ends = find_ends(replicates, row, "auc")
    return Area(float(replicates.value[row]), ends.low, ends.high)
