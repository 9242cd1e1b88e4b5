"""The first stage of an experiment in two: a finished run whose network the second stage's head learns on.

An image keeps the role that it has in stage one: a picture that the network was trained on tests nothing later on,
and none that it was tested on, or whose loss chose an epoch, trains the head.
"""

import os
import shlex
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
from pxr_tf.runs.scheme import scheme_options, splits_by_image
from pxr_tf.vocabulary.model import OnFeatures

STAGE_ONE_MODEL = "The first run's model"


class StageOne(NamedTuple):
    """A finished run, opened by the run that learns on its features."""

    run: FinishedRun
    models: dict[str, str]  # fold -> digest of its model file


def find_stage_one(request: Request) -> StageOne | None:
    """Return the run that the request's model is on features of; None for other models, or if nothing is to be trained.

    A finished stage two does not need stage one any more, but must be of its models if they are still there.
    Raises `PxrError` where it is missing, unfinished, changed, without a network, or made for other pictures or splits.
    """
    folder, experiment = request.stage_one_folder, request.experiment
    if folder is None:
        return None
    if is_finished(request.folder):
        check_not_retrained(request.folder)
        return None
    _check_finished(request, folder)
    run = open_run(folder, request.runs)
    if not run.recipe.trains_network:
        raise PxrError(
            f"The first run (model.of) {folder} is of the model {run.recipe.model.kind}, which has no features. "
            "Accepted: a run with a network (transfer, scratch, on_features)."
        )
    _check_fits(experiment, run.recipe, folder)
    try:
        splits = check_run.read_tables(folder, run.recipe)
    except PxrError as error:
        raise PxrError(f"The first run (model.of) {folder}: {error}") from error
    if experiment.chooses_epochs and HOLDOUT not in set(splits.fold):
        raise PxrError(
            f"The epoch numbers are chosen on a hold-out, but the first run (model.of) {folder} has none. Give fixed "
            "ones (--epochs), or train the first run with a phase that has patience or keep: best."
        )
    models = {fold: rundir.digest_model(folder, fold, STAGE_ONE_MODEL) for fold in splits.fold.unique()}
    return StageOne(run, models)


def check_images(stage: StageOne | None, images: Gathered) -> None:
    """Raise `PxrError` where stage one was made of other images: nobody knows which of these it was trained on."""
    if stage is not None and stage.run.provenance["data_digest"] != images.identity:
        data = ", ".join(stage.run.provenance["data"])
        raise PxrError(
            f"The first run (model.of) {stage.run.folder} was made of other images ({data}, as they were then). Give "
            "the same DATA, or train it anew on these."
        )
    if stage is not None and images.lungs is not None and images.lungs.identity != stage.run.lung_identity:
        raise PxrError(
            f"The first run (model.of) {stage.run.folder} saw lungs of {stage.run.lung_identity}, but image.atlas "
            f"and image.masks give those of {images.lungs.identity}. Set image to what the first run had."
        )


def known_rows(table: pd.DataFrame, stage: StageOne | None, say: Callable[[str], None]) -> pd.DataFrame:
    """Return the manifest's rows that have a role in stage one, all where there is none; say how many have not."""
    if stage is None:
        return table
    known = table.image_id.isin(stage.run.splits.image_id)
    if not known.all():
        say(f"{count_words(int((~known).sum()), 'image')} left out, for the first run gave them no role.")
    return table[known].reset_index(drop=True)


def split_rows(table: pd.DataFrame, experiment: Experiment, stage: StageOne | None) -> pd.DataFrame:
    """Return the splits of the experiment: those of its scheme, or stage one's where there is one.

    Raises `PxrError` where the images do not allow them. The balanced test rows are chosen anew, for these classes.
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
    """Raise `PxrError` where an image has another role than in the same fold of stage one, or none there."""
    if stage is None:
        return
    both = _sides(splits).merge(_sides(stage.run.splits), on=["image_id", "fold"], how="left", suffixes=("", "_before"))
    wrong = both[both.side != both.side_before]
    if len(wrong):
        image, fold, side, before = wrong.iloc[0][["image_id", "fold", "side", "side_before"]]
        words = "has no role in it" if pd.isna(before) else f"has the role {before} in it"
        raise PxrError(
            f"{rundir.SPLITS} gives {image} the role {side} in fold {fold}, but it {words} in the first run "
            f"{stage.run.folder}, and an image keeps its role. Delete this run directory and start again."
        )


def describe_stage_one(stage: StageOne | None, folder: Path) -> dict[str, Any]:
    """Return what the provenance of the run in `folder` says of stage one: its place from there, its models."""
    if stage is None:
        return {}
    place = os.path.relpath(stage.run.folder.resolve(), folder.resolve())
    return {"first": {"run": place, "models": stage.models}}


def check_models(stage: StageOne | None, folder: Path) -> None:
    """Raise `PxrError` where stage one's models are not those that the run in `folder` began with."""
    if stage is not None and read_provenance(folder).get("first", {}).get("models") != stage.models:
        raise PxrError(
            f"The models of the first run {stage.run.folder} are not those that {folder} began with. Put the old ones "
            "back, use another folder (RUNS=...), or delete this one."
        )


def check_not_retrained(folder: Path) -> None:
    """Raise `PxrError` where stage one of the finished run in `folder` was retrained since; it may be missing."""
    recorded = read_provenance(folder).get("first") if (folder / rundir.PROVENANCE).is_file() else None
    if not recorded:
        return
    stage = folder.resolve() / recorded["run"]
    models = [rundir.model_file(stage, fold) for fold in recorded["models"]]
    if not (stage / rundir.PREDICTIONS).is_file() or not all(model.is_file() for model in models):
        return
    if any(rundir.digest_model(stage, fold, STAGE_ONE_MODEL) != digest for fold, digest in recorded["models"].items()):
        raise PxrError(
            f"The models of the first run {os.path.normpath(stage)} are not those that the finished run {folder} "
            f"learned on: it was trained anew since. Delete {folder} and train it again."
        )


def _check_finished(request: Request, folder: Path) -> None:
    if is_finished(folder):
        return
    state = "is not finished" if is_run(folder) else "does not exist" if not folder.exists() else "is no run directory"
    raise PxrError(f"The first run (model.of) {folder} {state}. Train it first{_command(request, folder)}.")


def _command(request: Request, folder: Path) -> str:
    """Return ``: make train …``, the command that trains a stage one that is a variant; "" for one that is a folder."""
    experiment, model = request.experiment, request.experiment.model
    if not model.of_variant:
        return ""
    given = {"DATA": ",".join(map(str, request.data)), "RUNS": str(request.runs)}
    file = folder / rundir.EXPERIMENT
    begun = bool(experiment.tag) and is_run(folder)  # perhaps with a tag and classes of its own: its file knows them
    variables = ({"CONFIG": str(file)} if begun else _recipe_variables(experiment, model)) | given
    words = shlex.join(f"{name}={value}" for name, value in variables.items() if value)
    return f": make {'cv' if experiment.splits.scheme == FOLDS else 'train'} {words}"


def _recipe_variables(experiment: Experiment, model: OnFeatures) -> dict[str, str]:
    """Return make's variables that say which variant the model needs, and how it is trained; "" for defaults."""
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
    """Raise `PxrError` where two stages prepare their pictures, or split their patients, in two ways."""
    ours, theirs = (one.image.model_dump(exclude={"atlas", "masks"}) for one in (experiment, stage))  # places
    if ours != theirs:
        raise PxrError(
            f"image received {_words(ours)}, but the network of the first run (model.of) {folder} was trained with "
            f"{_words(theirs)}. Set image to that."
        )
    units = {True: "image", False: "patient"}
    here, there = (f"{one.splits.scheme} by {units[splits_by_image(one)]}" for one in (experiment, stage))
    if here != there:
        raise PxrError(
            f"The splits are {here}, but those of the first run (model.of) {folder} are {there}, and an image keeps "
            "its role. Use the same SCHEME and UNIT."
        )


def _words(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())


def _balance_tests(part: pd.DataFrame, table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return one fold's rows with its balanced test rows marked anew."""
    tested = part.role.isin(TEST_ROLES)
    if not tested.any():
        return part
    balanced = balanced_rows(table[table.image_id.isin(part.image_id[tested])], seed)
    names = np.where(part.image_id.isin(balanced), "test_balanced", "test")
    return part.assign(role=part.role.mask(tested, pd.Series(names, part.index)))


def _sides(splits: pd.DataFrame) -> pd.DataFrame:
    sides = splits.role.where(~splits.role.isin(TEST_ROLES), "test")
    return splits[["image_id", "fold"]].assign(side=sides)
