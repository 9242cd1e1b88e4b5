"""Finished runs for the tests of reports: they tested the same images, and have a manifest."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from calibrated_runs import predictions_of, run_of

from pxr_tf import files, rundir
from pxr_tf.evidence.files import write_tables
from pxr_tf.report.page.facts import RunFacts
from pxr_tf.runs.finished import FinishedRun, open_run


def write_reported(folder: Path, seed: int = 0, *, sharp: float = 1.0) -> RunFacts:
    """Write a finished run of 40 patients with its tables; runs of the same `seed` differ only by `sharp`."""
    run = run_of(folder, predictions_of(40, 2, sharp=sharp))
    rows = run.predictions
    splits = [rows.assign(fold=fold, role=np.where(rows.fold == fold, "test", "train")) for fold in ("0", "1")]
    files.write_csv(folder / "splits.csv", pd.concat(splits)[["image_id", "fold", "role"]])
    columns = ["image_id", "label", "patient_id", "source"]
    files.write_csv(folder / "manifest.csv", rows[columns].assign(path="", official_split="", content="c"))
    recipe = folder / "experiment.yaml"
    recipe.write_text(recipe.read_text().replace("seed: 0\n", f"seed: {seed}\n"))
    written = open_run(folder)
    write_tables(written)
    return RunFacts(written)


def copy_run(run: Path, folder: Path) -> FinishedRun:
    """Return a copy of a finished run that may be written to; it uses the cache of the first."""
    runs = next(place for place in run.parents if (place / rundir.CACHE).is_dir())
    return open_run(shutil.copytree(run, folder), runs)
