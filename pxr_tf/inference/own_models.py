"""The run's own models, computed by TensorFlow, and the task ``predict`` with them."""

from functools import lru_cache, partial
from pathlib import Path

import keras
import numpy as np

from pxr_tf.events import OnEvent
from pxr_tf.inference.engines import Ask
from pxr_tf.inference.likeness import Likeness, read_likeness
from pxr_tf.inference.predict import Shard
from pxr_tf.inference.predict_task import fill_shard
from pxr_tf.models.classifier import both_columns, pooled_features, predict_pictures
from pxr_tf.runs.directory import RunDirectory
from pxr_tf.tasks import Task
from pxr_tf.training.device import set_up

_MOST_MODELS = 16  # kept between tasks; a cross-validation has five


def predict_shard(task: Task, options: Shard, emit: OnEvent) -> None:
    """Do what `fill_shard` does with the run's own models; with distances, if the shard has a column for them."""
    emit(set_up(False, "float32").event)
    run = RunDirectory(Path(task.run), Path(task.cache))
    likeness = read_likeness(run) if options.unlike else None
    models = {
        folder: load_own(run, fold) if likeness is None else _load_far(run, fold, likeness)
        for folder, fold in options.folds.items()
    }
    fill_shard(run, options, models, emit)


def load_own(run: RunDirectory, fold: str) -> Ask:
    """Return a function that asks a fold's model, with the mirror image if the run does so; raise `PxrError`."""
    model, mirror = _load(str(run.folder), fold, run.model_digest(fold))
    return partial(_ask, model, mirror)


@lru_cache(_MOST_MODELS)
def _load(folder: str, fold: str, digest: str) -> tuple[keras.Model, bool]:
    """Return a fold's model, and whether its predictions are averaged with the mirror image's."""
    model, card = RunDirectory(Path(folder), Path()).load_model(fold)
    return model, card.get("mirror_predictions", False)


def _ask(model: keras.Model, mirror: bool, pictures: np.ndarray) -> np.ndarray:
    return both_columns(predict_pictures(model, pictures[..., 0], np.arange(len(pictures)), mirror=mirror))


def _load_far(run: RunDirectory, fold: str, likeness: Likeness) -> Ask:
    """Return a function that gives probabilities and, in one more column, how unlike the pictures are, 0 to 100.

    One pass gives both. The features are those of the picture itself, not of its mirror image, as in the fit.
    """
    model, mirror = _load(str(run.folder), fold, run.model_digest(fold))
    both = keras.Model(model.inputs, keras.layers.Concatenate()([model.outputs[0], pooled_features(model)]))
    outputs = model.outputs[0].shape[-1]

    def ask(pictures: np.ndarray) -> np.ndarray:
        rows = np.arange(len(pictures))
        found = predict_pictures(both, pictures[..., 0], rows)
        shares = found[:, :outputs]
        if mirror:
            shares = (shares + predict_pictures(model, pictures[:, :, ::-1, 0], rows)) / 2
        return np.column_stack([both_columns(shares), likeness.measure(fold, found[:, outputs:])])

    return ask
