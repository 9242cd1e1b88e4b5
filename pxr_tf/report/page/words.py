"""Numbers and intervals as words of the page."""

import numpy as np
import pandas as pd

from pxr_tf.evaluation.metrics import value_of
from pxr_tf.report.results import plus_minus

NOT_SHARES = ("log_loss", "brier")
NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "mean_sensitivity_specificity": "(sensitivity + specificity) / 2",
    "auc": "area under the ROC curve",
    "average_precision": "average precision",
    "log_loss": "cross-entropy",
    "brier": "Brier score",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "precision": "precision (PPV)",
    "f1": "F1",
}
NONE = "–"  # noqa: RUF001 - no value


def figure(value: float, metric: str = "") -> str:
    """Return a metric's value as shown: ``87.3 %``, or ``0.412`` for a metric that is not a share."""
    if np.isnan(value):
        return NONE
    return f"{value:.3f}" if metric in NOT_SHARES else f"{100 * value:.1f} %"


def interval(low: float, high: float, metric: str = "") -> str:
    """Return ``86.1 to 88.4``, in the units of `figure`; "" without an interval."""
    if np.isnan(low):
        return ""
    return f"{low:.3f} to {high:.3f}" if metric in NOT_SHARES else f"{100 * low:.1f} to {100 * high:.1f}"


def measured(table: pd.DataFrame, name: str, metric: str, fold: str = "mean") -> str:
    """Return a value of a metrics table with its interval: ``87.3 % (86.1 to 88.4)``."""
    return with_ends(*ends_of(table, name, metric, fold), metric)


def ends_of(table: pd.DataFrame, name: str, metric: str, fold: str = "mean") -> tuple[float, float, float]:
    """Return a value of a metrics table and the ends of its interval."""
    value, low, high = (value_of(table, fold, name, metric, column) for column in ("value", "low", "high"))
    return value, low, high


def with_ends(value: float, low: float, high: float, metric: str = "") -> str:
    """Return a metric's value, with its interval if it has one: ``87.3 % (86.1 to 88.4)``."""
    ends = interval(low, high, metric)
    return figure(value, metric) + (f" ({ends})" if ends else "")


def over_folds(table: pd.DataFrame, name: str, metric: str) -> str:
    """Return mean ± sd over the folds, in percent."""
    mean, sd = (value_of(table, fold, name, metric) for fold in ("mean", "sd"))
    return NONE if np.isnan(mean) else f"{plus_minus(mean, sd, 1)} %"


def listed(words: list[str]) -> str:
    """Return ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "none"
