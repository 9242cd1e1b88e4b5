"""Stage one of a two-stage experiment: a finished run; the head of stage two learns on its network's features.

An image keeps its role from stage one. A picture that trained the network is never a test picture in stage two. A
picture that tested the network, or whose loss chose an epoch, never trains the head.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pxr_tf import rundir
from pxr_tf.config import Experiment
from pxr_tf.data import schemes
from pxr_tf.data.splits import FOLDS, HOLDOUT, TEST_ROLES, balanced_rows
from pxr_tf.errors import PxrError, count_words
from pxr_tf.experiments import check_run
from pxr_tf.experiments.request import Request
from pxr_tf.models.backbones import BACKBONES
from pxr_tf.pictures.gather import Gathered
from pxr_tf.pictures.lung_source import BUILTIN
from pxr_tf.runs import scheme
from pxr_tf.runs.directory import is_finished, is_run, read_provenance
from pxr_tf.runs.finished import FinishedRun, open_run
from pxr_tf.runs.scheme import make_command, scheme_options, splits_by_image
from pxr_tf.vocabulary.model import OnFeatures

STAGE_ONE_MODEL = "Stage one's model"


class StageOne(NamedTuple):
    """A finished run, opened by the run that learns on its features."""

    run: FinishedRun
    models: dict[str, str]  # fold -> digest of its model file


def find_stage_one(request: Request) -> StageOne | None:
    """Return stage one of the request; None if the model has no stage one, or if nothing is left to train.

    A finished stage two no longer needs stage one. If stage one still exists, its models must be unchanged.
    Raises `PxrError` if stage one is missing, unfinished, changed, has no network, or has other pictures or splits.
    """
    folder, experiment = request.stage_one_folder, request.experiment
    if folder is None:
        return None
    if is_finished(request.folder):
        check_not_retrained(request.folder)
        return None
    _check_finished(request, folder)
    run = open_run(folder, request.runs, bundles=False)
    if not run.recipe.trains_network:
        raise PxrError(
            f"Stage one (model.of) {folder} is a {run.recipe.model.kind} model and has no features to reuse. "
            "Accepted: a run with a network (transfer, scratch, on_features)."
        )
    _check_fits(experiment, run.recipe, folder)
    try:
        splits = check_run.read_tables(folder, run.recipe)
    except PxrError as error:
        raise PxrError(f"Stage one (model.of) {folder}: {error}") from error
    if experiment.chooses_epochs and HOLDOUT not in set(splits.fold):
        raise PxrError(
            f"Epoch numbers are chosen on a hold-out, but stage one (model.of) {folder} has none. Give fixed epoch "
            "numbers (--epochs), or train stage one with a phase that has patience or keep: best."
        )
    models = {fold: rundir.digest_model(folder, fold, STAGE_ONE_MODEL) for fold in splits.fold.unique()}
    return StageOne(run, models)


def check_images(stage: StageOne | None, images: Gathered) -> None:
    """Raise `PxrError` if stage one used other images or lungs: which images trained it would be unknown."""
    if stage is not None and stage.run.provenance["data_digest"] != images.identity:
        data = ", ".join(stage.run.provenance["data"])
        raise PxrError(
            f"Stage one (model.of) {stage.run.folder} used other images ({data}, at that time). Give the same DATA, or "
            "retrain stage one on these images."
        )
    if stage is not None and images.lungs is not None and images.lungs.identity != stage.run.lung_identity:
        raise PxrError(
            f"Stage one (model.of) {stage.run.folder} took lungs from {stage.run.lung_identity}, but image.atlas "
            f"and image.masks give {images.lungs.identity}. Set image as in stage one."
        )


def known_rows(table: pd.DataFrame, stage: StageOne | None, say: Callable[[str], None]) -> pd.DataFrame:
    """Return the manifest rows with a role in stage one, or all rows without a stage one; report the others."""
    if stage is None:
        return table
    known = table.image_id.isin(stage.run.splits.image_id)
    if not known.all():
        say(f"{count_words(int((~known).sum()), 'image')} left out: no role in stage one.")
    return table[known].reset_index(drop=True)


def split_rows(table: pd.DataFrame, experiment: Experiment, stage: StageOne | None) -> pd.DataFrame:
    """Return the splits of the experiment: from stage one if there is one, else from its scheme.

    Balanced test rows are chosen again, for these classes. Raises `PxrError` if the images do not allow the splits.
    """
    if stage is None:
        return scheme.split_images(table, experiment)
    unused = () if experiment.chooses_epochs else (HOLDOUT,)
    rows = stage.run.splits[stage.run.splits.image_id.isin(table.image_id) & ~stage.run.splits.fold.isin(unused)]
    parts = [_balance_tests(part, table, experiment.seed) for _, part in rows.groupby("fold", sort=False)]
    splits = pd.concat([rows.iloc[:0], *parts], ignore_index=True)
    watches, options = experiment.watches_validation, scheme_options(experiment)
    schemes.check_again(table, splits, experiment.splits.scheme, stops_early=watches, **options)
    return splits


def check_roles(splits: pd.DataFrame, stage: StageOne | None) -> None:
    """Raise `PxrError` if an image has no role, or another role, in the same fold of stage one."""
    if stage is None:
        return
    both = _sides(splits).merge(_sides(stage.run.splits), on=["image_id", "fold"], how="left", suffixes=("", "_before"))
    wrong = both[both.side != both.side_before]
    if len(wrong):
        image, fold, side, before = wrong.iloc[0][["image_id", "fold", "side", "side_before"]]
        words = "has no role" if pd.isna(before) else f"has the role {before}"
        raise PxrError(
            f"{rundir.SPLITS} gives {image} the role {side} in fold {fold}, but it {words} in stage one "
            f"({stage.run.folder}), and an image keeps its role. Delete this run directory and start again."
        )


def describe_stage_one(stage: StageOne | None, folder: Path) -> dict[str, Any]:
    """Return what provenance records of stage one: its path relative to the run in `folder`, and its models."""
    if stage is None:
        return {}
    place = os.path.relpath(stage.run.folder.resolve(), folder.resolve())
    return {"first": {"run": place, "models": stage.models}}


def check_models(stage: StageOne | None, folder: Path) -> None:
    """Raise `PxrError` if stage one's models have changed since the run in `folder` began."""
    if stage is not None and read_provenance(folder).get("first", {}).get("models") != stage.models:
        raise PxrError(
            f"The models of stage one {stage.run.folder} have changed since {folder} began. Restore the old models, "
            "use another folder (RUNS=...), or delete this run."
        )


def check_not_retrained(folder: Path) -> None:
    """Raise `PxrError` if stage one was retrained since the run in `folder` finished; stage one may be missing."""
    recorded = read_provenance(folder).get("first") if (folder / rundir.PROVENANCE).is_file() else None
    if not recorded:
        return
    stage = folder.resolve() / recorded["run"]
    models = [rundir.model_file(stage, fold) for fold in recorded["models"]]
    if not (stage / rundir.PREDICTIONS).is_file() or not all(model.is_file() for model in models):
        return
    if any(rundir.digest_model(stage, fold, STAGE_ONE_MODEL) != digest for fold, digest in recorded["models"].items()):
        raise PxrError(
            f"Stage one {os.path.normpath(stage)} was retrained after the finished run {folder} learned on it. "
            f"Delete {folder} and train it again."
        )


def _check_finished(request: Request, folder: Path) -> None:
    if is_finished(folder):
        return
    state = "is not finished" if is_run(folder) else "does not exist" if not folder.exists() else "is not a run"
    raise PxrError(f"Stage one (model.of) {folder} {state}. Train it first{_command(request, folder)}.")


def _command(request: Request, folder: Path) -> str:
    """Return ``: make train …``, the command that trains stage one if it is a variant; "" if it is a folder."""
    experiment, model = request.experiment, request.experiment.model
    if not model.of_variant:
        return ""
    given = {"DATA": ",".join(map(str, request.data)), "RUNS": str(request.runs)}
    file = folder / rundir.EXPERIMENT
    begun = bool(experiment.tag) and is_run(folder)  # it may have its own tag and classes: take its file
    variables = ({"CONFIG": str(file)} if begun else _recipe_variables(experiment, model)) | given
    return f": {make_command(experiment, variables)}"


def _recipe_variables(experiment: Experiment, model: OnFeatures) -> dict[str, str]:
    """Return the make variables that train the stage one that the model needs; "" for a default."""
    image = experiment.image
    return {
        "CONFIG": experiment.name,
        "VARIANT": model.of,
        "MODEL": model.backbone if model.backbone in BACKBONES else "",
        "SCHEME": "" if experiment.splits.scheme == FOLDS else experiment.splits.scheme,
        "SEED": str(experiment.seed),
        "CROP": "" if image.crop == "none" else image.crop,
        "ATLAS": "" if image.atlas == BUILTIN else image.atlas,
        "ARGS": "" if image.masks is None else f"--set image.masks={image.masks}",
    }


def _check_fits(experiment: Experiment, stage: Experiment, folder: Path) -> None:
    """Raise `PxrError` if the two stages prepare pictures or split patients differently."""
    ours, theirs = (one.image.model_dump(exclude={"atlas", "masks"}) for one in (experiment, stage))  # paths
    if ours != theirs:
        raise PxrError(
            f"image received {_words(ours)}, but stage one (model.of) {folder} was trained with {_words(theirs)}. "
            "Set image to that."
        )
    units = {True: "image", False: "patient"}
    here, there = (f"{one.splits.scheme} by {units[splits_by_image(one)]}" for one in (experiment, stage))
    if here != there:
        raise PxrError(
            f"The splits are {here} but {there} in stage one (model.of) {folder}, and an image keeps its role. "
            "Use the same SCHEME and UNIT."
        )


def _words(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())


def _balance_tests(part: pd.DataFrame, table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return one fold's rows with its balanced test rows chosen again."""
    tested = part.role.isin(TEST_ROLES)
    if not tested.any():
        return part
    balanced = balanced_rows(table[table.image_id.isin(part.image_id[tested])], seed)
    names = np.where(part.image_id.isin(balanced), "test_balanced", "test")
    return part.assign(role=part.role.mask(tested, pd.Series(names, part.index)))


def _sides(splits: pd.DataFrame) -> pd.DataFrame:
    sides = splits.role.where(~splits.role.isin(TEST_ROLES), "test")
    return splits[["image_id", "fold"]].assign(side=sides)
