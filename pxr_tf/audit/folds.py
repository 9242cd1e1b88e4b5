"""The folds of an audit, as numbers of rows: a probe learns and is judged on the same rows as the run's models."""

import numpy as np
import pandas as pd

from pxr_tf.audit.material import Material
from pxr_tf.evaluation.probes import Fold


def used_rows(material: Material) -> pd.DataFrame:
    """Return the rows that a fold tests or trains on; without a run, all."""
    table = material.table
    if material.run is not None:
        splits = material.run.splits
        trained = splits.image_id[splits.fold.isin(material.run.folds) & (splits.role == "train")]
        table = table[(table.fold != "") | table.image_id.isin(trained)]
    return table.reset_index(drop=True)


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
