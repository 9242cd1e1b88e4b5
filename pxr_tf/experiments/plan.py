"""What is to be done: the tasks of a run that its directory shows to be unfinished."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pxr_tf import rundir
from pxr_tf.config import Experiment
from pxr_tf.data.splits import HOLDOUT, fold_names
from pxr_tf.explain.model_figures_file import read_model_figures
from pxr_tf.runs.picture_choice import default_subjects
from pxr_tf.tasks import Task

FEATURES, MODEL_FIGURES_TASK = rundir.FEATURES_TASK, "inside"


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


def plan_model_figures(
    folder: Path, cache: Path, shown: Sequence[str], table: pd.DataFrame, splits: pd.DataFrame
) -> list[Task]:
    """Return the task that looks into the models of a trained run, or nothing where that was done for all of `shown`.

    The hold-out's model is left out: it tests nothing. `table` has ``image_id, path, label``; the feature maps are
    those of one test image per class.
    """
    folds = [fold for fold in fold_names(splits) if not _was_looked_into(folder / rundir.fold_name(fold), shown)]
    if not folds:
        return []
    subjects = {rundir.fold_name(fold): default_subjects(table, splits, fold) for fold in folds}
    options = {"shown": list(shown), "subjects": {fold: list(map(list, chosen)) for fold, chosen in subjects.items()}}
    return [Task(MODEL_FIGURES_TASK, MODEL_FIGURES_TASK, run=str(folder), cache=str(cache), options=options)]


def _was_looked_into(fold: Path, shown: Sequence[str]) -> bool:
    figures = read_model_figures(fold / rundir.MODEL_FIGURES, outline=True) if shown else None
    return not shown or (figures is not None and set(shown) <= set(figures.asked))
