"""Choose how many epochs each phase gets, once, on the hold-out; the folds then use these numbers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pxr_tf import files, rundir
from pxr_tf.config import Experiment
from pxr_tf.data.manifest import is_synthetic
from pxr_tf.data.splits import HOLDOUT
from pxr_tf.training.folds import Run, train_fold


def choose_epochs(run: Run, *, xla: bool, precision: str, on_epoch: Callable[[dict[str, Any]], None]) -> None:
    """Train on the hold-out with early stopping and write ``epochs.json``: the best epoch number of each phase."""
    chosen = train_fold(run, HOLDOUT, epochs=None, xla=xla, precision=precision, on_epoch=on_epoch)
    images = "synthetic phantoms" if is_synthetic(run.table) else "real X-rays"
    numbers = {name: max(1, number) for name, number in chosen.items()}
    files.write_json(run.folder / rundir.EPOCHS, {"images": images, "epochs": numbers})


def read_epochs(folder: Path, experiment: Experiment) -> dict[str, int] | None:
    """Return the number of epochs per phase, or None where each fold finds its own (nested)."""
    if experiment.splits.nested:
        return None
    chosen = (files.read_json(folder / rundir.EPOCHS) or {"epochs": {}})["epochs"]
    return {phase.name: chosen.get(phase.name, phase.max_epochs) for phase in experiment.phases}
