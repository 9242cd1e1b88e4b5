"""What is to be done: the tasks of a run that its directory shows to be unfinished."""

from pathlib import Path

import pandas as pd

from pxr_tf import rundir
from pxr_tf.config import Experiment
from pxr_tf.data.splits import HOLDOUT
from pxr_tf.experiments.tasks import Task

FEATURES = "features"


def plan(
    folder: Path, cache: Path, experiment: Experiment, splits: pd.DataFrame, *, mix_environments: bool = False
) -> list[Task]:
    """Return the tasks that are still to be done, in order; each names those that it needs.

    Features come first where a phase is frozen and a fold is missing, then the hold-out, whose epoch numbers the folds
    use, then the folds.
    """
    folds = list(dict.fromkeys(splits.fold))
    holdout = (rundir.fold_name(HOLDOUT),) if HOLDOUT in folds else ()
    features = (FEATURES,) if experiment.freezes_backbone else ()
    place = {"run": str(folder), "cache": str(cache), "options": {"mix_environments": mix_environments}}
    tasks = [
        Task(
            rundir.fold_name(fold),
            "fit",
            needs=features + (holdout if fold != HOLDOUT else ()),
            fold=fold,
            leaves_memory=experiment.trains_backbone,
            **place,
        )
        for fold in folds
        if not (folder / rundir.fold_name(fold) / rundir.PREDICTIONS).exists()
    ]
    return [Task(FEATURES, "features", **place), *tasks] if tasks and features else tasks
