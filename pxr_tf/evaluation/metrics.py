"""Metrics, computed from predictions and from nothing else.

A predictions table has ``label, predicted, fold`` and a probability column ``p_<class>`` for each class. A metrics
table is long: ``fold, class, metric, value``, where fold is a number, ``mean``, ``sd`` (over folds, n - 1) or
``pooled`` (all held-out rows as one set), and class is a class or ``all``.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

PER_CLASS = ("precision", "sensitivity", "specificity", "f1", "auc", "support")


def read_predictions(path: Path) -> pd.DataFrame:
    """Read a ``predictions.csv``; probabilities are numbers, everything else is text."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)  # a class may be called NA
    numbers = {column: pd.to_numeric(table[column]) for column in table if column.startswith("p_")}
    return table.assign(**numbers)


def class_names(predictions: pd.DataFrame) -> list[str]:
    """Return the classes, in the order of the probability columns."""
    return [column.removeprefix("p_") for column in predictions.columns if column.startswith("p_")]


def confusion_matrix(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return counts [classes, classes]: rows are the true labels, columns the predicted ones."""
    classes = class_names(predictions)
    counts = pd.crosstab(predictions.label, predictions.predicted)
    return counts.reindex(index=classes, columns=classes, fill_value=0)


def score(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return ``class, metric, value`` of one set of predictions.

    Precision of a class that is never predicted is 0, as in scikit-learn; a class without rows has sensitivity, F1
    and AUC NaN. Balanced accuracy is the mean sensitivity of the classes that occur. AUC is one class against the
    rest, from its probability column.
    """
    counts = confusion_matrix(predictions)
    rows = [
        ("all", "accuracy", np.trace(counts.to_numpy()) / max(1, len(predictions))),
        ("all", "balanced_accuracy", float(np.nanmean(_divide(np.diag(counts), counts.sum(axis=1))))),
        ("all", "support", float(len(predictions))),
    ]
    for name in class_names(predictions):
        values = _score_class(counts, name) | {"auc": _auc(predictions.label == name, predictions[f"p_{name}"])}
        rows += [(name, metric, values[metric]) for metric in PER_CLASS]
    return pd.DataFrame(rows, columns=["class", "metric", "value"])


def score_folds(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the metrics table of out-of-fold predictions: each fold, their mean and sd, and all rows pooled."""
    folds = sorted(predictions.fold.unique(), key=int)
    parts = [score(predictions[predictions.fold == fold]).assign(fold=fold) for fold in folds]
    together = pd.concat(parts)
    grouped = together.groupby(["class", "metric"], sort=False).value
    summary = [grouped.agg(how).reset_index().assign(fold=name) for how, name in (("mean", "mean"), ("std", "sd"))]
    pooled = score(predictions).assign(fold="pooled")
    return pd.concat([*parts, *summary, pooled], ignore_index=True)[["fold", "class", "metric", "value"]]


def value_of(metrics: pd.DataFrame, fold: str | int, name: str, metric: str) -> float:
    """Return one value of a metrics table."""
    row = metrics[(metrics.fold == str(fold)) & (metrics["class"] == name) & (metrics.metric == metric)]
    return float(row.value.iloc[0])


def read_metrics(path: Path) -> pd.DataFrame:
    """Read a ``metrics.csv``; fold is text."""
    return pd.read_csv(path, dtype={"fold": str}, keep_default_na=False, na_values={"value": [""]})


def keep_rows(predictions: pd.DataFrame, images: Sequence[str]) -> pd.DataFrame:
    """Return the predictions of these images only."""
    return predictions[predictions.image_id.isin(set(images))]


def _score_class(counts: pd.DataFrame, name: str) -> dict[str, float]:
    true_positive = counts.loc[name, name]
    predicted, actual, total = counts[name].sum(), counts.loc[name].sum(), counts.to_numpy().sum()
    false_positive = predicted - true_positive
    return {
        "precision": true_positive / predicted if predicted else 0.0,
        "sensitivity": true_positive / actual if actual else np.nan,
        "specificity": (total - actual - false_positive) / (total - actual) if total > actual else np.nan,
        "f1": 2 * true_positive / (predicted + actual) if actual else np.nan,
        "support": float(actual),
    }


def _auc(positive: pd.Series, probability: pd.Series) -> float:
    """Area under the ROC curve as the Mann-Whitney statistic: ties count one half."""
    count = int(positive.sum())
    others = len(positive) - count
    if not count or not others:
        return float("nan")
    ranks = probability.rank()
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))


def _divide(numerators: np.ndarray, denominators: pd.Series) -> np.ndarray:
    below = denominators.to_numpy(float)
    return np.divide(numerators, below, out=np.full(len(below), np.nan), where=below > 0)
