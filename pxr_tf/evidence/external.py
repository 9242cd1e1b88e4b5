"""Tables of a run's predictions on data that it never saw: what each group was called, and the run's own figures beside
the external ones.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pxr_tf.evaluation.differences import subtract_intervals
from pxr_tf.evaluation.intervals import measure_share
from pxr_tf.evaluation.metrics import held_out_rows, value_of
from pxr_tf.evaluation.weighted import class_names
from pxr_tf.evidence.intervals import score_with_intervals
from pxr_tf.sets.any_pictures import UNLABELLED

CALLED_COLUMNS = ("source", "group", "label", "images", "patients", "class", "share", "low", "high", "internal")
BESIDE_COLUMNS = (
    "class", "metric", "internal", "internal_low", "internal_high", "internal_images",
    "external", "external_low", "external_high", "external_images", "difference", "low", "high",
)  # fmt: skip
ALL_OTHERS = "all that are not"  # the group of all rows that are known not to be of a class
# Groups of which nobody knows what they are; and pneumonia of an unnamed germ, which may be bacterial or viral.
UNKNOWN, UNNAMED = frozenset({UNLABELLED, "unknown", "todo", ""}), frozenset({"pneumonia"})
_METRICS = ("sensitivity", "specificity", "auc")
_OVERALL = ("balanced_accuracy", "auc", "accuracy")


def count_called(external: pd.DataFrame, internal: pd.DataFrame) -> pd.DataFrame:
    """Return what share of each group was called each class, with its 95 % interval over patients, `CALLED_COLUMNS`.

    `external` and `internal` are predictions; `external` also has ``group``, the label in its data, and an empty
    ``label`` for a group that is no class: a negative control. ``internal`` is the share of the run's own held-out
    images of the same label that are called the class, NaN for a control. The last rows, of the group
    ``all that are not``, are per class the share of all images known not to be of it that are called it (1 -
    specificity), beside the run's own.
    """
    classes = class_names(external)
    rows = [
        (source, group, label, *_shares(part, name), _internal_share(internal[internal.label == label], name))
        for (source, group, label), part in external.groupby(["source", "group", "label"], sort=True)
        for name in classes
    ]
    for name in classes:
        others = external[are_not(external, name)]
        own = internal[internal.label != name]
        rows.append(("", f"{ALL_OTHERS} {name}", "", *_shares(others, name), _internal_share(own, name)))
    return (
        pd.DataFrame(rows, columns=list(CALLED_COLUMNS))
        .sort_values(["source", "group"], key=lambda column: column.map(lambda text: (text == "", text)), kind="stable")
        .reset_index(drop=True)
    )


def are_not(rows: pd.DataFrame, name: str) -> np.ndarray:
    """Return bool [rows]: which images are known not to be of a class. An unnamed pneumonia may be any but COVID-19."""
    may_be = UNKNOWN | (frozenset() if name in ("normal", "covid19") else UNNAMED)
    return ((rows.label != name) & ~rows.group.isin(may_be)).to_numpy()


def compare_with_internal(external: pd.DataFrame, internal: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Return the run's own figures and the external ones, with intervals and their difference, `BESIDE_COLUMNS`.

    Both count images of the classes that the external data have, because a specificity or an accuracy depends on what
    else there is. Empty if no external image has a class.
    """
    external = external[external.label != ""]
    shared = [name for name in class_names(external) if (external.label == name).any()]
    internal = held_out_rows(internal)
    internal = internal[internal.label.isin(shared)]
    if not shared or internal.empty:
        return pd.DataFrame(columns=list(BESIDE_COLUMNS))
    ours, theirs = (score_with_intervals(rows.assign(fold="all", role="test"), unit) for rows in (internal, external))
    keys = [("all", metric) for metric in _OVERALL] + [(name, metric) for name in shared for metric in _METRICS]
    rows = [_beside(ours, theirs, name, metric, (internal, external)) for name, metric in keys]
    return pd.DataFrame(rows, columns=list(BESIDE_COLUMNS)).dropna(subset=["internal", "external"], ignore_index=True)


def _beside(ours: pd.DataFrame, theirs: pd.DataFrame, name: str, metric: str, tables: Sequence[pd.DataFrame]) -> tuple:
    values = [
        tuple(value_of(table, "pooled", name, metric, column) for column in ("value", "low", "high"))
        for table in (ours, theirs)
    ]
    counts = [_count(table.label == name, metric) if name != "all" else len(table) for table in tables]
    return name, metric, *values[0], counts[0], *values[1], counts[1], *subtract_intervals(values[1], values[0])


def _count(inside: pd.Series, metric: str) -> int:
    """Return how many images a metric of a class rests on: those of the class, of the rest, or all."""
    return int({"sensitivity": inside, "specificity": ~inside}.get(metric, inside | True).sum())


def _shares(part: pd.DataFrame, name: str) -> tuple:
    share = measure_share((part.predicted == name).to_numpy(), part.patient_id.to_numpy())
    return len(part), part.patient_id.nunique(), name, share.value, share.low, share.high


def _internal_share(rows: pd.DataFrame, name: str) -> float:
    return float((rows.predicted == name).mean()) if len(rows) else np.nan
