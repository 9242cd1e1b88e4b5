"""Estimate the time, memory and disk of a grid from a calibration. No TensorFlow here."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pxr_tf import files
from pxr_tf.config import Experiment
from pxr_tf.data.samples import plan_samples
from pxr_tf.data.splits import fold_names, rows_of
from pxr_tf.events import OnEvent
from pxr_tf.experiments.begin import choose_rows
from pxr_tf.experiments.plan import OfRecipe
from pxr_tf.experiments.request import Request
from pxr_tf.pictures.gather import gather_images
from pxr_tf.runs.directory import is_finished
from pxr_tf.runs.scheme import split_images
from pxr_tf.tasks import Executor, Task, run_or_raise

START = 8.0  # seconds to start a process, import TensorFlow and build a network
HEAD_STEP = 0.0006  # seconds for a step of the head on cached features
FLOAT = 4  # bytes


class Workload(NamedTuple):
    """How many pictures an experiment's steps see."""

    images: int  # all, each predicted once
    samples: int  # per training epoch of a fold
    features: int  # samples whose features a frozen phase may need


class Estimate(NamedTuple):
    """What a cell costs, without memory-mapped pictures: the system may drop them at any time."""

    seconds: float
    memory: float  # bytes, of one fold's process
    disk: float  # bytes: models and one checkpoint; features and pictures are shared by all cells
    at_most: bool  # some phase may stop early


def measure_workload(table: pd.DataFrame, experiment: Experiment) -> Workload:
    """Return the workload of an experiment on the manifest's rows, from its first fold; raise `PxrError`."""
    splits = split_images(table, experiment)
    training = table[table.image_id.isin(rows_of(splits, fold_names(splits)[0], "train"))]
    balance = experiment.balance
    samples = plan_samples(
        training, cap=balance.cap, oversample=balance.oversample, target=balance.target, seed=experiment.seed
    )
    copies = int((samples["copy"] > 0).sum())
    return Workload(len(table), len(samples), len(table) + copies)


def estimate_cell(experiment: Experiment, work: Workload, speed: Mapping[str, float], *, features: bool) -> Estimate:
    """Return what one experiment costs; `speed` comes from `calibrate`, `features` is whether to compute them."""
    runs = experiment.splits.folds + experiment.chooses_epochs
    whole = experiment.trains_backbone
    seconds = START * (runs if whole else 1)  # a process that trained a whole network is not reused
    if whole or experiment.training.mirror_predictions:
        seconds += work.images * speed["predict"] * (1 + experiment.training.mirror_predictions)
    for phase in experiment.phases:
        if phase.train == "all":
            seconds += runs * phase.max_epochs * work.samples * speed["train"]
        else:
            seconds += runs * phase.max_epochs * work.samples / experiment.training.batch_size * HEAD_STEP
    if features and experiment.freezes_backbone:
        seconds += work.features * speed["predict"]
    weights = speed["parameters"] * FLOAT
    return Estimate(
        seconds,
        speed["memory"] + 2 * weights + work.features * speed["channels"] * FLOAT,
        (runs + 4) * weights,  # a checkpoint holds the weights, the best weights and two moments of the optimizer
        any(phase.patience is not None for phase in experiment.phases),
    )


def estimate_grid(
    requests: Sequence[Request], executor: Executor, say: Callable[[str], None]
) -> dict[tuple[str, str], Estimate]:
    """Return (backbone, variant) -> estimate of the unfinished requests; each backbone is timed once."""
    missing = [request for request in requests if not is_finished(request.folder)]
    if not missing:
        return {}
    first = missing[0].experiment
    say("Comparing images ...")
    gathered = gather_images(missing[0].data, first.classes, first.merge, say, others=first.other_findings)
    work = measure_workload(choose_rows(missing[0], gathered, _notes_only(say)), first)
    speeds: dict[str, Mapping[str, float]] = {}
    extracted: set[str] = set()  # backbones whose features an earlier cell computes
    estimates = {}
    for request in missing:
        experiment, backbone = request.experiment, request.experiment.backbone
        if backbone not in speeds:
            say(f"Timing a few steps of {backbone} ...")
            speeds[backbone] = _measure_speed(experiment, executor, request.cache / "logs")
        cell = estimate_cell(experiment, work, speeds[backbone], features=backbone not in extracted)
        estimates[backbone, experiment.variant] = cell
        if experiment.freezes_backbone:
            extracted.add(backbone)
    return estimates


def _notes_only(say: Callable[[str], None]) -> OnEvent:
    return lambda event: say(event["text"]) if event["event"] == "note" else None


def _measure_speed(experiment: Experiment, executor: Executor, logs: Path) -> Mapping[str, float]:
    options = OfRecipe(experiment.model_dump_json(), logs / f"speed-{experiment.backbone}.json")
    task = Task("calibrate", "calibrate", logs=str(logs), options=options, leaves_memory=True)  # it measures its peak
    run_or_raise(executor, [task], lambda event: None)
    return files.read_json(options.to)
