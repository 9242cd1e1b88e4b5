"""Summaries of the runs in or below a folder: accuracy if a run is finished, else progress."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from pxr_tf.errors import PxrError
from pxr_tf.evaluation import metrics
from pxr_tf.evidence.files import expected_tables, read_metrics_table
from pxr_tf.rundir import TUNING
from pxr_tf.runs.directory import RunDirectory
from pxr_tf.runs.finished import FinishedRun, find_runs, open_directory, open_run
from pxr_tf.runs.info import RunWarning


class RunSummary(NamedTuple):
    """One run, finished or not."""

    folder: Path
    recipe: str = ""
    variant: str = ""
    model: str = ""
    scheme: str = ""
    seed: int | None = None
    accuracy: float = np.nan  # mean over folds, a fraction; NaN if unfinished or a tuning point
    sd: float = np.nan  # over folds; NaN for one fold
    finished: bool = False
    folds_done: int = 0
    folds: int = 0
    warnings: tuple[RunWarning, ...] = ()
    started: str = ""  # UTC, ISO 8601
    minutes: float = np.nan  # that its folds took; NaN if unknown
    fault: str = ""  # why the run cannot be opened


def summarise_folder(folder: Path) -> list[RunSummary]:
    """Return a summary of every run in or below a folder, including tuning points, sorted by path."""
    return [_summarise(place) for place in find_runs(folder)]


def _summarise(folder: Path) -> RunSummary:
    run = open_directory(folder)
    try:
        return _describe(open_run(folder) if run.finished else run)
    except (PxrError, OSError, ValueError, KeyError) as error:  # made by another version, edited, or half deleted
        return RunSummary(run.folder, fault=str(error))


def _describe(run: RunDirectory) -> RunSummary:
    recipe = run.recipe
    done = sum(run.fold_predictions(fold).exists() for fold in run.folds)
    accuracy, sd = _accuracy(run) if isinstance(run, FinishedRun) else (np.nan, np.nan)
    return RunSummary(
        run.folder,
        recipe.name,
        recipe.variant,
        recipe.model.name,
        _scheme(run),
        recipe.seed,
        accuracy,
        sd,
        run.finished,
        done,
        len(run.folds),
        run.warnings,
        run.provenance.get("started", ""),
        run.minutes(),
    )


def _scheme(run: RunDirectory) -> str:
    """Return the split that the run's folder names; a tuning point is one folder deeper."""
    place = run.place.split("/")
    return f"{place[-3]}, tuning point {place[-1]}" if TUNING in place else place[-2]


def _accuracy(run: FinishedRun) -> tuple[float, float]:
    """Return mean and sd over folds on the rows that the recipe counts; NaN before the tables are written."""
    if not expected_tables(run)[0].exists():
        return np.nan, np.nan
    return tuple(metrics.value_of(read_metrics_table(run), fold, "all", "accuracy") for fold in ("mean", "sd"))
