"""ROC and precision-recall curves of a run's test rows, thinned for drawing."""

import numpy as np
import pandas as pd

from pxr_tf.evaluation import metrics, roc
from pxr_tf.evaluation.weighted import class_names
from pxr_tf.runs.finished import FinishedRun

STEP = 1 / 300  # what a line of a figure 300 pixels wide can show
RATES = ["sensitivity", "specificity", "precision"]


def held_out_curves(run: FinishedRun, reading: str) -> pd.DataFrame:
    """Return ``fold, class, share, threshold, sensitivity, specificity, precision`` of a reading's test rows.

    ``share`` is the class's share of the images: the precision of a guess. Thresholds fall. A class or fold without
    both kinds of images has no rows. A point is left out if all rates are nearer than `STEP` to the one before.
    """
    rows = metrics.select_rows(run.predictions, run.splits, reading)
    parts = [pd.DataFrame(columns=["fold", "class", "share", "threshold", *RATES])]
    for fold in sorted(rows.fold.unique(), key=metrics.fold_order):
        for name in roc.judged_classes(class_names(rows)):
            one = roc.against_rest(rows[rows.fold == fold], name)
            share = float(one.actual.mean())
            curve = _with_precision(roc.trace_curve(one), share)
            parts.append(thin(curve).assign(fold=fold, share=share, **{"class": name}))
    filled = [part for part in parts if len(part)] or parts[:1]
    return pd.concat(filled, ignore_index=True)


def thin(curve: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a curve that are `STEP` or more away from the last one kept, and the first and last row."""
    kept: list[int] = []
    rates = curve[RATES].to_numpy(dtype=float)
    for row, values in enumerate(rates):
        if not kept or row == len(rates) - 1 or np.nanmax(np.abs(values - rates[kept[-1]])) >= STEP:
            kept.append(row)
    return curve.iloc[kept]


def _with_precision(curve: pd.DataFrame, share: float) -> pd.DataFrame:
    """Return the curve with the precision of each threshold; 1 for the first, which no image reaches."""
    right, wrong = curve.sensitivity * share, (1 - curve.specificity) * (1 - share)
    precision = metrics.divide(right.to_numpy(dtype=float), (right + wrong).to_numpy(dtype=float), 1.0)
    return curve.assign(precision=precision)
