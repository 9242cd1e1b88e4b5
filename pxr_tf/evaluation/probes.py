"""Probes: how well a simple model tells classes from numbers, on rows that it did not learn from.

A probe says what is in the numbers, not what a network makes of them. Nothing is chosen on the rows that count: the
strength of the penalty and the size of the tree are fixed.
"""

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

from pxr_tf import machine

# C of scikit-learn, on standardised inputs: the penalty is 50 times the sum of the squared coefficients, so a thousand
# inputs do not fit a few thousand images by heart.
PENALTY = 0.01
# Of 1,024 pixels of 4,800 X-rays, lbfgs needs 44 steps to this gradient and 175 to a tenth of it, which moved the areas
# by 0.009 at most. A fit that stops at the most steps counts as it is: stopping early is a penalty, too.
TOLERANCE, MOST_STEPS = 1e-2, 200
TREE_DEPTH = 4  # of the tree on file facts: at most 16 leaves
FEWEST_IN_LEAF = 10  # images


class Fold(NamedTuple):
    """The rows that a probe learns from, and those that it is judged on: numbers of rows."""

    train: np.ndarray
    test: np.ndarray


def linear_probe() -> ClassifierMixin:
    """Return a logistic regression on standardised inputs; all classes weigh the same."""
    return make_pipeline(
        StandardScaler(), LogisticRegression(C=PENALTY, class_weight="balanced", max_iter=MOST_STEPS, tol=TOLERANCE)
    )


def tree_probe() -> ClassifierMixin:
    """Return a small decision tree; all classes weigh the same."""
    return DecisionTreeClassifier(
        max_depth=TREE_DEPTH, min_samples_leaf=FEWEST_IN_LEAF, class_weight="balanced", random_state=0
    )


def probe_folds(
    values: np.ndarray,
    truth: np.ndarray,
    count: int,
    folds: Sequence[Fold],
    make_probe: Callable[[], ClassifierMixin] = linear_probe,
) -> np.ndarray:
    """Return the probabilities of `count` classes, float64 [n, count]; NaN in rows that no fold tests.

    `values` is [n, m]; `truth` int [n], the number of each row's class. A class that a fold's training rows lack gets
    probability 0 there; a fold whose training rows have one class only says that class.
    """
    found = np.full((len(values), count), np.nan)

    def judge(fold: Fold) -> None:
        found[fold.test] = _fit(values, truth, count, fold, make_probe)

    # A thread per fold, and one in each: on two cores, two threads in one fit took five times as long as one.
    with threadpool_limits(1), warnings.catch_warnings(), ThreadPoolExecutor(machine.processors()) as pool:
        warnings.simplefilter("ignore", ConvergenceWarning)  # see `MOST_STEPS`
        list(pool.map(judge, folds))
    return found


def _fit(
    values: np.ndarray, truth: np.ndarray, count: int, fold: Fold, make_probe: Callable[[], ClassifierMixin]
) -> np.ndarray:
    known, found = np.unique(truth[fold.train]), np.zeros((len(fold.test), count))
    if len(known) == 1:
        found[:, known[0]] = 1.0
        return found
    probe = make_probe().fit(values[fold.train], truth[fold.train])
    found[:, known] = probe.predict_proba(values[fold.test])
    return found
