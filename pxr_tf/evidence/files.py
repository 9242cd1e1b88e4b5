"""The tables of a finished run: computed from its predictions, written beside them, read again."""

from pathlib import Path

import pandas as pd

from pxr_tf import rundir
from pxr_tf.data.splits import read_splits
from pxr_tf.evaluation import metrics, roc
from pxr_tf.runs.info import RunInfo, describe_run

CURVES, POINTS, FIGURE = FILES = ("roc.csv", "thresholds.csv", "roc.png")


def read_readings(folder: Path) -> dict[str, pd.DataFrame]:
    """Return reading -> metrics table of a finished run, the experiment's own test rows first."""
    readings = metrics_files(folder, describe_run(folder), read_splits(folder / rundir.SPLITS))
    return {reading: metrics.read_metrics(file) for reading, file in readings.items()}


def metrics_files(folder: Path, info: RunInfo, splits: pd.DataFrame) -> dict[str, Path]:
    """Return reading -> file, the experiment's own test rows first."""
    first, *others = metrics.possible_readings(splits, info.test_rows)
    return {first: folder / "metrics.csv", **{other: folder / f"metrics_{other}.csv" for other in others}}


def read_run_points(folder: Path) -> pd.DataFrame:
    """Return the operating points of a finished run (`roc.find_points`)."""
    return roc.read_points(folder / POINTS)
