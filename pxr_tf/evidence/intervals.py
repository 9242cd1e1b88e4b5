"""The metrics table of a run with an interval for each figure, as in ``metrics.csv``."""

import numpy as np
import pandas as pd

from pxr_tf.evaluation.bootstrap import LEVEL
from pxr_tf.evaluation.intervals import mean_over_folds, metric_intervals, replicate
from pxr_tf.evaluation.metrics import fold_order, held_out_rows, score_folds
from pxr_tf.evaluation.weighted import make_sample
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.sets.file_kinds import is_image_name

PATIENT, IMAGE = "patient", "image"
COLUMNS = ("low", "high", "level", "unit", "method")
_KEY = ["fold", "class", "metric"]


def score_with_intervals(predictions: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Return the table of `score_folds` with the columns ``low, high, level, unit, method``.

    Each fold, the mean over folds and all rows pooled get 95 % intervals over patients. ``sd`` and ``support`` get
    none, nor does a figure that rests on fewer than three patients; ``method`` is then empty. `unit` is that of the run
    (`unit_of`).
    """
    rows = held_out_rows(predictions)
    sample = make_sample(rows)
    folds = sorted(rows.fold.unique(), key=fold_order)
    *each, pooled = replicate([*(sample.take((rows.fold == fold).to_numpy()) for fold in folds), sample])
    found = dict(zip(folds, each, strict=True)) | {"mean": mean_over_folds(each, pooled), "pooled": pooled}
    tables = [metric_intervals(one, sample.classes).assign(fold=fold) for fold, one in found.items()]
    table = score_folds(predictions).merge(pd.concat(tables).drop(columns="value"), "left", _KEY)
    known = table.method.fillna("") != ""
    table = table.assign(method=table.method.fillna(""), unit=known.map({True: unit, False: ""}))
    return table.assign(level=known.map({True: LEVEL, False: np.nan}))[[*_KEY, "value", *COLUMNS]]


def unit_of(run: FinishedRun) -> str:
    """Return what all intervals of a run resample: ``patient``, or ``image`` if no test image has a named patient.

    An image without a patient has an image id as its patient: its own, or that of a copy of its picture, which only
    trains or was dropped. A dropped copy is known by its id alone: ``<source>/<path>.png``.
    """
    return _unit(set(run.tested.get("patient_id", ())) - set(run.manifest.image_id))


def unit_of_rows(rows: pd.DataFrame) -> str:
    """Return what intervals of any rows (``image_id, patient_id``) resample, as `unit_of` does."""
    return _unit(set(rows.patient_id) - set(rows.image_id))


def _unit(owners: set[str]) -> str:
    named = [owner for owner in owners if "/" not in owner or not is_image_name(owner.rpartition("/")[2])]
    return PATIENT if named else IMAGE


def unit_of_table(table: pd.DataFrame) -> str:
    """Return what the intervals of a metrics table resample; "" if it has none."""
    return next(filter(None, table.unit), "")


def unit_words(unit: str) -> str:
    """Return what intervals are over, and why if it is images."""
    return "images, as the data name no patients" if unit == IMAGE else "patients"
