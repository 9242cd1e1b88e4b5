"""The run's own models, computed by TensorFlow, and the task ``predict`` with them."""

from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

import keras
import numpy as np

from pxr_tf.events import OnEvent
from pxr_tf.inference.engines import Ask
from pxr_tf.inference.likeness import Likeness, read_likeness
from pxr_tf.inference.predict import Shard
from pxr_tf.inference.predict_task import fill_shard
from pxr_tf.models.classifier import FULL_BATCH, both_columns, pooled_features, predict_pictures
from pxr_tf.runs.directory import RunDirectory
from pxr_tf.tasks import Task
from pxr_tf.training.device import set_up

_MOST_MODELS = 16  # kept between tasks; a cross-validation has five


def predict_shard(task: Task, options: Shard, emit: OnEvent) -> None:
    """Do what `fill_shard` does with the run's own models; with distances, if the shard has a column for them."""
    emit(set_up(False, "float32").event)
    run = RunDirectory(Path(task.run), Path(task.cache))
    likeness = read_likeness(run) if options.unlike else None
    models = {folder: load_own(run, fold, likeness) for folder, fold in options.folds.items()}
    fill_shard(run, options, task.part_of(options.pictures), models, emit)


def load_own(run: RunDirectory, fold: str, likeness: Likeness | None = None, *, batch: int = FULL_BATCH) -> Ask:
    """Return a function that asks a fold's model, with the mirror image if the run does so; raise `PxrError`.

    With a `likeness`, it gives one more column: how unlike each picture is, 0 to 100. `batch` is as in
    `predict_pictures`.
    """
    model, mirror = open_model(run, fold)
    if likeness is None:
        return partial(_ask, model, mirror, batch)
    return _ask_far(model, mirror, batch, partial(likeness.measure, fold))


def open_model(run: RunDirectory, fold: str) -> tuple[keras.Model, bool]:
    """Return a fold's model, and whether its predictions are averaged with the mirror image's; raise `PxrError`."""
    return _load(str(run.folder), fold, run.model_digest(fold))


@lru_cache(_MOST_MODELS)
def _load(folder: str, fold: str, digest: str) -> tuple[keras.Model, bool]:
    """Return what `open_model` returns; `digest` changes with the file."""
    model, card = RunDirectory(Path(folder), Path()).load_model(fold)
    return model, card.get("mirror_predictions", False)


def _ask(model: keras.Model, mirror: bool, batch: int, pictures: np.ndarray) -> np.ndarray:
    rows = np.arange(len(pictures))
    return both_columns(predict_pictures(model, pictures[..., 0], rows, mirror=mirror, batch=batch))


def _ask_far(model: keras.Model, mirror: bool, batch: int, measure: Callable[[np.ndarray], np.ndarray]) -> Ask:
    """Return a function that gives probabilities and, in one more column, what `measure` makes of the features.

    One pass gives both. The features are those of the picture itself, not of its mirror image, as in the fit.
    """
    both = keras.Model(model.inputs, keras.layers.Concatenate()([model.outputs[0], pooled_features(model)]))
    outputs = model.outputs[0].shape[-1]

    def ask(pictures: np.ndarray) -> np.ndarray:
        rows = np.arange(len(pictures))
        found = predict_pictures(both, pictures[..., 0], rows, batch=batch)
        shares = found[:, :outputs]
        if mirror:
            shares = (shares + predict_pictures(model, pictures[:, :, ::-1, 0], rows, batch=batch)) / 2
        return np.column_stack([both_columns(shares), measure(found[:, outputs:])])

    return ask
