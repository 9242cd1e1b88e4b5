"""The tables of a finished run: computed from its predictions, written next to them, read again."""

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pxr_tf import files
from pxr_tf.errors import PxrError
from pxr_tf.evaluation import metrics, roc
from pxr_tf.evidence.calibrated import read_calibration, write_calibration
from pxr_tf.evidence.deviations import DEVIATIONS, deviations_are_current, has_protocol, write_deviations
from pxr_tf.evidence.intervals import COLUMNS, score_with_intervals, unit_of
from pxr_tf.evidence.verdicts import VERDICTS, paper_verdicts
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.runs.info import origin_and_split

CURVES, POINTS = "roc.csv", "thresholds.csv"
CONFUSION = "confusion_matrix.csv"


class RunTables(NamedTuple):
    """The tables of a run that are also drawn."""

    counts: pd.DataFrame  # the confusion matrix: true classes (rows), predicted classes (columns)
    curves: pd.DataFrame  # `roc.trace_curves`
    points: pd.DataFrame  # `roc.find_points`


def write_tables(run: FinishedRun) -> RunTables:
    """Write a run's metrics, confusion matrix, ROC curves and operating points, and what deviates from the paper.

    ``metrics.csv`` counts the recipe's test rows (``splits.test_rows``), ``metrics_<other>.csv`` the other reading, if
    the splits have one. The columns ``origin`` (real, synthetic) and ``split`` (by patient, leaky split) say how far to
    trust the figures.
    """
    columns, places, unit = origin_and_split(run.info), _metrics_files(run), unit_of(run)
    for reading, file in places.items():
        table = score_with_intervals(metrics.select_rows(run.predictions, run.splits, reading), unit)
        files.write_csv(file, table.assign(**columns))
    reading, *_ = places
    counts = metrics.confusion_matrix(metrics.select_rows(run.predictions, run.splits, reading))
    rows = roc.rows_by_role(run.predictions, run.splits, reading)
    tables = RunTables(counts, roc.trace_curves(rows), roc.find_points(rows))
    files.write_csv(run.folder / CONFUSION, tables.counts.reset_index().assign(**columns))
    files.write_csv(run.folder / CURVES, tables.curves.assign(**columns))
    files.write_csv(run.folder / POINTS, tables.points.assign(**columns))
    write_deviations(run)
    verdicts = paper_verdicts(run, read_readings(run))
    if len(verdicts):
        files.write_csv(run.folder / VERDICTS, verdicts)
    return tables


def complete_tables(run: FinishedRun) -> None:
    """Write the run's tables if any is missing or of an older version, and its calibration if it can be measured."""
    if not tables_are_whole(run):
        write_tables(run)
    if read_calibration(run) is None:
        with suppress(PxrError):  # one fold with too few validation images: the page says so
            write_calibration(run)


def expected_tables(run: FinishedRun) -> list[Path]:
    """Return the files that `write_tables` writes."""
    names = (CONFUSION, CURVES, POINTS, *([DEVIATIONS] if has_protocol(run) else []))
    return [*_metrics_files(run).values(), *(run.folder / name for name in names)]


def tables_are_whole(run: FinishedRun) -> bool:
    """Return whether all tables exist, with every metric and the paper's recipe of today: both may have changed."""
    if not all(file.exists() for file in expected_tables(run)) or not deviations_are_current(run):
        return False
    tables = read_readings(run).values()
    return all(set(metrics.OVERALL_METRICS) <= set(table.metric) and set(COLUMNS) <= set(table) for table in tables)


def read_readings(run: FinishedRun) -> dict[str, pd.DataFrame]:
    """Return reading -> metrics table, the recipe's own reading first."""
    return {reading: metrics.read_metrics(file) for reading, file in _metrics_files(run).items()}


def read_metrics_table(run: FinishedRun) -> pd.DataFrame:
    """Return the metrics on the rows that the recipe counts."""
    return next(iter(read_readings(run).values()))


def read_run_points(run: FinishedRun) -> pd.DataFrame:
    """Return the operating points (`roc.find_points`)."""
    return roc.read_points(run.folder / POINTS)


def _metrics_files(run: FinishedRun) -> dict[str, Path]:
    first, *others = metrics.possible_readings(run.splits, run.recipe.splits.test_rows)
    return {first: run.folder / "metrics.csv"} | {other: run.folder / f"metrics_{other}.csv" for other in others}
