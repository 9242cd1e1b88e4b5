"""Finished runs whose probabilities are calibrated, or too sure by a known temperature."""

from pathlib import Path

import numpy as np
import pandas as pd
from written_runs import write_run

from pxr_tf import files
from pxr_tf.evaluation.calibration import apply_temperature
from pxr_tf.runs.finished import FinishedRun, open_run

CLASSES = ("covid19", "normal", "pneumonia")


def predictions_of(patients: int, folds: int, *, role: str = "test", seed: int = 0, sharp: float = 1.0) -> pd.DataFrame:
    """Return predictions of patients with two images each; with `sharp` 1 they are calibrated, above it too sure."""
    random = np.random.default_rng(seed)
    shares = apply_temperature(random.dirichlet(np.full(3, 0.6), patients).clip(1e-3), 1)
    truth = (shares.cumsum(1) > random.random((patients, 1))).argmax(1)
    shares = np.repeat(apply_temperature(shares, 1 / sharp), 2, axis=0)
    names = np.array(CLASSES)
    table = pd.DataFrame({"image_id": [f"{role}{n:04}" for n in range(2 * patients)]})
    table["patient_id"] = [f"{role}{n // 2:04}" for n in range(2 * patients)]
    table["label"], table["predicted"] = np.repeat(names[truth], 2), names[shares.argmax(1)]
    table["fold"], table["role"] = np.repeat(np.arange(patients) % folds, 2).astype(str), role
    return table.assign(source="s", **{f"p_{name}": shares[:, k] for k, name in enumerate(CLASSES)})


def run_of(folder: Path, *tables: pd.DataFrame) -> FinishedRun:
    """Write a finished run with these predictions; return it."""
    write_run(folder, classes=CLASSES, test_rows="all")
    together = pd.concat(tables)
    files.write_csv(folder / "predictions.csv", together)
    files.write_csv(folder / "splits.csv", together[["image_id", "fold", "role"]])
    return open_run(folder)
