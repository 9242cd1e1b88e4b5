"""Predictions as arrays, and what they count if each patient has a weight.

A bootstrap draws whole patients again and again. A drawn patient's images all count as often as the patient was drawn,
so a replicate is a row of weights, one weight for each patient. All metrics are computed for many rows of weights at
once; weights of one give the plain metrics.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

LEAST_PROBABILITY = 1e-7  # where Keras clips its cross-entropy, too; ``predictions.csv`` has seven digits


class Sample(NamedTuple):
    """Predictions of n images for K classes, as arrays."""

    classes: tuple[str, ...]
    truth: np.ndarray  # int [n]: the number of the true class
    predicted: np.ndarray  # int [n]: the number of the predicted class
    probabilities: np.ndarray  # float64 [n, K]
    patients: np.ndarray  # int [n]: the number of the image's patient
    patient_count: int

    @property
    def scores(self) -> np.ndarray:
        """What ranks images for each class, float64 [n, K]: its probability.

        With two classes, the first class's score is minus the probability of the second, which a sigmoid computes. The
        first probability, 1 - p, has fewer digits if p is small, so the two areas under the curve would differ.
        """
        if len(self.classes) != 2:
            return self.probabilities
        return np.column_stack([-self.probabilities[:, 1], self.probabilities[:, 1]])

    def take(self, rows: np.ndarray) -> "Sample":
        """Return the sample of these rows (a mask or numbers); patients keep their numbers."""
        arrays = ("truth", "predicted", "probabilities", "patients")
        return self._replace(**{name: getattr(self, name)[rows] for name in arrays})

    def sum_by_patient(self, values: np.ndarray) -> np.ndarray:
        """Return each patient's sums of `values`, [n, m], as float64 [patients, m]."""
        sums = np.zeros((self.patient_count, values.shape[1]))
        np.add.at(sums, self.patients, values.astype(np.float64))
        return sums


def make_sample(predictions: pd.DataFrame) -> Sample:
    """Return a table of predictions as a sample; without a column ``patient_id``, each row is its own patient."""
    classes = tuple(class_names(predictions))
    number = {name: k for k, name in enumerate(classes)}
    names = predictions.patient_id if "patient_id" in predictions else np.arange(len(predictions))
    known, numbers = np.unique(np.asarray(names), return_inverse=True)
    return Sample(
        classes,
        predictions.label.map(number).to_numpy(int),
        predictions.predicted.map(number).to_numpy(int),
        predictions[[f"p_{name}" for name in classes]].to_numpy(np.float64),
        numbers,
        len(known),
    )


def class_names(predictions: pd.DataFrame) -> list[str]:
    """Return the classes, in the order of the probability columns."""
    return [column.removeprefix("p_") for column in predictions.columns if column.startswith("p_")]


class Weighted:
    """A sample under R rows of weights; `weights` is float64 [patients, R], a column for each replicate."""

    def __init__(self, sample: Sample, weights: np.ndarray) -> None:
        self.sample, self.weights = sample, weights

    @cached_property
    def counts(self) -> np.ndarray:
        """Confusion matrices [R, K, K]: true classes, then predicted classes."""
        classes = len(self.sample.classes)
        cells = self.sample.truth * classes + self.sample.predicted
        return self._sum_over_patients(cells, classes**2).reshape(-1, classes, classes)

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Return the mean over images of `values`, float64 [n, m], as [R, m]; NaN without images."""
        with np.errstate(invalid="ignore"):
            return (self.weights.T @ self.sample.sum_by_patient(values)) / self.counts.sum(axis=(1, 2))[:, None]

    @cached_property
    def ranked(self) -> tuple[np.ndarray, np.ndarray]:
        """The area under the ROC curve and the average precision of each class, both [R, K]; NaN if undefined."""
        found = [self._rank(k) for k in range(len(self.sample.classes))]
        return tuple(np.stack(values, axis=1) for values in zip(*found, strict=True))

    def _sum_over_patients(self, cells: np.ndarray, count: int) -> np.ndarray:
        numbers = self.sample.patients * count + cells
        return self.weights.T @ np.bincount(numbers, minlength=len(self.weights) * count).reshape(-1, count)

    def _rank(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return area and average precision of one class, [R] each, from one sort and sums of weights.

        The area is the share of pairs (an image of the class, one of the rest) in the right order, ties counting one
        half. The average precision is the mean, over the images of the class, of the precision at their own score.
        """
        scores, actual = self.sample.scores[:, k], self.sample.truth == k
        ours, theirs = (np.flatnonzero(side)[np.argsort(scores[side], kind="stable")] for side in (actual, ~actual))
        weights = self.weights[self.sample.patients[ours]]
        positives, negatives = (_running_sums(self.weights[self.sample.patients[side]]) for side in (ours, theirs))
        own = scores[ours]
        lower, upper = (np.searchsorted(scores[theirs], own, side) for side in ("left", "right"))
        below = negatives[lower] + negatives[upper]
        above = negatives[-1] - negatives[lower]
        right = positives[-1] - positives[np.searchsorted(own, own, "left")]
        with np.errstate(invalid="ignore"):  # 0 / 0, without images on a side
            area = np.einsum("nr,nr->r", weights, below) / (2 * positives[-1] * negatives[-1])
            np.divide(right, right + above, out=right, where=weights > 0)
            precision = np.einsum("nr,nr->r", weights, right) / positives[-1]
        return area, precision


def _running_sums(weights: np.ndarray) -> np.ndarray:
    """Return the sums of the first 0, 1, ... n rows, [n + 1, R]."""
    sums = np.zeros((len(weights) + 1, weights.shape[1]))
    np.cumsum(weights, axis=0, out=sums[1:])
    return sums
