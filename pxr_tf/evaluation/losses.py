"""How sensitivities fall as pictures get worse, with intervals over patients."""

from typing import NamedTuple

import numpy as np

from pxr_tf.evaluation.intervals import Ends, find_ends, replicate_sums
from pxr_tf.evaluation.metrics import mean_known

SENSITIVITY, BALANCED, LOST = "sensitivity", "balanced_accuracy", "lost"


class LossFigure(NamedTuple):
    """One figure at one level of degradation."""

    level: int
    figure: str
    of: int | None  # the number of a class, None for all
    value: float
    ends: Ends


def measure_losses(truth: np.ndarray, predicted: np.ndarray, patients: np.ndarray, classes: int) -> list[LossFigure]:
    """Return the figures of each level; `predicted` is int [levels, n], and level 0 is the pictures as they are.

    Figures: each class's sensitivity, the balanced accuracy (their mean), and what it has lost since level 0, paired.
    `truth` is int [n]; `patients` [n] names the patient of each picture.
    """
    levels = len(predicted)
    names, numbers = np.unique(patients, return_inverse=True)
    own = (truth[:, None] == np.arange(classes)).astype(np.float64)  # [n, K]
    hits = (predicted == truth)[:, :, None] * own  # [levels, n, K]
    sums = np.zeros((len(names), (1 + levels) * classes))
    np.add.at(sums, numbers, np.hstack([own, *hits]))
    keys = [
        *((level, SENSITIVITY, k) for level in range(levels) for k in range(classes)),
        *((level, figure, None) for figure in (BALANCED, LOST) for level in range(levels)),
    ]
    of_class = [len(np.unique(numbers[truth == k])) for k in range(classes)]
    rarest = min((number for number in of_class if number), default=0)
    counts = np.array([rarest if k is None else of_class[k] for _, _, k in keys])
    found = replicate_sums(sums, lambda totals: _figures(totals, classes), counts)
    return [
        LossFigure(*key, float(found.value[row]), find_ends(found, row, "" if key[1] == LOST else "share"))
        for row, key in enumerate(keys)
    ]


def _figures(totals: np.ndarray, classes: int) -> np.ndarray:
    """Return [R, ...]: sensitivities of all levels and classes, then balanced accuracies, then what they lost."""
    images, hits = totals[:, None, :classes], totals[:, classes:].reshape(len(totals), -1, classes)
    with np.errstate(invalid="ignore"):  # a class without images
        sensitivities = hits / images
    balanced = mean_known(sensitivities)
    return np.hstack([sensitivities.reshape(len(totals), -1), balanced, balanced[:, :1] - balanced])
