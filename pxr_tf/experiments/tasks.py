"""Tasks: what can be done apart from the rest, each a pure function of files. Executors schedule them.

A task's kind says what `perform` does:

``weights``    see whether the network can be built with these weights
``calibrate``  time a few steps of a network on this machine
``features``   fill the cache with what a run's frozen phases will ask for
``fit``        train one fold of a run and predict its held-out rows
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from pxr_tf import files, rundir
from pxr_tf.training.part import TEST, VALIDATION, Emit, Part, Predict

OnEvent = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Task:
    """One piece of work: everything that a process needs to know to do it."""

    name: str  # also the name of its log; of a fit, the name of its folder
    kind: str  # a key of `KINDS`
    needs: tuple[str, ...] = ()  # names of the tasks whose files it reads
    run: str = ""  # run directory
    cache: str = ""
    fold: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)  # of tasks without a run
    leaves_memory: bool = False  # it trains a whole network: only the end of its process gives the memory back

    def as_json(self) -> dict[str, Any]:
        """Return the task as plain data; ``Task(**data)`` makes it again."""
        return asdict(self) | {"needs": list(self.needs)}


class Executor(Protocol):
    """Does tasks, in this process, in others, or elsewhere."""

    def start(self, log: Path, keep: Sequence[int] = ()) -> None:
        """Get ready while other work goes on; tasks hold the file descriptors `keep` (of a lock), too."""

    def run(self, tasks: Sequence[Task], logs: Path, on_event: OnEvent) -> None:
        """Do the tasks, each after those that it needs; every event carries the name of its task. Raises `PxrError`."""

    def close(self) -> None:
        """End whatever is running."""


def perform(task: Task, emit: Emit) -> None:
    """Do a task in this process; tell its progress through `emit`. Raises `PxrError`."""
    KINDS[task.kind](task, emit)


def in_order(tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks so that each comes after those that it needs; needs that are no task here count as met."""
    waiting: dict[str, Task] = {task.name: task for task in tasks}
    ordered: list[Task] = []
    while waiting:
        ready = [task for task in waiting.values() if not any(need in waiting for need in task.needs)]
        if not ready:
            raise ValueError(f"tasks need each other in a circle: {', '.join(waiting)}")
        ordered.append(ready[0])
        del waiting[ready[0].name]
    return ordered


def _check_weights(task: Task, emit: Emit) -> None:
    from pxr_tf.models.backbones import find_backbone
    from pxr_tf.models.classifier import build_classifier

    options = task.options
    build_classifier(
        find_backbone(options["backbone"]), num_classes=2, image_size=options["size"], weights=options["weights"]
    )


def _calibrate(task: Task, emit: Emit) -> None:
    from pxr_tf.config import parse_experiment
    from pxr_tf.experiments.parts import make_settings
    from pxr_tf.training.calibrate import calibrate

    experiment = parse_experiment(task.options["experiment"], "the experiment")
    settings = make_settings(experiment, "none")
    speed = calibrate(settings, num_classes=len(experiment.classes), image_size=experiment.image.size)
    emit({"event": "speed", **speed})


def _fill_features(task: Task, emit: Emit) -> None:
    from pxr_tf.experiments.parts import make_parts, open_run, settings_of
    from pxr_tf.training import network

    run = open_run(Path(task.run), Path(task.cache))
    network.prepare(make_parts(run), settings_of(run), emit)


def _fit(task: Task, emit: Emit) -> None:
    from pxr_tf.experiments.parts import make_part, open_run, settings_of
    from pxr_tf.training.learners import load_learner

    run = open_run(Path(task.run), Path(task.cache))
    part = make_part(run, task.fold)
    part.folder.mkdir(exist_ok=True)
    predict = load_learner(run.experiment.model.kind).fit(part, settings_of(run), emit)
    files.write_csv(part.folder / rundir.PREDICTIONS, predict_part(part, predict))
    (part.folder / rundir.CHECKPOINT).unlink(missing_ok=True)


KINDS: dict[str, Callable[[Task, Emit], None]] = {
    "weights": _check_weights,
    "calibrate": _calibrate,
    "features": _fill_features,
    "fit": _fit,
}


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
