"""Summaries of runs that differ only in their seed."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pxr_tf import locks
from pxr_tf.data.run_warnings import RunWarning
from pxr_tf.evaluation import metrics, roc
from pxr_tf.evaluation.roc import MeanPoints
from pxr_tf.evidence.files import read_metrics_table, read_readings, read_run_points, tables_are_whole
from pxr_tf.evidence.merge import merge_rows
from pxr_tf.runs.directory import is_finished
from pxr_tf.runs.environment import find_differences
from pxr_tf.runs.finished import FinishedRun, open_run
from pxr_tf.runs.info import RunInfo, origin_and_split

SEEDS_TABLE = "seeds.csv"  # next to the run directories


class SeedsTable(NamedTuple):
    """Mean and sd over seeds for one recipe."""

    info: RunInfo  # with the warnings of all seeds
    reading: str  # which test rows count: balanced or all
    tables: Mapping[int, pd.DataFrame]  # seed -> metrics table
    summary: pd.DataFrame  # class, metric, mean, sd, seeds
    points: MeanPoints  # operating points


def summarise_runs(runs: Mapping[int, FinishedRun]) -> SeedsTable:
    """Return the summary of finished runs (seed -> run) over their seeds."""
    first = next(iter(runs.values()))
    reading = next(iter(read_readings(first)))
    tables = {seed: read_metrics_table(run) for seed, run in runs.items()}
    named = name_owners([(f"seed {seed}", run.warnings) for seed, run in runs.items()])
    info = first.info._replace(warnings=(*named, *mixed_environments(list(runs.values()))))
    points = roc.summarise_points({seed: read_run_points(run) for seed, run in runs.items()})
    return SeedsTable(info, reading, tables, metrics.summarise_seeds(tables), points)


def summarise_seeds_of(run: FinishedRun) -> SeedsTable | None:
    """Return the summary of a run and the finished runs next to it that differ in their seed; None if it is alone."""
    folders = [place for place in sorted(run.folder.parent.glob("seed-*")) if is_finished(place)]
    found = [open_run(place) for place in folders]
    runs = {one.recipe.seed: one for one in found if tables_are_whole(one)}
    return summarise_runs(dict(sorted(runs.items()))) if len(runs) > 1 else None


def write_seeds(seeds: SeedsTable, folder: Path) -> bool:
    """Write ``seeds.csv`` next to the run directories; keep an existing table of more seeds and return False."""
    which = " ".join(map(str, seeds.tables))
    rows = seeds.summary.assign(which=which, **origin_and_split(seeds.info))
    with locks.hold(locks.lock_of(folder / SEEDS_TABLE)):
        return merge_rows(folder / SEEDS_TABLE, rows, [], more=["seeds"]) == 0


def name_owners(warnings: Sequence[tuple[str, Iterable[RunWarning]]]) -> list[RunWarning]:
    """Return each distinct warning of several runs (name, warnings); its text names its runs unless all have it."""
    owners: dict[RunWarning, list[str]] = {}
    for name, own in warnings:
        for warning in dict.fromkeys(own):
            owners.setdefault(warning, []).append(name)
    return [
        warning if len(names) == len(warnings) else warning._replace(text=f"{'; '.join(names)}: {warning.text}")
        for warning, names in owners.items()
    ]


def mixed_environments(runs: list[FinishedRun]) -> list[RunWarning]:
    """Return a warning if a mean covers runs that were trained in different environments; else an empty list.

    A run whose own folds differ already has this warning, so nothing is added then.
    """
    seen = {run.place: [env for some in run.environments.values() for env in some] for run in runs}
    if len(seen) < 2 or any(warning.what == "environments" for run in runs for warning in run.warnings):
        return []
    found = find_differences(seen)
    text = f"These runs were trained in more than one environment: {'; '.join(found)}." if found else ""
    return [RunWarning(what="environments", text=text)] if text else []
