"""Plan a run: the tasks that its directory shows to be unfinished, and the options of each kind of task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pxr_tf import files, rundir
from pxr_tf.data.splits import HOLDOUT, fold_names
from pxr_tf.experiments.request import Request
from pxr_tf.explain.model_figures_file import read_model_figures
from pxr_tf.runs.directory import is_finished
from pxr_tf.runs.picture_choice import PictureChoice, first_per_class
from pxr_tf.tasks import Task

MODEL_FIGURES = "model-figures"


@dataclass(frozen=True)
class InEnvironment:
    """Options of the tasks ``features`` and ``fit``."""

    mix_environments: bool = False  # continue although other folds were trained in another environment


@dataclass(frozen=True)
class OfRecipe:
    """Options of the tasks ``weights`` and ``calibrate``, which run before the run directory exists."""

    recipe: str  # the experiment as JSON
    to: Path  # the JSON file that is written


@dataclass(frozen=True)
class ModelFigures:
    """Options of the task ``model_figures``."""

    shown: tuple[str, ...]  # kinds of figures: filters, coefficients, feature_maps
    pictures: Mapping[str, tuple[PictureChoice, ...]]  # fold -> pictures to make feature maps of


@dataclass(frozen=True)
class FeatureMaps:
    """Options of the task ``feature_maps``."""

    pictures: tuple[PictureChoice, ...]
    layer: str | None  # one layer alone; None: the convolutions and the feature map
    atlas: str | None  # where the atlas of the run's crop is now; None: where it was
    to: Path  # the file that is written


@dataclass(frozen=True)
class Results:
    """Options of the task ``results``."""

    runs: Path  # folder of run directories
    figures: tuple[str, ...]  # formats


def plan(request: Request, splits: pd.DataFrame, table: pd.DataFrame) -> list[Task]:
    """Return the unfinished tasks of a prepared run, in order; each names the tasks that it needs.

    Features come first, if a phase is frozen and a fold is missing. Then come the hold-out, which chooses the folds'
    epochs, the folds, their model figures, and perhaps the results. `table` has ``image_id, path, label``.
    """
    folds = plan_folds(request, splits)
    tasks = folds + _plan_figures(request, splits, table, needs=tuple(task.name for task in folds))
    return tasks + _plan_results(request, needs=tuple(task.name for task in tasks))


def plan_folds(request: Request, splits: pd.DataFrame) -> list[Task]:
    """Return the tasks that train the missing folds."""
    experiment, folder = request.experiment, request.folder
    if is_finished(folder):  # its fold folders may have been deleted
        return []
    folds = list(dict.fromkeys(splits.fold))
    holdout = (rundir.fold_name(HOLDOUT),) if HOLDOUT in folds else ()
    features = (rundir.FEATURES_TASK,) if experiment.freezes_backbone else ()
    place = _place(request) | {"options": InEnvironment(request.mix_environments)}
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
    return [Task(rundir.FEATURES_TASK, "features", **place), *tasks] if tasks and features else tasks


def _plan_figures(request: Request, splits: pd.DataFrame, table: pd.DataFrame, needs: tuple[str, ...]) -> list[Task]:
    """Return the task that makes the model figures that the recipe shows and that are still missing.

    The hold-out's model is left out: it tests nothing. Feature maps are made of one test image per class.
    """
    shown = request.experiment.show
    if not shown or request.tuning is not None:  # tuning points have no model figures
        return []
    names = [rundir.fold_name(fold) for fold in fold_names(splits)]
    missing = [
        fold
        for fold, name in zip(fold_names(splits), names, strict=True)
        if name in needs or not _was_looked_into(request.folder / name, shown)
    ]
    if not missing:
        return []
    pictures = {rundir.fold_name(fold): tuple(first_per_class(table, splits, fold)) for fold in missing}
    options = ModelFigures(tuple(shown), pictures)
    return [Task(MODEL_FIGURES, "model_figures", needs=needs, options=options, **_place(request))]


def _plan_results(request: Request, needs: tuple[str, ...]) -> list[Task]:
    """Return the task that makes tables and figures, if the request wants one and models are still to be made."""
    if not (request.results_by_task and needs):
        return []
    options = Results(request.runs, request.figures)
    return [Task(rundir.RESULTS_TASK, "results", needs=needs, options=options, **_place(request) | {"threads": 1})]


def _place(request: Request) -> dict[str, Any]:
    folder = request.folder
    threads = (files.read_json(folder / rundir.PROVENANCE) or {}).get("threads") or 0
    return {"run": str(folder), "cache": str(request.cache), "logs": str(folder / "logs"), "threads": threads}


def _was_looked_into(fold: Path, shown: Sequence[str]) -> bool:
    figures = read_model_figures(fold / rundir.MODEL_FIGURES_FILE, outline=True)
    return figures is not None and set(shown) <= set(figures.asked)
