"""The run's own models, computed by TensorFlow, and the task ``predict`` with them."""

from functools import lru_cache, partial
from pathlib import Path

import keras
import numpy as np

from pxr_tf.events import OnEvent
from pxr_tf.inference.engines import Ask
from pxr_tf.inference.predict import Shard
from pxr_tf.inference.predict_task import fill_shard
from pxr_tf.models.classifier import both_columns, predict_pictures
from pxr_tf.runs.directory import RunDirectory
from pxr_tf.tasks import Task
from pxr_tf.training.device import set_up

_MOST_MODELS = 16  # kept between tasks; a cross-validation has five


def predict_shard(task: Task, options: Shard, emit: OnEvent) -> None:
    """Do what `fill_shard` does with the run's own models."""
    emit(set_up(False, "float32").event)
    run = RunDirectory(Path(task.run), Path(task.cache))
    fill_shard(run, options, {folder: load_own(run, fold) for folder, fold in options.folds.items()}, emit)


def load_own(run: RunDirectory, fold: str) -> Ask:
    """Return a function that asks a fold's model, with the mirror image if the run does so; raise `PxrError`."""
    return _load(str(run.folder), fold, run.model_digest(fold))


@lru_cache(_MOST_MODELS)
def _load(folder: str, fold: str, digest: str) -> Ask:
    """Return what `load_own` returns; `digest` changes with the file."""
    model, card = RunDirectory(Path(folder), Path()).load_model(fold)
    return partial(_ask, model, card.get("mirror_predictions", False))


def _ask(model: keras.Model, mirror: bool, pictures: np.ndarray) -> np.ndarray:
    return both_columns(predict_pictures(model, pictures[..., 0], np.arange(len(pictures)), mirror=mirror))
