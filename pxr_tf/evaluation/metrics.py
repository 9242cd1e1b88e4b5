"""Metrics, computed from predictions alone.

A predictions table has ``image_id, label, predicted, fold``, a probability column ``p_<class>`` for each class and
optionally ``role``. A metrics table is long: ``fold, class, metric, value``. Its fold is a fold's name, ``mean``,
``sd`` (over folds, n - 1; NaN for one fold) or ``pooled`` (all held-out rows as one set); its class is a class or
``all``. To add a metric, write a function and add a line to `OVERALL_METRICS` or `CLASS_METRICS`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf import files
from pxr_tf.data.splits import TEST_ROLES

LEAST_PROBABILITY = 1e-7  # where Keras clips its cross-entropy, too; ``predictions.csv`` has seven digits
METRICS_COLUMNS = ("fold", "class", "metric", "value")
READINGS = ("balanced", "all")  # which held-out rows count: see `select_rows`


class OneAgainstRest(NamedTuple):
    """The predictions for one class against the rest; each array has one value per image."""

    actual: np.ndarray  # bool: the image is of this class
    predicted: np.ndarray  # bool: this class is the most probable one
    scores: np.ndarray  # float: the probability of this class

    @property
    def true_positives(self) -> int:
        """How many images are of this class and predicted as this class."""
        return int((self.actual & self.predicted).sum())


def accuracy(predictions: pd.DataFrame) -> float:
    """Return the share of images whose predicted class is the true one; 0 without images."""
    return float((predictions.label == predictions.predicted).sum() / max(1, len(predictions)))


def balanced_accuracy(predictions: pd.DataFrame) -> float:
    """Return the mean sensitivity of the classes that occur; NaN without images."""
    values = [sensitivity(against_rest(predictions, name)) for name in class_names(predictions)]
    present = [value for value in values if not np.isnan(value)]
    return float(np.mean(present)) if present else np.nan


def mean_sensitivity_specificity(predictions: pd.DataFrame) -> float:
    """Return the mean over the classes of (sensitivity + specificity) / 2; NaN if no class has both.

    Each class counts against the rest. It needs no probabilities; with two classes it is the balanced accuracy.
    """
    sides = [against_rest(predictions, name) for name in class_names(predictions)]
    values = [(sensitivity(one) + specificity(one)) / 2 for one in sides]
    present = [value for value in values if not np.isnan(value)]
    return float(np.mean(present)) if present else np.nan


def mean_auc(predictions: pd.DataFrame) -> float:
    """Return the mean area under the ROC curves of the classes against the rest; NaN if no class has one.

    With two classes, both areas are equal. The mean leaves out classes without images, or without a rest.
    """
    values = [auc(against_rest(predictions, name)) for name in class_names(predictions)]
    present = [value for value in values if not np.isnan(value)]
    return float(np.mean(present)) if present else np.nan


def log_loss(predictions: pd.DataFrame) -> float:
    """Return the mean cross-entropy: -log of the true class's probability, 1e-7 at least; NaN without images."""
    if predictions.empty:
        return np.nan
    names = class_names(predictions)
    probabilities = predictions[[f"p_{name}" for name in names]].to_numpy()
    of_truth = probabilities[np.arange(len(predictions)), [names.index(label) for label in predictions.label]]
    return float(-np.log(of_truth.clip(LEAST_PROBABILITY, 1)).mean())


def precision(one: OneAgainstRest) -> float:
    """Return the share of the images predicted as this class that belong to it; 0 for none, as in scikit-learn."""
    count = int(one.predicted.sum())
    return one.true_positives / count if count else 0.0


def sensitivity(one: OneAgainstRest) -> float:
    """Return the share of this class's images that are predicted as it (recall); NaN without such images."""
    count = int(one.actual.sum())
    return one.true_positives / count if count else np.nan


def specificity(one: OneAgainstRest) -> float:
    """Return the share of the other classes' images that are not predicted as this one; NaN without such images."""
    others = int((~one.actual).sum())
    return int((~one.actual & ~one.predicted).sum()) / others if others else np.nan


def f1(one: OneAgainstRest) -> float:
    """Return the harmonic mean of precision and sensitivity; NaN without images of this class."""
    count = int(one.actual.sum())
    return 2 * one.true_positives / (int(one.predicted.sum()) + count) if count else np.nan


def auc(one: OneAgainstRest) -> float:
    """Return the area under the ROC curve, ties counting one half; NaN if this class or the rest has no images."""
    if one.actual.all() or not one.actual.any():
        return np.nan
    from sklearn.metrics import roc_auc_score  # takes half a second, which a finished run need not wait for

    return float(roc_auc_score(one.actual, one.scores))


def support(one: OneAgainstRest) -> float:
    """Return the number of images of this class."""
    return float(one.actual.sum())


OVERALL_METRICS: dict[str, Callable[[pd.DataFrame], float]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "mean_sensitivity_specificity": mean_sensitivity_specificity,
    "auc": mean_auc,
    "log_loss": log_loss,
    "support": lambda predictions: float(len(predictions)),
}
CLASS_METRICS: dict[str, Callable[[OneAgainstRest], float]] = {
    metric.__name__: metric for metric in (precision, sensitivity, specificity, f1, auc, support)
}


def class_names(predictions: pd.DataFrame) -> list[str]:
    """Return the classes, in the order of the probability columns."""
    return [column.removeprefix("p_") for column in predictions.columns if column.startswith("p_")]


def against_rest(predictions: pd.DataFrame, name: str) -> OneAgainstRest:
    """Return the predictions for one class against the rest.

    With two classes, the score of the first is minus the probability of the second, which a sigmoid computes. The first
    probability, 1 - p, has fewer digits if p is small, so the two areas under the curve would differ.
    """
    names = class_names(predictions)
    scores = -predictions[f"p_{names[1]}"] if len(names) == 2 and name == names[0] else predictions[f"p_{name}"]
    columns = (predictions.label == name, predictions.predicted == name, scores)
    return OneAgainstRest(*(column.to_numpy() for column in columns))


def confusion_matrix(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return counts [classes, classes]: rows are true labels, columns are predicted labels."""
    classes = class_names(predictions)
    counts = pd.crosstab(predictions.label, predictions.predicted)
    return counts.reindex(index=classes, columns=classes, fill_value=0)


def score(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return ``class, metric, value`` of predictions: all `OVERALL_METRICS`, and `CLASS_METRICS` of each class."""
    rows = [("all", metric, measure(predictions)) for metric, measure in OVERALL_METRICS.items()]
    for name in class_names(predictions):
        one = against_rest(predictions, name)
        rows += [(name, metric, measure(one)) for metric, measure in CLASS_METRICS.items()]
    return pd.DataFrame(rows, columns=["class", "metric", "value"])


def score_folds(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the metrics table of out-of-fold predictions: each fold, their mean and sd, and all rows pooled.

    Folds may have any names; numbers come first, by size. Only held-out rows count (`held_out_rows`).
    """
    predictions = held_out_rows(predictions)
    folds = sorted(predictions.fold.unique(), key=fold_order)
    parts = [score(predictions[predictions.fold == fold]).assign(fold=fold) for fold in folds]
    together = pd.concat(parts)
    grouped = together.groupby(["class", "metric"], sort=False).value
    summary = [grouped.agg(how).reset_index().assign(fold=name) for how, name in (("mean", "mean"), ("std", "sd"))]
    pooled = score(predictions).assign(fold="pooled")
    return pd.concat([*parts, *summary, pooled], ignore_index=True)[list(METRICS_COLUMNS)]


def summarise_seeds(tables: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """Return ``class, metric, mean, sd, seeds``: mean and sd (n - 1) over seeds of each seed's mean over its folds.

    `tables` has a metrics table per seed. A seed whose value is NaN does not count, not even in ``seeds``; sd is NaN
    for one seed.
    """
    parts = [table[table.fold == "mean"] for table in tables.values()]
    grouped = pd.concat(parts).groupby(["class", "metric"], sort=False).value
    return grouped.agg(mean="mean", sd="std", seeds="count").reset_index()


def value_of(metrics: pd.DataFrame, fold: str | int, name: str, metric: str) -> float:
    """Return one value of a metrics table."""
    row = metrics[(metrics.fold == str(fold)) & (metrics["class"] == name) & (metrics.metric == metric)]
    return float(row.value.iloc[0])


def read_metrics(path: Path) -> pd.DataFrame:
    """Read a ``metrics.csv``; only ``value`` is a number. Raises `PxrError`."""
    return files.read_csv(path, METRICS_COLUMNS, "value".__eq__)


def held_out_rows(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with a test role; all rows if the table has no column ``role``."""
    return predictions[predictions.role.isin(TEST_ROLES)] if "role" in predictions else predictions


def select_rows(predictions: pd.DataFrame, splits: pd.DataFrame, reading: str) -> pd.DataFrame:
    """Return the held-out rows of a reading: ``all``, or ``balanced``, the rows with that test role in `splits`."""
    predictions = held_out_rows(predictions)
    if reading == "all":
        return predictions
    balanced = splits[splits.role == "test_balanced"]
    chosen = pd.MultiIndex.from_frame(balanced[["image_id", "fold"]])
    return predictions[pd.MultiIndex.from_frame(predictions[["image_id", "fold"]]).isin(chosen)]


def possible_readings(splits: pd.DataFrame, preferred: str) -> tuple[str, ...]:
    """Return the readings that the splits allow, `preferred` first; only ``all`` if no row is balanced."""
    if not (splits.role == "test_balanced").any():
        return ("all",)
    return (preferred, *(reading for reading in READINGS if reading != preferred))


def fold_order(fold: str) -> tuple[bool, int, str]:
    """Return a sort key that puts 2 before 10, and names after numbers."""
    return (not fold.isdecimal(), int(fold) if fold.isdecimal() else 0, fold)
