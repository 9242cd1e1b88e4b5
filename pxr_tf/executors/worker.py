"""Tasks in a process of their own: ``python -m pxr_tf.executors.worker``. People use ``pxr cv`` instead.

Standard input carries the jobs, each a line of JSON: ``task`` and what it needs, ``log`` (the file that takes all that
is printed) and ``ends`` (true for the last one). Standard output carries one JSON event a line; ``done`` ends a job's.

Tasks: ``weights`` (can the network be built with these weights?), ``calibrate`` (how fast is it here?), ``features``
(fill the frozen-feature cache), ``holdout`` (choose epoch numbers), or a fold's number.
"""

import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pxr_tf import files, locks
from pxr_tf.errors import PxrError

Emit = Callable[[dict[str, Any]], None]


def perform(job: dict[str, Any], emit: Emit) -> None:
    """Do the job's task; tell its progress through `emit`. Raises `PxrError`."""
    if job["task"] == "weights":
        return _check_weights(job)
    if job["task"] == "calibrate":
        return _calibrate(job, emit)
    from pxr_tf.training import folds

    run = folds.open_run(Path(job["run"]), Path(job["cache"]))
    device = _set_up(run.experiment.training.xla, run.experiment.training.precision)
    emit({"event": "device", "name": device.name, "xla": device.xla, "precision": device.precision})
    if job["task"] == "features":
        _fill_features(run, device, emit)
    else:
        _train(run, job["task"], device, emit)


def _check_weights(job: dict[str, Any]) -> None:
    from pxr_tf.models.backbones import find_backbone
    from pxr_tf.models.classifier import build_classifier

    build_classifier(find_backbone(job["backbone"]), num_classes=2, image_size=job["size"], weights=job["weights"])


def _calibrate(job: dict[str, Any], emit: Emit) -> None:
    from pxr_tf.config import parse_experiment
    from pxr_tf.models.backbones import find_backbone
    from pxr_tf.models.classifier import build_classifier
    from pxr_tf.training.calibrate import calibrate

    experiment = parse_experiment(job["experiment"], "the experiment")
    device = _set_up(experiment.training.xla, experiment.training.precision)
    model = build_classifier(
        find_backbone(experiment.model.backbone),
        num_classes=len(experiment.classes),
        image_size=experiment.image.size,
        weights="none",
        hidden_units=experiment.model.hidden_units,
    )
    last = experiment.phases[-1]
    emit({"event": "speed", **calibrate(model, last, batch_size=experiment.training.batch_size, xla=device.xla)})


def _set_up(xla: bool | str, precision: str) -> Any:
    """Choose the device's defaults; make TensorFlow deterministic, unless XLA is asked for, which cannot be."""
    import keras
    import tensorflow as tf

    from pxr_tf.training.phases import choose_device

    device = choose_device(xla, precision)
    if not device.xla:
        tf.config.experimental.enable_op_determinism()
    keras.config.set_dtype_policy(device.precision)
    return device


def _fill_features(run: Any, device: Any, emit: Emit) -> None:
    from pxr_tf.models.classifier import feature_extractor
    from pxr_tf.training import features, folds

    folder = folds.features_of(run, device.precision)
    with locks.hold(
        folder.with_name(folder.name + ".lock"), on_wait=lambda who: emit({"event": "wait", "holder": who})
    ):
        samples = features.missing_samples(folder, folds.samples_for_features(run))
        if samples.empty:
            return
        extractor = feature_extractor(folds.build_network(run))
        features.extract_features(
            folder,
            extractor,
            folds.pictures_of(run, samples, every_epoch=False).load,
            samples,
            lambda done, total: emit({"event": "progress", "what": "features", "done": done, "total": total}),
        )


def _train(run: Any, task: str, device: Any, emit: Emit) -> None:
    from pxr_tf.data.splits import HOLDOUT
    from pxr_tf.report import tensorboard as boards
    from pxr_tf.training import epochs, folds

    board = boards.open_board(run, task)

    def on_epoch(row: dict[str, Any]) -> None:
        if "step" in row:
            return emit({"event": "step", **row})
        board.write_epoch(row)
        emit({"event": "epoch", **row})

    common = {"xla": device.xla, "precision": device.precision, "on_epoch": on_epoch}
    if task == HOLDOUT:
        epochs.choose_epochs(run, **common)
    else:
        chosen = epochs.read_epochs(run.folder, run.experiment)
        folds.train_fold(run, task, epochs=chosen, **common)
    board.write_results()
    folds.discard_checkpoint(run, task)


def _read_jobs(jobs: queue.Queue[dict[str, Any]]) -> None:
    """Pass on the jobs; end this process as soon as its standard input does: the parent holds the other end."""
    for line in sys.stdin:
        jobs.put(json.loads(line))
    os._exit(1)


def _log_to(path: str) -> None:
    """Let everything that is printed from now on end up in this file."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(file, 2)
    os.dup2(2, 1)
    os.close(file)


def main() -> None:
    """Perform the jobs that come; exit with 2 for a `PxrError`, which is told as an event."""
    events = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def emit(event: dict[str, Any]) -> None:
        print(json.dumps(event), file=events)

    jobs: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_read_jobs, args=(jobs,), daemon=True).start()
    import pxr_tf.training.folds  # noqa: F401 - TensorFlow, while the first job may be on its way

    ends = False
    try:
        while not ends:
            job = jobs.get()
            ends = job.get("ends", False)
            _log_to(job["log"])
            perform(job, emit)
            emit({"event": "done"})
    except (PxrError, OSError) as error:
        message = str(error) if isinstance(error, PxrError) else files.explain_os_error(error)
        if message is None:
            raise
        emit({"event": "fault", "message": message})
        sys.exit(2)


if __name__ == "__main__":
    main()
