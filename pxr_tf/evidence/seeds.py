"""What runs that differ in their seed alone have in common."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pxr_tf import locks
from pxr_tf.data.run_warnings import RunWarning
from pxr_tf.evaluation import metrics, roc
from pxr_tf.evaluation.roc import MeanPoints
from pxr_tf.evidence.files import read_metrics_table, read_readings, read_run_points
from pxr_tf.evidence.merge import merge_rows
from pxr_tf.runs.environment import find_differences
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.runs.info import RunInfo, worth

SEEDS_TABLE = "seeds.csv"  # beside the run directories


class SeedsTable(NamedTuple):
    """Mean and sd over the seeds of one recipe."""

    info: RunInfo  # its warnings are those of all seeds
    reading: str  # which test rows count: balanced or all
    tables: Mapping[int, pd.DataFrame]  # seed -> metrics table
    summary: pd.DataFrame  # class, metric, mean, sd, seeds
    points: MeanPoints  # operating points


def summarise_runs(runs: Mapping[int, FinishedRun]) -> SeedsTable:
    """Return what finished runs (seed -> run) have in common."""
    first = next(iter(runs.values()))
    reading = next(iter(read_readings(first)))
    tables = {seed: read_metrics_table(run) for seed, run in runs.items()}
    info = first.info._replace(warnings=shared_warnings(list(runs.values())))
    points = roc.summarise_points({seed: read_run_points(run) for seed, run in runs.items()})
    return SeedsTable(info, reading, tables, metrics.summarise_seeds(tables), points)


def write_seeds(seeds: SeedsTable, folder: Path) -> bool:
    """Write ``seeds.csv`` beside the run directories; return False if a table of more seeds is there, which stays."""
    which = " ".join(map(str, seeds.tables))
    rows = seeds.summary.assign(which=which, **worth(seeds.info))
    with locks.hold(locks.lock_of(folder / SEEDS_TABLE)):
        return merge_rows(folder / SEEDS_TABLE, rows, [], more=["seeds"]) == 0


def shared_warnings(runs: list[FinishedRun]) -> tuple[RunWarning, ...]:
    """Return each different warning of the runs once, and one more if they were trained in several environments."""
    every = dict.fromkeys(warning for run in runs for warning in run.warnings)
    return (*every, *mixed_environments(runs))


def mixed_environments(runs: list[FinishedRun]) -> list[RunWarning]:
    """Return a warning if one mean covers runs that were trained in different environments; else nothing.

    Folds of one run that differ are that run's own warning, so each run stands for itself once.
    """
    seen = {run.place: [env for some in run.environments.values() for env in some] for run in runs}
    if len(seen) < 2 or any(warning.what == "environments" for run in runs for warning in run.warnings):
        return []
    found = find_differences(seen)
    text = f"These runs were trained in more than one environment: {'; '.join(found)}." if found else ""
    return [RunWarning(what="environments", text=text)] if text else []
