"""The task ``predict_exported``: what ``predict`` does, with exported files and without TensorFlow."""

from pathlib import Path

import numpy as np

from pxr_tf.deploy.formats import module_of
from pxr_tf.errors import PxrError
from pxr_tf.events import OnEvent
from pxr_tf.inference.engines import Ask
from pxr_tf.inference.exported import find_exported
from pxr_tf.inference.predict import Shard
from pxr_tf.inference.predict_task import fill_shard
from pxr_tf.runs.directory import RunDirectory
from pxr_tf.tasks import Task

BATCH = 16  # pictures that an engine gets together: ONNX Runtime takes 1.5 times as long for each of 64


def predict_exported(task: Task, options: Shard, emit: OnEvent) -> None:
    """Do what `fill_shard` does with the exported file of each model."""
    run = RunDirectory(Path(task.run), Path(task.cache))
    paths = {folder: find_exported(run, fold, options.engine) for folder, fold in options.folds.items()}
    models = {folder: in_batches(_load(options.engine, path)) for folder, path in paths.items()}
    fill_shard(run, options, task.part_of(options.pictures), models, emit)


def _load(engine: str, path: Path) -> Ask:
    """Return a function that asks the model in a file; raise `PxrError` if the engine cannot read it."""
    try:
        return module_of(engine).load(path)
    except Exception as error:  # each engine has its own types
        raise PxrError(
            f"{path} is damaged: {engine} cannot read it ({type(error).__name__}). Delete it and run the same command "
            "again, which writes it again."
        ) from error


def in_batches(ask: Ask) -> Ask:
    """Return the function that asks about a few pictures at a time."""
    return lambda pictures: np.concatenate(
        [ask(pictures[first : first + BATCH]) for first in range(0, len(pictures), BATCH)]
    )
