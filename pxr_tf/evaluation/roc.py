"""ROC curves and operating points: the rates that a threshold on one class's probability gives.

An image counts as a class if that class's probability is at least the threshold. With two classes, the curve is the
second's; with more, each class has a curve against the rest. All tables are computed from predictions with a column
``role``, ``test`` or ``val`` (`rows_by_role`).

The column ``rule`` says how a threshold was chosen:

``validation``       it balances both error rates on the fold's validation images
``test_optimistic``  it balances both error rates on the test images themselves, as papers do: optimistic
``as_predicted``     no choice: the most probable class is predicted, with two classes a threshold of 0.5

The first two are in the table only if there are validation images: a threshold chosen on the test images alone would
have no honest value to compare with.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf import files
from pxr_tf.evaluation import metrics
from pxr_tf.evaluation.weighted import class_names, make_sample

FROM_VALIDATION, TEST_OPTIMISTIC, AS_PREDICTED = ("validation", "test_optimistic", "as_predicted")
_ROLES = ("test", "val")
_CURVE_COLUMNS = ("fold", "class", "role", "threshold", "sensitivity", "specificity")
RATES = ("sensitivity", "specificity", "precision", "accuracy")
_KEY = ("class", "rule", "role")
_POINT_COLUMNS = ("fold", "class", "rule", "threshold", "role", *RATES)


class OneAgainstRest(NamedTuple):
    """The predictions for one class against the rest; each array has one value per image."""

    actual: np.ndarray  # bool: the image is of this class
    predicted: np.ndarray  # bool: this class is the most probable one
    scores: np.ndarray  # float: what ranks images for this class, as `Sample.scores`


class MeanPoints(NamedTuple):
    """Operating points over folds or seeds: two tables of ``threshold`` and `RATES`, both indexed by `_KEY`."""

    mean: pd.DataFrame
    sd: pd.DataFrame  # n - 1; NaN for one fold or seed


def rows_by_role(predictions: pd.DataFrame, splits: pd.DataFrame, reading: str) -> pd.DataFrame:
    """Return the test rows of a reading (`metrics.select_rows`) and all validation rows; ``role`` says which."""
    tested = metrics.select_rows(predictions, splits, reading).assign(role="test")
    validating = predictions[predictions.role == "val"] if "role" in predictions else predictions[:0]
    return pd.concat([tested, validating]) if len(validating) else tested


def against_rest(predictions: pd.DataFrame, name: str) -> OneAgainstRest:
    """Return the predictions for one class against the rest."""
    sample = make_sample(predictions)
    k = sample.classes.index(name)
    return OneAgainstRest(sample.truth == k, sample.predicted == k, sample.scores[:, k])


def judged_classes(classes: Sequence[str]) -> Sequence[str]:
    """Return the classes that have a curve and thresholds: of two the second (the first mirrors it); else all."""
    return classes[1:] if len(classes) == 2 else classes


def trace_curve(one: OneAgainstRest) -> pd.DataFrame:
    """Return ``threshold, sensitivity, specificity`` of every threshold that makes a difference, in falling order.

    The first threshold is infinite: no image reaches it. The table is empty if the class or the rest has no image.
    """
    if one.actual.all() or not one.actual.any():
        return pd.DataFrame(columns=_CURVE_COLUMNS[3:], dtype=float)
    from sklearn.metrics import roc_curve  # here, as it takes half a second that a finished run need not wait

    false_positives, sensitivity, thresholds = roc_curve(one.actual, one.scores, drop_intermediate=False)
    return pd.DataFrame(dict(zip(_CURVE_COLUMNS[3:], (thresholds, sensitivity, 1 - false_positives), strict=True)))


def balance_errors(curve: pd.DataFrame) -> float:
    """Return the threshold whose sensitivity and specificity differ least; NaN for an empty curve.

    Ties: the higher sum of both wins, then the higher threshold. The infinite threshold is never chosen.
    """
    if curve.empty:
        return np.nan
    finite = curve[1:]
    gaps = (finite.sensitivity - finite.specificity).abs().round(12)  # equal fractions may differ by 1e-16
    order = np.lexsort((-finite.threshold, -(finite.sensitivity + finite.specificity).round(12), gaps))
    return float(finite.threshold.iloc[order[0]])


def measure_point(one: OneAgainstRest, threshold: float) -> dict[str, float]:
    """Return `RATES` if images count as this class from the threshold on; for NaN, as predicted."""
    if not np.isnan(threshold):
        one = one._replace(predicted=one.scores >= threshold)
    counts = np.bincount(2 * one.actual + one.predicted, minlength=4).reshape(2, 2)
    of_class = [measure(counts)[1] for measure in (metrics.sensitivity, metrics.specificity, metrics.precision)]
    accuracy = metrics.accuracy(counts) if len(one.actual) else np.nan
    return dict(zip(RATES, map(float, (*of_class, accuracy)), strict=True))


def trace_curves(rows: pd.DataFrame) -> pd.DataFrame:
    """Return all points of the ROC curves (`_CURVE_COLUMNS`) of each fold, class and role that has both kinds."""
    parts = [pd.DataFrame(columns=list(_CURVE_COLUMNS))]
    for fold, table in _folds(rows):
        for name in judged_classes(class_names(rows)):
            for role in _ROLES:
                curve = trace_curve(against_rest(table[table.role == role], name))
                parts.append(curve.assign(fold=fold, role=role, **{"class": name}))
    filled = [part for part in parts if len(part)] or parts[:1]
    return pd.concat(filled, ignore_index=True)[list(_CURVE_COLUMNS)]


def find_points(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the operating points (`_POINT_COLUMNS`) of each fold, then mean and sd (n - 1) without NaN."""
    found = [
        point
        for fold, table in _folds(rows)
        for name in judged_classes(class_names(rows))
        for point in _points(fold, table, name)
    ]
    folds = pd.DataFrame(found, columns=list(_POINT_COLUMNS))
    summary = summarise_points({0: folds.assign(fold="mean")})
    parts = [table.reset_index().assign(fold=name) for name, table in zip(("mean", "sd"), summary, strict=True)]
    return pd.concat([folds, *parts], ignore_index=True)[list(_POINT_COLUMNS)]


def summarise_points(tables: Mapping[int, pd.DataFrame]) -> MeanPoints:
    """Return mean and sd over seeds (seed -> table of `find_points`) of each seed's mean over its folds."""
    rows = pd.concat([table[table.fold == "mean"] for table in tables.values()])
    grouped = rows.groupby(list(_KEY), sort=False)[["threshold", *RATES]]
    return MeanPoints(grouped.mean(), grouped.std())


def mean_points(table: pd.DataFrame) -> MeanPoints:
    """Return mean and sd over the folds of one run, from its table of `find_points`."""
    indexed = table.set_index(list(_KEY))
    return MeanPoints(*(indexed.loc[indexed.fold == name, ["threshold", *RATES]] for name in ("mean", "sd")))


def read_points(path: Path) -> pd.DataFrame:
    """Read a ``thresholds.csv``; folds and classes are text. Raises `PxrError`."""
    return files.read_csv(path, _POINT_COLUMNS, ("threshold", *RATES).__contains__)


def _points(fold: str, table: pd.DataFrame, name: str) -> Iterator[dict[str, object]]:
    """Yield the rows of one class in one fold: each rule's threshold, on the rows of each role."""
    sides = {role: against_rest(table[table.role == role], name) for role in _ROLES}
    sides = {role: one for role, one in sides.items() if len(one.actual)}
    balanced = {role: balance_errors(trace_curve(one)) for role, one in sides.items()}
    chosen = {FROM_VALIDATION: balanced.get("val", np.nan), TEST_OPTIMISTIC: balanced.get("test", np.nan)}
    honest = not np.isnan(chosen[FROM_VALIDATION])
    kept = {rule: threshold for rule, threshold in chosen.items() if honest and not np.isnan(threshold)}
    for rule, threshold in {**kept, AS_PREDICTED: np.nan}.items():
        for role, one in sides.items():
            shown = 0.5 if rule == AS_PREDICTED and len(class_names(table)) == 2 else threshold
            place = {"fold": fold, "class": name, "rule": rule, "threshold": shown, "role": role}
            yield place | measure_point(one, threshold)


def _folds(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for fold in sorted(rows.fold.unique(), key=metrics.fold_order):
        yield fold, rows[rows.fold == fold]
