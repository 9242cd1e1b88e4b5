"""Metrics, computed from predictions alone.

A predictions table has ``image_id, label, predicted, fold``, a probability column ``p_<class>`` for each class and
optionally ``patient_id`` and ``role``. A metrics table is long: ``fold, class, metric, value``. Its fold is a fold's
name, ``mean``, ``sd`` (over folds, n - 1; NaN for one fold) or ``pooled`` (all held-out rows as one set); its class is
a class or ``all``. To add a metric, write a function and add a line to `OVERALL_METRICS` or `CLASS_METRICS`: it takes a
`Weighted` sample, because intervals are computed from weights, and returns a value for each of R replicates.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from pxr_tf import files
from pxr_tf.data.splits import TEST_ROLES
from pxr_tf.evaluation.weighted import LEAST_PROBABILITY, Weighted, class_names, make_sample

METRICS_COLUMNS = ("fold", "class", "metric", "value")
NUMBERS = ("value", "low", "high", "level")  # columns of ``metrics.csv``
READINGS = ("balanced", "all")  # which held-out rows count: see `select_rows`


def divide(parts: np.ndarray, totals: np.ndarray, otherwise: float = np.nan) -> np.ndarray:
    """Return parts / totals, and `otherwise` where a total is 0."""
    return np.divide(parts, totals, out=np.full(np.shape(totals), otherwise), where=totals > 0)


def sensitivity(counts: np.ndarray) -> np.ndarray:
    """Return each class's share of images that are predicted as it (recall); NaN for a class without images.

    Here and below, `counts` are confusion matrices, [..., K, K]: true classes, then predicted ones. A result is
    [..., K], with each class against the rest.
    """
    return divide(_hits(counts), counts.sum(-1))


def specificity(counts: np.ndarray) -> np.ndarray:
    """Return the share of the other classes' images that are not predicted as this one; NaN without such images."""
    others = counts.sum((-1, -2))[..., None] - counts.sum(-1)
    return divide(others - (counts.sum(-2) - _hits(counts)), others)


def precision(counts: np.ndarray) -> np.ndarray:
    """Return the share of the images predicted as this class that belong to it; 0 for none, as in scikit-learn."""
    return divide(_hits(counts), counts.sum(-2), 0.0)


def f1(counts: np.ndarray) -> np.ndarray:
    """Return the harmonic mean of precision and sensitivity; NaN without images of this class."""
    images = counts.sum(-1)
    return np.where(images > 0, divide(2 * _hits(counts), counts.sum(-2) + images), np.nan)


def accuracy(counts: np.ndarray) -> np.ndarray:
    """Return the share of images whose predicted class is the true one, [...]; 0 without images."""
    return divide(_hits(counts).sum(-1), counts.sum((-1, -2)), 0.0)


def balanced_accuracy(counts: np.ndarray) -> np.ndarray:
    """Return the mean sensitivity of the classes that occur, [...]; NaN without images."""
    return mean_known(sensitivity(counts))


def mean_sensitivity_specificity(counts: np.ndarray) -> np.ndarray:
    """Return the mean over the classes of (sensitivity + specificity) / 2, [...]; NaN if no class has both.

    It needs no probabilities; with two classes it is the balanced accuracy.
    """
    return mean_known((sensitivity(counts) + specificity(counts)) / 2)


def log_loss(sample: Weighted) -> np.ndarray:
    """Return the mean cross-entropy: -log of the true class's probability, 1e-7 at least; NaN without images."""
    of_truth = sample.sample.probabilities[np.arange(len(sample.sample.truth)), sample.sample.truth]
    return sample.mean(-np.log(of_truth.clip(LEAST_PROBABILITY, 1))[:, None])[:, 0]


def class_brier(sample: Weighted) -> np.ndarray:
    """Return each class's mean squared distance of the probability from 1 (this class) or 0 (the rest), [R, K]."""
    actual = np.eye(len(sample.sample.classes))[sample.sample.truth]
    return sample.mean((sample.sample.probabilities - actual) ** 2)


def brier(sample: Weighted) -> np.ndarray:
    """Return the mean over images of the squared distances summed over the classes, between 0 and 2.

    This is the score of Brier, "Verification of Forecasts Expressed in Terms of Probability". scikit-learn halves it
    for two classes.
    """
    return class_brier(sample).sum(1)


def mean_auc(sample: Weighted) -> np.ndarray:
    """Return the mean area under the ROC curves of the classes against the rest; NaN if no class has one.

    With two classes, both areas are equal. The mean leaves out classes without images, or without a rest.
    """
    return mean_known(sample.ranked[0])


def _hits(counts: np.ndarray) -> np.ndarray:
    return np.diagonal(counts, axis1=-2, axis2=-1)


def mean_known(values: np.ndarray) -> np.ndarray:
    """Return the mean over the last axis without NaN; NaN if all are."""
    known = ~np.isnan(values)
    return divide(np.where(known, values, 0).sum(-1), known.sum(-1).astype(float))


def _of_counts(metric: Callable[[np.ndarray], np.ndarray]) -> Callable[[Weighted], np.ndarray]:
    return lambda sample: metric(sample.counts)


OVERALL_METRICS: dict[str, Callable[[Weighted], np.ndarray]] = {
    "accuracy": _of_counts(accuracy),
    "balanced_accuracy": _of_counts(balanced_accuracy),
    "mean_sensitivity_specificity": _of_counts(mean_sensitivity_specificity),
    "auc": mean_auc,
    "average_precision": lambda sample: mean_known(sample.ranked[1]),
    "log_loss": log_loss,
    "brier": brier,
    "support": lambda sample: sample.counts.sum((1, 2)),
}
CLASS_METRICS: dict[str, Callable[[Weighted], np.ndarray]] = {
    "precision": _of_counts(precision),
    "sensitivity": _of_counts(sensitivity),
    "specificity": _of_counts(specificity),
    "f1": _of_counts(f1),
    "auc": lambda sample: sample.ranked[0],
    "average_precision": lambda sample: sample.ranked[1],
    "brier": class_brier,
    "support": lambda sample: sample.counts.sum(2),
}


def metric_keys(classes: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return (class, metric) of all metrics: those over all classes (``all``), then each class's."""
    return [("all", metric) for metric in OVERALL_METRICS] + [(c, metric) for c in classes for metric in CLASS_METRICS]


def measure(sample: Weighted) -> np.ndarray:
    """Return all metrics, [M, R], in the order of `metric_keys`."""
    overall = [metric(sample) for metric in OVERALL_METRICS.values()]
    of_class = np.stack([metric(sample) for metric in CLASS_METRICS.values()], axis=-1)  # [R, K, metrics]
    return np.vstack([*overall, of_class.reshape(len(of_class), -1).T])


def confusion_matrix(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return counts [classes, classes]: rows are true labels, columns are predicted labels."""
    classes = class_names(predictions)
    counts = pd.crosstab(predictions.label, predictions.predicted)
    return counts.reindex(index=classes, columns=classes, fill_value=0)


def score(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return ``class, metric, value`` of predictions: all `OVERALL_METRICS`, and `CLASS_METRICS` of each class."""
    sample = make_sample(predictions)
    values = measure(Weighted(sample, np.ones((sample.patient_count, 1))))[:, 0]
    return pd.DataFrame(metric_keys(sample.classes), columns=["class", "metric"]).assign(value=values)


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


def value_of(metrics: pd.DataFrame, fold: str | int, name: str, metric: str, column: str = "value") -> float:
    """Return one value of a metrics table, or an end of its interval (`column` ``low`` or ``high``)."""
    row = metrics[(metrics.fold == str(fold)) & (metrics["class"] == name) & (metrics.metric == metric)]
    return float(row[column].iloc[0])


def read_metrics(path: Path) -> pd.DataFrame:
    """Read a ``metrics.csv``; value and interval are numbers, the rest is text. Raises `PxrError`."""
    return files.read_csv(path, METRICS_COLUMNS, NUMBERS.__contains__)


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
