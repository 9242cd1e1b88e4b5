"""The trained heads of a run: where each class's logit points, and the features that they see. No TensorFlow here."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pxr_tf import arrays, files
from pxr_tf.audit.material import Material
from pxr_tf.evaluation.alignment import FoldFeatures
from pxr_tf.inference.features import SavedFeatures
from pxr_tf.tasks import Task, run_or_raise


@dataclass(frozen=True)
class HeadDirections:
    """Options of the task ``head_directions``."""

    folds: Mapping[str, tuple[str, ...]]  # fold whose saved model is used -> contents of the pictures
    features: Path  # JSON, fold -> folder of its features, as `SavedFeatures.to`
    to: Path  # JSON, fold -> a list of numbers per class


def has_heads(material: Material) -> bool:
    """Return whether every fold that tests has kept a network."""
    run = material.run
    return run is not None and run.recipe.trains_network and all(run.has_model(fold) for fold in run.folds)


def read_heads(material: Material, table: pd.DataFrame) -> list[FoldFeatures]:
    """Return the features of each fold's test rows by its own model, and its directions; compute what is missing."""
    run = material.run
    folds = {fold: tuple(table.content[table.fold == fold]) for fold in run.folds if (table.fold == fold).any()}
    key = files.digest(run.place, *(run.model_digest(fold) for fold in folds), *table.content, run.preparation.digest)
    logs = run.cache / "logs"
    saved = SavedFeatures(folds, run.preparation.lungs or None, logs / f"head-features-{key}.json")
    heads = HeadDirections(folds, saved.to, logs / f"heads-{key}.json")
    if not _all_there(saved, heads):
        tasks = [
            Task("head-features", "saved_features", options=saved, **run.task_place),
            Task("heads", "head_directions", needs=("head-features",), options=heads, **run.task_place),
        ]
        run_or_raise(material.executor, tasks, material.on_event)
    directions, made = files.read_json(heads.to), files.read_json(saved.to)
    return [
        FoldFeatures(
            np.flatnonzero(table.fold == fold), _read(made[fold]["folder"], contents), np.array(directions[fold])
        )
        for fold, contents in folds.items()
    ]


def _read(folder: str, contents: tuple[str, ...]) -> np.ndarray:
    values, rows, _ = arrays.load_array(Path(folder))
    return np.asarray(values[[rows[content] for content in contents]])


def _all_there(saved: SavedFeatures, heads: HeadDirections) -> bool:
    made = files.read_json(saved.to)
    if made is None or files.read_json(heads.to) is None:
        return False
    return not any(arrays.missing_keys(Path(made[fold]["folder"]), names) for fold, names in saved.folds.items())
