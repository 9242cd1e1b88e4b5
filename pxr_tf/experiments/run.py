"""One run in two steps: prepare it, and finish it. `studies.run_all` does its tasks in between."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pxr_tf import files, rundir
from pxr_tf.data import labels
from pxr_tf.data.predictions import PREDICTION_COLUMNS
from pxr_tf.data.splits import fold_names
from pxr_tf.errors import WORK_FAILED, PxrError
from pxr_tf.events import OnEvent, emit_note
from pxr_tf.experiments import check_run, stage_one
from pxr_tf.experiments.begin import Sources, begin_run, decode
from pxr_tf.experiments.plan import plan, plan_folds
from pxr_tf.experiments.request import Request
from pxr_tf.experiments.write_run import write_experiment
from pxr_tf.runs import environment
from pxr_tf.runs.directory import is_finished, is_run
from pxr_tf.runs.finished import FinishedRun, open_run
from pxr_tf.tasks import Executor, Task


class PreparedRun(NamedTuple):
    """A run with a complete directory, and its remaining tasks."""

    request: Request
    splits: pd.DataFrame
    tasks: tuple[Task, ...]


def prepare_run(request: Request, sources: Sources, executor: Executor, on_event: OnEvent) -> PreparedRun:
    """Begin a run, or check that it may be continued; return what is left to do. The caller holds the run's lock.

    Images, weights and splits are checked before anything is written to the run directory. For a tuning point
    (`Request.tuning`), rows are split as usual; test rows are dropped before any picture is decoded. No file of its
    directory names a test row, and ``predictions.csv`` has only validation rows. Earlier steps need the test part, so
    that the training rows are those of the run that tuning is for: duplicates and shared patients are found by the
    thumbnails of all images, and each class is split separately.
    """
    if is_run(request.folder):
        splits = _go_on(request, sources, on_event)
    else:
        splits = begin_run(request, sources, executor, on_event)
    table = labels.merge_labels(sources.gathered.table, request.experiment.merge)  # with the files' present paths
    tasks = plan(request, splits, table)
    if tasks:
        on_event({"event": "plan", "tasks": [task.name for task in tasks]})
    return PreparedRun(request, splits, tuple(tasks))


def finish_run(prepared: PreparedRun, failures: list[str]) -> FinishedRun:
    """Collect the predictions if every fold has them; return the run. Raises `PxrError`."""
    request = prepared.request
    if failures:
        _collect(request.folder, prepared.splits)
        raise PxrError(failures[0], WORK_FAILED)
    return finish_folder(request.folder, prepared.splits, request.runs)


def finish_folder(folder: Path, splits: pd.DataFrame, runs: Path) -> FinishedRun:
    """Collect the predictions of a run directory if every fold has them; return the run. Raises `PxrError`."""
    _collect(folder, splits)
    return open_run(folder, runs)


def _collect(folder: Path, splits: pd.DataFrame) -> None:
    made = {fold: folder / rundir.fold_name(fold) / rundir.PREDICTIONS for fold in fold_names(splits)}
    if not is_finished(folder) and all(file.exists() for file in made.values()):
        collect_predictions(folder, splits, made)


def collect_predictions(folder: Path, splits: pd.DataFrame, made: Mapping[str, Path]) -> None:
    """Write ``predictions.csv`` from `made` (fold -> file), by role and id; raise `PxrError` if images do not fit."""
    parts = []
    for fold, file in made.items():
        part = files.read_csv(file, PREDICTION_COLUMNS)  # as text: bytes do not change
        wanted = splits.image_id[(splits.fold == fold) & (splits.role != "train")]
        wrong = set(part.image_id) ^ set(wanted) or set(part.image_id[part.image_id.duplicated()])
        if wrong:
            raise PxrError(
                f"{file} does not fit {rundir.SPLITS}: {min(wrong)} is missing, repeated or not held out in this "
                "fold. Delete the file and run again."
            )
        parts.append(part)
    table = pd.concat(parts).sort_values(["role", "image_id", "fold"], key=_role_rank, ignore_index=True)
    for file in made.values():  # a killed process may have left one in a finished fold
        file.with_name(rundir.CHECKPOINT).unlink(missing_ok=True)
    files.write_csv(folder / rundir.PREDICTIONS, table)


def _role_rank(column: pd.Series) -> pd.Series:
    return column.map({"test": 0, "val": 1}) if column.name == "role" else column


def _go_on(request: Request, sources: Sources, on_event: OnEvent) -> pd.DataFrame:
    """Check that a run directory was made from the same inputs; decode missing pictures; return its splits."""
    folder, experiment, (gathered, stage) = request.folder, request.experiment, sources
    check_run.check_same_experiment(folder, experiment, gathered)
    splits = check_run.read_tables(folder, experiment, tests=request.tuning is None)
    stage_one.check_models(stage, folder)
    stage_one.check_roles(splits, stage)
    _check_environment(request, splits, on_event)
    if not is_finished(folder):
        table = gathered.table[gathered.table.image_id.isin(splits.image_id)]
        decode(request, gathered, table, on_event)
        write_experiment(folder, experiment)  # the same experiment, but its weights may have moved
    return splits


def _check_environment(request: Request, splits: pd.DataFrame, on_event: OnEvent) -> None:
    """Raise `PxrError` if this environment may not train the rest. The training process compares the device."""
    if plan_folds(request, splits):
        now = environment.read_environment()
        environment.check(request.folder, now, mix=request.mix_environments)
        note = environment.describe_commits(request.folder, now)
        if note:
            emit_note(on_event, note)
