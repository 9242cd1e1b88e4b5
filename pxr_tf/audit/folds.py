"""The folds of an audit, as numbers of rows: a probe learns and is judged on the same rows as the run's models."""

import numpy as np
import pandas as pd

from pxr_tf.audit.material import Material
from pxr_tf.evaluation.probes import Fold


def make_folds(material: Material, table: pd.DataFrame) -> list[Fold]:
    """Return the folds of the table's rows, in the order of their names.

    Training rows are the run's; validation rows are not used. Without a run, every fold trains on all rows that it does
    not test.
    """
    names = sorted(set(table.fold) - {""})
    return [Fold(_training_rows(material, table, name), np.flatnonzero(table.fold == name)) for name in names]


def _training_rows(material: Material, table: pd.DataFrame, fold: str) -> np.ndarray:
    if material.run is None:
        return np.flatnonzero(table.fold != fold)
    splits = material.run.splits
    training = splits.image_id[(splits.fold == fold) & (splits.role == "train")]
    return np.flatnonzero(table.image_id.isin(training))
