"""The whole story of one experiment: images -> run directory -> epoch numbers -> folds -> predictions."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from pxr_tf import files, locks, rundir
from pxr_tf.config import Experiment
from pxr_tf.data.splits import HOLDOUT
from pxr_tf.errors import PxrError
from pxr_tf.executors.local import Event, Execute, Worker
from pxr_tf.experiments import prepare

OnEvent = Callable[[Event], None]
LOCK_PATIENCE = 10.0  # seconds; what a killed run leaves behind ends within one or two


def cross_validate(
    experiment: Experiment,
    data: Sequence[str | Path],
    runs_folder: Path,
    *,
    skip_unreadable: bool = False,
    keep_duplicates: bool = False,
    command: str = "",
    on_event: OnEvent = lambda event: None,
    execute: Execute | None = None,
) -> Path:
    """Train and predict every fold that is missing; return the run directory, which then holds ``predictions.csv``.

    `on_event` is told what happens, as dicts with a key ``event``: ``note``, ``progress``, ``wait``, ``start`` and
    ``end`` of a task, ``device``, ``epoch``. `execute` runs one task; default: each in a process of its own. Nothing
    is written to the run directory before images, weights and splits have proved to be good. Raises `PxrError`.
    """
    say = partial(_say, on_event)
    cache = runs_folder / "cache"
    folder = rundir.run_directory(runs_folder, experiment.name, experiment.model.backbone, experiment.strategy)
    weights = prepare.weights_identity(experiment)
    images = prepare.gather_images(data, experiment.classes, say, keep_duplicates=keep_duplicates)
    with (
        locks.hold(locks.lock_of(folder), LOCK_PATIENCE, lambda holder: _wait(on_event, holder)) as descriptor,
        Worker(keep=(descriptor,)) as worker,
    ):
        if prepare.is_prepared(folder):
            prepare.check_same_experiment(folder, experiment, images, weights)
            prepare.check_splits_of(folder)
        else:
            prepare.split_images(images.table, experiment)  # too few patients is told before anything is decoded
        if not (folder / "predictions.csv").exists():
            if execute is None:
                execute = worker.perform
                worker.start(_worker_log(folder))  # TensorFlow is loaded while pictures are decoded
            _prepare(folder, cache, experiment, images, weights, data, skip_unreadable, command, on_event, execute)
            for task in unfinished_tasks(folder, experiment):
                _perform(task, folder, cache, experiment, execute, on_event)
            join_predictions(folder, experiment.splits.folds)
    return folder


def unfinished_tasks(folder: Path, experiment: Experiment) -> list[str]:
    """Return what is still to be done, in order: ``features``, ``holdout``, then the numbers of the folds."""
    tasks = [str(fold) for fold in range(experiment.splits.folds) if not _fold_file(folder, fold).exists()]
    if experiment.chooses_epochs and not (folder / rundir.EPOCHS).exists():
        tasks.insert(0, HOLDOUT)
    if tasks and any(phase.train == "head" for phase in experiment.phases):
        tasks.insert(0, "features")
    return tasks


def join_predictions(folder: Path, folds: int) -> None:
    """Write ``predictions.csv``, a row per image, sorted by image id; raise `PxrError` where an image occurs twice."""
    made = [_fold_file(folder, fold) for fold in range(folds)]
    parts = [pd.read_csv(file, dtype=str, keep_default_na=False) for file in made]  # as text: passed on byte by byte
    table = pd.concat(parts).sort_values("image_id", ignore_index=True)
    twice = table.image_id[table.image_id.duplicated()]
    if len(twice):
        raise PxrError(f"{folder}: {twice.iloc[0]} was predicted by two folds; delete the directory and run again.")
    for file in made:  # a kill may have left one behind a finished fold
        file.with_name("checkpoint.npz").unlink(missing_ok=True)
    files.write_csv(folder / "predictions.csv", table)


def _prepare(
    folder: Path,
    cache: Path,
    experiment: Experiment,
    images: prepare.Images,
    weights: str,
    data: Sequence[str | Path],
    skip_unreadable: bool,
    command: str,
    on_event: OnEvent,
    execute: Execute,
) -> None:
    """Open or build the store and, in a new run, check the weights and write the run directory."""
    table, skipped, store = prepare.decode_images(
        images,
        experiment,
        cache,
        skip_unreadable=skip_unreadable,
        on_progress=lambda done, total: on_event(
            {"event": "progress", "what": "decoding images", "done": done, "total": total}
        ),
        on_wait=lambda holder: _wait(on_event, holder),
    )
    if len(skipped):
        _say(on_event, f"{len(skipped)} unreadable images skipped; they are listed in {folder / 'skipped.csv'}.")
    if prepare.is_prepared(folder):
        prepare.write_experiment(folder, experiment)  # the same one, but its weights file may have moved
        return
    if experiment.model.weights != "none":
        job = {
            "task": "weights",
            "backbone": experiment.model.backbone,
            "size": experiment.image.size,
            "weights": experiment.model.weights,
        }
        _say(on_event, f"Checking the weights of {experiment.model.backbone} ({experiment.model.weights}) ...")
        execute(job, _worker_log(folder), on_event)
    provenance = prepare.make_provenance(experiment, images, store, weights, data, command)
    prepare.write_run(folder, experiment, table, skipped, provenance)


def _perform(task: str, folder: Path, cache: Path, experiment: Experiment, execute: Execute, on_event: OnEvent) -> None:
    """Do one task; a process in which a whole network was trained ends with it, and gives its memory back."""
    ends = task != "features" and any(phase.train == "all" for phase in experiment.phases)
    job = {"task": task, "run": str(folder), "cache": str(cache), "ends": ends}
    on_event({"event": "start", "task": task})
    execute(job, folder / "logs" / f"{task}.log", on_event)
    on_event({"event": "end", "task": task})


def _worker_log(folder: Path) -> Path:
    """Return where a worker writes before the run directory exists: beside the run's lock."""
    return locks.lock_of(folder).with_suffix(".log")


def _fold_file(folder: Path, fold: int) -> Path:
    return folder / f"fold-{fold}" / "predictions.csv"


def _wait(on_event: OnEvent, holder: str) -> None:
    on_event({"event": "wait", "holder": holder})


def _say(on_event: OnEvent, text: str) -> Any:
    on_event({"event": "note", "text": text})
