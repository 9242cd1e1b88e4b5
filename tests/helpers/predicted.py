"""What a run says of pictures, by plain Keras and from its own tables: to compare `pxr predict` with."""

from pathlib import Path

import numpy as np
import pandas as pd
from tiny import CLASSES

from pxr_tf.pictures.decode import load_prepared
from pxr_tf.runs.finished import open_run

SHARES = [f"p_{name}" for name in CLASSES]


def own_rows(run: Path, fold: str) -> pd.DataFrame:
    """Return what the run itself predicted for the test rows of a fold."""
    rows = pd.read_csv(run / "predictions.csv", dtype={"fold": str}).set_index("image_id")
    return rows[rows.fold == fold]


def roles_in(run: Path, fold: str) -> pd.Series:
    """Return image id -> role in a fold, as `pxr predict` names it."""
    splits = pd.read_csv(run / "splits.csv", dtype=str)
    names = {"test": "test", "test_balanced": "test", "train": "training", "val": "validation"}
    return splits[splits.fold == fold].set_index("image_id").role.map(names)


def model_shares(run: Path, pictures: list[Path]) -> np.ndarray:
    """Return what each fold's saved model says of each file, [pictures, folds, classes], by plain Keras."""
    opened = open_run(run)
    prepared = np.stack([load_prepared(path, opened.preparation) for path in pictures])[..., None]
    return np.stack([opened.load_model(fold)[0].predict_on_batch(prepared) for fold in opened.folds], axis=1)
