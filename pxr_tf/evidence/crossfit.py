"""Cross-fitting: for each fold, the rows that something is chosen on and, apart from them, the rows that judge it."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf.data.splits import TEST_ROLES
from pxr_tf.errors import PxrError, count_words, shorten
from pxr_tf.evaluation import metrics
from pxr_tf.evaluation.weighted import Sample, class_names, make_sample
from pxr_tf.runs.finished import FinishedRun

VALIDATION, OTHER_FOLDS = "validation rows", "other folds"
# Below 19 patients of a class, a 95 % conformal set would always contain it; and a sensitivity moves in steps of 5 %.
FEWEST_TO_FIT = 20
_SUM = 1e-3  # how far a row's probabilities may be from 1: they are written with seven digits


class CrossFit(NamedTuple):
    """The held-out rows of a run, and for each fold the rows of other patients that its choices are made on."""

    folds: tuple[str, ...]
    judged: Sample  # held-out rows of all folds
    fold: np.ndarray  # int [n]: the number of each judged row's fold
    fitting: tuple[Sample, ...]  # one for each fold
    every: Sample  # all rows that something may be chosen on: for values that are used later
    source: str  # `VALIDATION` or `OTHER_FOLDS`

    def spread(self, per_fold: list[float]) -> np.ndarray:
        """Return a fold's value for each judged row, float64 [n]."""
        return np.asarray(per_fold, np.float64)[self.fold]


def cross_fit(run: FinishedRun) -> CrossFit:
    """Return what a run's predictions can be calibrated and judged on; the judged rows are those of ``metrics.csv``.

    A fold's choices are made on its validation rows if every fold has `FEWEST_TO_FIT` patients of each class there,
    otherwise on the held-out rows of the other folds. Patients of the judged rows are left out of either. Raises
    `PxrError` for edited predictions, a class without images, and one fold without enough validation rows.
    """
    table = read_checked(run)
    reading, *_ = metrics.possible_readings(run.splits, run.recipe.splits.test_rows)
    judged = metrics.select_rows(table, run.splits, reading)
    validating = table[table.role == "val"] if "role" in table else table[:0]
    names = tuple(sorted(judged.fold.unique(), key=metrics.fold_order))
    _check_classes(judged, class_names(table), "the held-out rows")
    own = [_of_others(validating[validating.fold == name], judged[judged.fold == name]) for name in names]
    others = [_of_others(judged[judged.fold != name], judged[judged.fold == name]) for name in names]
    enough = all(_fewest_patients(rows)[1] >= FEWEST_TO_FIT for rows in own)
    if not enough and len(names) == 1:
        name, count = _fewest_patients(own[0])
        raise PxrError(
            f"The run has one fold, and its validation rows have {count_words(count, 'patient')} of class {name}; "
            f"{FEWEST_TO_FIT} of each class are needed. Cross-validate (pxr cv), or keep more patients for validation."
        )
    for rows, name in zip([] if enough else others, names, strict=False):
        _check_classes(rows, class_names(table), f"the rows outside fold {name}")
    number = judged.fold.map({name: k for k, name in enumerate(names)}).to_numpy(int)
    every = validating[validating.fold.isin(names)] if enough else judged
    fitting = tuple(make_sample(rows) for rows in (own if enough else others))
    return CrossFit(
        names, make_sample(judged), number, fitting, make_sample(every), VALIDATION if enough else OTHER_FOLDS
    )


def read_checked(run: FinishedRun) -> pd.DataFrame:
    """Return the predictions, with patients; raise `PxrError` if they are not those of a finished run."""
    table = run.predictions
    if "patient_id" not in table:
        table = table.assign(patient_id=table.image_id)
    names = class_names(table)
    shares = table[[f"p_{name}" for name in names]].to_numpy(np.float64)
    wrong = ~((shares >= 0).all(1) & (np.abs(shares.sum(1) - 1) <= _SUM))
    if wrong.any():
        image, total = table.image_id[wrong].iloc[0], shares[wrong][0].sum()
        raise PxrError(_edited(run, f"the probabilities of {image} add up to {total:.4g} instead of 1"))
    unknown = sorted({*table.label, *table.predicted} - set(names))
    if unknown:
        raise PxrError(_edited(run, f"{shorten(unknown)} has no column of probabilities"))
    chosen = shares[np.arange(len(table)), table.predicted.map(names.index)]
    other = chosen < shares.max(1) - _SUM
    if other.any():
        row = table[other].iloc[0]
        raise PxrError(_edited(run, f"{row.predicted}, predicted for {row.image_id}, is not its most probable class"))
    _check_complete(run, metrics.held_out_rows(table))
    return table


def _check_complete(run: FinishedRun, tested: pd.DataFrame) -> None:
    splits = run.splits[run.splits.fold.isin(run.folds) & run.splits.role.isin(TEST_ROLES)]
    expected, found = (set(zip(rows.image_id, rows.fold, strict=True)) for rows in (splits, tested))
    if expected - found:
        missing = count_words(len(expected - found), "test image")
        raise PxrError(_edited(run, f"{missing} of {len(expected):,} are missing"))


def _edited(run: FinishedRun, fault: str) -> str:
    return (
        f"predictions.csv in {run.folder} was edited or damaged: {fault}. Delete it and repeat the command that made "
        "the run: finished folds are kept."
    )


def _of_others(rows: pd.DataFrame, judged: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of patients that are not judged."""
    return rows[~rows.patient_id.isin(judged.patient_id)]


def _fewest_patients(rows: pd.DataFrame) -> tuple[str, int]:
    """Return the class with the fewest patients, and their number."""
    counts = {name: rows.patient_id[rows.label == name].nunique() for name in class_names(rows)}
    name = min(counts, key=counts.__getitem__)
    return name, counts[name]


def _check_classes(rows: pd.DataFrame, names: list[str], where: str) -> None:
    absent = [name for name in names if not (rows.label == name).any()]
    if absent:
        raise PxrError(
            f"Class {absent[0]} has no image in {where}, so nothing can be chosen or judged for it. Use data with "
            "images of every class."
        )
