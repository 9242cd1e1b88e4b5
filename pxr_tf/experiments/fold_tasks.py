"""The tasks of one run, in whatever process: see whether weights fit, time steps, fill features, train a fold."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pxr_tf import files, rundir
from pxr_tf.config import Experiment, parse_experiment
from pxr_tf.events import OnEvent
from pxr_tf.experiments import weights
from pxr_tf.experiments.parts import (
    Run,
    Settings,
    chosen_epochs,
    make_part,
    make_parts,
    make_settings,
    open_run,
    provenance_of,
    settings_of,
    threads_of,
)
from pxr_tf.runs import environment
from pxr_tf.tasks import Task
from pxr_tf.training import network
from pxr_tf.training.calibrate import calibrate
from pxr_tf.training.device import set_up
from pxr_tf.training.learners import environment_of, load_learner
from pxr_tf.training.part import TEST, VALIDATION, Part, Predict


def predict_part(part: Part, predict: Predict) -> pd.DataFrame:
    """Return the predictions of a part's test rows, then of its validation rows, as ``predictions.csv`` has them."""
    tables = []
    for role, roles in (("test", TEST), ("val", VALIDATION)):
        rows = part.of(roles)
        probabilities = np.asarray(predict(rows)) if len(rows) else np.empty((0, len(part.classes)), np.float32)
        table = rows[["image_id", "patient_id", "source", "label"]].assign(fold=part.fold, role=role)
        table["predicted"] = np.array(part.classes)[probabilities.argmax(1)]
        for number, name in enumerate(part.classes):
            table[f"p_{name}"] = probabilities[:, number]
        tables.append(table)
    return pd.concat([table for table in tables if len(table)], ignore_index=True)


def check_weights(task: Task, emit: OnEvent) -> None:
    experiment = parse_experiment(task.options["experiment"], "the experiment")
    _build(experiment, threads_of(experiment))
    emit({"event": "weights", "identity": weights.downloaded_identity(experiment)})


def measure_speed(task: Task, emit: OnEvent) -> None:
    experiment = parse_experiment(task.options["experiment"], "the experiment")
    settings = make_settings(experiment, "none", threads_of(experiment))
    speed = calibrate(settings, num_classes=len(experiment.classes), image_size=experiment.image.size)
    emit({"event": "speed", **speed})


def fill_features(task: Task, emit: OnEvent) -> None:
    run = open_run(Path(task.run), Path(task.cache))
    settings = _settings_of(run)
    now = environment.read_environment(**network.environment(settings))
    environment.check(run.folder, now, mix=task.options.get("mix_environments", False))  # before minutes of work
    network.prepare(make_parts(run), settings, emit)


def fit_fold(task: Task, emit: OnEvent) -> None:
    run = open_run(Path(task.run), Path(task.cache))
    part = make_part(run, task.fold, chosen_epochs(run, task.fold))
    part.folder.mkdir(exist_ok=True)
    rundir.forget_inside(part.folder)
    kind, settings = run.experiment.model.kind, _settings_of(run)
    now = environment.read_environment(**environment_of(kind, settings))
    warning = environment.enter(run.folder, part.folder.name, now, mix=task.options.get("mix_environments", False))
    if warning:
        emit({"event": "warning", "text": warning})
    stopwatch = _Stopwatch(emit)
    predict = load_learner(kind).fit(part, settings, stopwatch)
    predictions = predict_part(part, predict)
    files.write_json(part.folder / rundir.TIMING, {"seconds": round(stopwatch.seconds, 1)})
    files.write_csv(part.folder / rundir.PREDICTIONS, predictions)
    (part.folder / rundir.CHECKPOINT).unlink(missing_ok=True)


class _Stopwatch:
    """Measures a fold as it listens: what it takes now, and the epochs that were done before it was stopped."""

    def __init__(self, emit: OnEvent) -> None:
        self._emit, self._started, self._before = emit, time.monotonic(), 0.0

    def __call__(self, event: dict[str, Any]) -> None:
        if event["event"] == "resume":
            self._before = sum(row["seconds"] for row in event["history"])
        self._emit(event)

    @property
    def seconds(self) -> float:
        """How long the fold took so far."""
        return self._before + time.monotonic() - self._started


def _settings_of(run: Run) -> Settings:
    """Return what a run's learner is told; weights that were deleted since the run began are downloaded again."""
    if weights.identity(run.experiment) is None:
        _build(run.experiment, provenance_of(run).get("threads"))
    return settings_of(run)


def _build(experiment: Experiment, threads: int | None) -> None:
    """Build the network with its initial weights, which Keras downloads where they are missing; raise `PxrError`."""
    settings = make_settings(experiment, weights.identity(experiment) or "", threads)
    set_up(settings.xla, settings.precision, settings.threads)
    network.initial_network(
        settings.architecture,
        num_classes=len(experiment.classes),
        image_size=experiment.image.size,
        seed=experiment.seed,
    )
