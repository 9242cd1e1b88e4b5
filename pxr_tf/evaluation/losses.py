"""How predictions move as pictures get worse, with intervals over patients."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pxr_tf.evaluation.intervals import Ends, find_ends, replicate_sums
from pxr_tf.evaluation.metrics import mean_known

CALLED, GAINED, BALANCED, LOST = "called", "gained", "balanced_accuracy", "lost"


class LossFigure(NamedTuple):
    """One figure at one level of degradation."""

    level: int
    figure: str
    of: int | None  # the number of the true class, None for all
    to: int | None  # the number of the predicted class
    value: float
    ends: Ends


def measure_losses(
    truth: np.ndarray, predicted: np.ndarray, patients: np.ndarray, classes: int
) -> Iterator[LossFigure]:
    """Yield the figures of each level; `predicted` is int [levels, n], and level 0 is the pictures as they are.

    ``called``: the share of a true class that is called a class; called itself, it is the sensitivity. ``gained``: how
    much more than at level 0, paired. ``balanced_accuracy``: the mean sensitivity. ``lost``: how much of it, since
    level 0, paired. `truth` is int [n]; `patients` [n] names the patient of each picture.
    """
    levels, pairs = len(predicted), [(of, to) for of in range(classes) for to in range(classes)]
    names, numbers = np.unique(patients, return_inverse=True)
    own = (truth[:, None] == np.arange(classes)).astype(np.float64)  # [n, K]
    named = predicted[:, :, None] == np.arange(classes)  # [levels, n, K]
    cells = [(own[:, :, None] * one[:, None, :]).reshape(len(truth), -1) for one in named]
    sums = np.zeros((len(names), classes + levels * classes**2))
    np.add.at(sums, numbers, np.hstack([own, *cells]))
    keys = [
        *((level, figure, *pair) for figure in (CALLED, GAINED) for level in range(levels) for pair in pairs),
        *((level, figure, None, None) for figure in (BALANCED, LOST) for level in range(levels)),
    ]
    of_class = [len(np.unique(numbers[truth == k])) for k in range(classes)]
    rarest = min((number for number in of_class if number), default=0)
    counts = np.array([rarest if of is None else of_class[of] for _, _, of, _ in keys])
    found = replicate_sums(sums, lambda totals: _figures(totals, classes), counts)
    for row, key in enumerate(keys):
        ends = find_ends(found, row, "share" if key[1] in (CALLED, BALANCED) else "")
        limited = ends._replace(low=max(ends.low, -1.0), high=min(ends.high, 1.0))  # NaN stays
        yield LossFigure(*key, float(found.value[row]), limited)


def _figures(totals: np.ndarray, classes: int) -> np.ndarray:
    """Return [R, ...] in the order of the keys, from images and called images of each class."""
    images, called = totals[:, None, :classes, None], totals[:, classes:].reshape(len(totals), -1, classes, classes)
    with np.errstate(invalid="ignore"):  # a class without images
        shares = called / images  # [R, levels, true, predicted]
    balanced = mean_known(np.diagonal(shares, axis1=2, axis2=3))
    parts = shares, shares - shares[:, :1], balanced, balanced[:, :1] - balanced
    return np.hstack([part.reshape(len(totals), -1) for part in parts])
