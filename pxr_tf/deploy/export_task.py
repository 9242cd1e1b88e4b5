"""The tasks ``export``, which writes one file, and ``ask_export``, which asks it in a process of its own."""

import shutil
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from pxr_tf import files, locks
from pxr_tf.deploy.export import AskOptions
from pxr_tf.deploy.formats import module_of
from pxr_tf.deploy.predict_task import in_batches
from pxr_tf.errors import PxrError
from pxr_tf.events import OnEvent, emit_progress, emit_wait
from pxr_tf.inference.engines import TENSORFLOW, Ask
from pxr_tf.inference.exported import EXPORTED, ExportOptions
from pxr_tf.runs.directory import RunDirectory
from pxr_tf.tasks import Task

_BATCH = 64  # pictures that are asked together: as many as TensorFlow gets, which pads a smaller batch


def export_file(task: Task, options: ExportOptions, emit: OnEvent) -> None:
    """Write the export, whole or not at all, in place of an earlier one. Raises `PxrError` for a damaged model."""
    from pxr_tf.deploy.graph import build_answer  # loads TensorFlow

    run, path = RunDirectory(Path(task.run), Path(task.cache)), Path(options.path)
    if options.exactly:
        _check_precision(run, options.folds)
    emit_progress(emit, f"exporting to {options.to}", 0, 1)
    model = build_answer(run, options.folds, options.temperature)
    lock = run.cache / EXPORTED / f"{files.digest(path.resolve())}.lock"
    with locks.hold(lock, on_wait=partial(emit_wait, emit)), files.written_whole(path) as unfinished:
        _remove(unfinished)
        module_of(options.to).write(model, options.about, unfinished)
        if path.is_dir():  # a folder is not replaced by renaming another
            _remove(path)
    emit_progress(emit, f"exporting to {options.to}", 1, 1)


def _check_precision(run: RunDirectory, folds: Sequence[str]) -> None:
    """Raise `PxrError` if a model computes in half precision."""
    from pxr_tf.deploy.graph import half_layers

    for fold in folds:
        layers = half_layers(run.load_model(fold)[0])
        if layers:
            raise PxrError(
                f"The model of fold {fold} computes in {layers[0].compute_dtype}, which other engines do not have, so "
                "their answers would differ. Accepted: --engine tensorflow."
            )


def ask_export(task: Task, options: AskOptions, emit: OnEvent) -> None:
    """Write what an engine says of the pictures, [n, classes], or [n, folds, classes] by TensorFlow, and its times.

    ``seconds`` has the processor time to load the engine and answer the first picture, and of all pictures after that.
    """
    begun = time.process_time()
    ask = _load(RunDirectory(Path(task.run), Path(task.cache)), options)
    pictures = np.load(options.pictures)
    ask(pictures[:1])
    start = time.process_time() - begun
    ask(pictures[:_BATCH])  # an engine may prepare for a batch of another size
    before, answers = time.process_time(), []
    for first in range(0, len(pictures), _BATCH):
        answers.append(ask(pictures[first : first + _BATCH]))
        emit_progress(emit, f"asking {options.to}", min(first + _BATCH, len(pictures)), len(pictures))
    seconds = time.process_time() - before
    with files.written_whole(Path(options.out)) as partial, open(partial, "wb") as file:
        np.savez(file, answers=np.concatenate(answers), seconds=np.array([start, seconds]))


def _load(run: RunDirectory, options: AskOptions) -> Ask:
    if options.to == TENSORFLOW:
        return _load_own(run, options.folds)
    return in_batches(module_of(options.to).load(Path(options.path)))


def _load_own(run: RunDirectory, folds: Sequence[str]) -> Ask:
    """Return a function from pictures to what each fold's model says, as the task ``predict`` computes it."""
    from pxr_tf.models.keras_settings import fix_keras

    fix_keras()  # before anything imports Keras
    from pxr_tf.inference.own_models import load_own

    models = [load_own(run, fold) for fold in folds]
    return lambda pictures: np.stack([ask(pictures) for ask in models], axis=1)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
