"""A run on phantoms whose models are replaced by planted ones: their shortcuts are known."""

from pathlib import Path

import numpy as np
from tiny import CLASSES, SIZE, run_here, write_tiny_phantoms

from pxr_tf.audit.material import Material
from pxr_tf.config import load_experiment
from pxr_tf.executors.inline import Inline
from pxr_tf.models.model_file import read_card, save_classifier
from pxr_tf.models.scratch import build_linear
from pxr_tf.runs.finished import FinishedRun, open_run

PATIENTS = 16  # per class: the fewest with which a shortcut that flips all pictures is beyond doubt
LINEAR = {
    "model": {"kind": "linear"},
    "phases": [],
    "image.size": SIZE,
    "splits.folds": 2,
    "balance.oversample": [],
    "augmentation": {"copies": "none", "epochs": "none"},
}


def write_linear_run(folder: Path, shortcuts: dict[str, frozenset[str]], **more: object) -> FinishedRun:
    """Train the linear model on phantoms with one image per patient; return the run."""
    patients = dict.fromkeys(CLASSES, PATIENTS)
    data = write_tiny_phantoms(
        folder / "data", patients=patients, images_per_patient=(1, 1), shortcuts=shortcuts, size=SIZE
    )
    values = {**LINEAR, **{name.replace("__", "."): value for name, value in more.items()}}
    return open_run(run_here(load_experiment("phantom", values, variant="strategy2"), data, folder / "runs"))


def make_material(run: FinishedRun, **more: object) -> Material:
    """Return the run as checks see it; tasks run in this process."""
    table = run.tested[["image_id", "fold"]].merge(run.manifest, on="image_id")
    table = table.assign(picture=table.content)
    return Material(
        **{
            "table": table,
            "classes": tuple(run.recipe.classes),
            "cache": run.cache,
            "executor": Inline(),
            "on_event": lambda event: None,
            "run": run,
            **more,
        }
    )


def plant(run: FinishedRun, weights: np.ndarray, intercepts: np.ndarray) -> None:
    """Replace the model of each fold: logits are sums of `weights` [K, SIZE, SIZE] times greys, scaled to -1 … 1."""
    for fold in run.folds:
        file = run.model_file(fold)
        card = read_card(file)
        save_classifier(build_linear(weights.reshape(len(weights), -1), intercepts, SIZE), file, card)


def of_disease() -> np.ndarray:
    """Return the weights of a model that compares the parts of the chest with each other, and nothing else."""
    half, weights = SIZE // 2, np.zeros((4, SIZE, SIZE))
    inner = slice(SIZE // 5 + 1, half), slice(half, -SIZE // 5)
    for one, rows, columns in ((0, 0, 0), (1, 0, 1), (2, 1, 0), (3, 1, 1)):  # class, upper or lower, left or right
        weights[one][inner[rows], inner[columns]] = 1
    return 60 * weights / weights.sum((1, 2), keepdims=True)


def of_border() -> np.ndarray:
    """Return how black the border is, for `of_disease`: a class that it is added to is known by its black border."""
    border = np.ones((SIZE, SIZE))
    border[1:-1, 1:-1] = 0
    return -border / border.sum()
