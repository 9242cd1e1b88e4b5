"""Predictions as in ``predictions.csv``: a row per image and fold, with the probability of every class."""

from pathlib import Path

import pandas as pd

from pxr_tf import files
from pxr_tf.data.run_warnings import RunWarning
from pxr_tf.data.splits import TEST_ROLES

PREDICTION_COLUMNS = ("image_id", "fold", "label", "predicted")  # then a probability per class


def read_predictions(path: Path) -> pd.DataFrame:
    """Read a ``predictions.csv``; only probabilities ``p_<class>`` are numbers. Raises `PxrError`."""
    return files.read_csv(path, PREDICTION_COLUMNS, lambda name: name.startswith("p_"))


def warn_of_one_class(predictions: pd.DataFrame) -> list[RunWarning]:
    """Return a warning for each fold that predicts the same class for all of its test images, right or not.

    A fold that is right about every image is left out: its test images have one class.
    """
    tested = predictions[predictions.role.isin(TEST_ROLES)] if "role" in predictions else predictions
    found = []
    for fold, rows in tested.groupby("fold", sort=False):
        name, *others = rows.predicted.unique()
        if not others and len(rows) > 1 and (rows.label != name).any():
            text = f"fold {fold} predicts one class ({name}) for all images."
            found.append(RunWarning(what="one class", label=name, text=text))
    return found
