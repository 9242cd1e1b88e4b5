"""The tasks of one run, in any process: check weights, time steps, fill the feature cache, train a fold."""

import json
import socket
import time
from pathlib import Path

import numpy as np
import pandas as pd

from pxr_tf import files, rundir
from pxr_tf.config import Experiment, parse_experiment
from pxr_tf.events import Event, OnEvent
from pxr_tf.experiments import weights
from pxr_tf.experiments.parts import (
    Settings,
    TrainingRun,
    chosen_epochs,
    make_part,
    make_parts,
    make_settings,
    open_training,
    settings_of,
    threads_of,
)
from pxr_tf.experiments.plan import InEnvironment, OfRecipe
from pxr_tf.runs import environment
from pxr_tf.tasks import Task
from pxr_tf.training import network
from pxr_tf.training.calibrate import calibrate
from pxr_tf.training.device import set_up
from pxr_tf.training.learners import environment_of, load_learner
from pxr_tf.training.part import TEST, VALIDATION, Part, Predict
from pxr_tf.training.settings import NetworkSettings

NETWORK_SECONDS = 20  # a download that gets no answer for so long has failed


def predict_part(part: Part, predict: Predict) -> pd.DataFrame:
    """Return the predictions of a part's test rows, then of its validation rows, as in ``predictions.csv``."""
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


def try_weights(task: Task, options: OfRecipe, emit: OnEvent) -> None:
    """Build the network with its initial weights and write their ``identity``; raise `PxrError`."""
    experiment = parse_experiment(json.loads(options.recipe), "the experiment")
    before = socket.getdefaulttimeout()  # none: a download waits without end for a network that drops packets
    socket.setdefaulttimeout(NETWORK_SECONDS)
    try:
        _build(experiment, threads_of(experiment))
    finally:
        socket.setdefaulttimeout(before)
    _convert(experiment, Path(task.cache))
    files.write_json(options.to, {"identity": weights.downloaded_identity(experiment)})


def measure_speed(task: Task, options: OfRecipe, emit: OnEvent) -> None:
    """Write the cost of a few steps of the network on this machine (`training.calibrate`)."""
    experiment = parse_experiment(json.loads(options.recipe), "the experiment")
    settings = make_settings(experiment, "none", threads_of(experiment))
    speed = calibrate(settings, num_classes=len(experiment.classes), image_size=experiment.image.size)
    files.write_json(options.to, speed)


def fill_features(task: Task, options: InEnvironment, emit: OnEvent) -> None:
    """Fill the cache with the features that the run's frozen phases need."""
    run = open_training(Path(task.run), Path(task.cache))
    settings = _settings_of(run)
    now = environment.read_environment(**network.environment(settings))
    environment.check(run.folder, now, mix=options.mix_environments)  # before minutes of work
    network.prepare(make_parts(run), settings, emit, task.part_of)


def fit_fold(task: Task, options: InEnvironment, emit: OnEvent) -> None:
    """Train one fold, or continue it, and write the predictions of its held-out rows."""
    run = open_training(Path(task.run), Path(task.cache))
    part = make_part(run, task.fold, chosen_epochs(run, task.fold))
    part.folder.mkdir(exist_ok=True)
    rundir.forget_inside(part.folder)
    kind, settings = run.recipe.model.kind, _settings_of(run)
    now = environment.read_environment(**environment_of(kind, settings))
    mix = environment.enter(run.folder, part.folder.name, now, mix=options.mix_environments)
    if mix:
        emit({"event": "warning", "text": mix})
    before, started = 0.0, time.monotonic()  # seconds of epochs done before the fold was stopped

    def listen(event: Event) -> None:
        nonlocal before
        if event["event"] == "resume":
            before = sum(row["seconds"] for row in event["history"])
        emit(event)

    predict = load_learner(kind).fit(part, settings, listen)
    predictions = predict_part(part, predict)
    files.write_json(part.folder / rundir.TIMING, {"seconds": round(before + time.monotonic() - started, 1)})
    files.write_csv(part.folder / rundir.PREDICTIONS, predictions)
    (part.folder / rundir.CHECKPOINT).unlink(missing_ok=True)


def _settings_of(run: TrainingRun) -> Settings:
    """Return the settings of a run's learner; download weights that were deleted since the run began."""
    if weights.identity(run.recipe) is None:
        _build(run.recipe, run.directory.provenance.get("threads"))
    return settings_of(run)


def _convert(experiment: Experiment, cache: Path) -> None:
    """Make the file of a fast extractor, if features will be needed: other processes still decode pictures."""
    settings = make_settings(experiment, weights.downloaded_identity(experiment), threads_of(experiment))
    if isinstance(settings, NetworkSettings) and settings.freezes:
        made_of = {"num_classes": len(experiment.classes), "image_size": experiment.image.size, "seed": experiment.seed}
        network.ready_extractor(settings, cache, **made_of)


def _build(experiment: Experiment, threads: int | None) -> None:
    """Build the network with its initial weights, which Keras downloads if they are missing; raise `PxrError`."""
    settings = make_settings(experiment, weights.identity(experiment) or "", threads)
    set_up(settings.training.xla, settings.training.precision, settings.threads)
    network.initial_network(
        settings.architecture,
        num_classes=len(experiment.classes),
        image_size=experiment.image.size,
        seed=experiment.seed,
    )
