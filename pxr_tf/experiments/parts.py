"""From a run directory to what a learner gets: parts and plain settings. The door at which the recipe stops."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pxr_tf import machine, rundir
from pxr_tf.config import Experiment
from pxr_tf.data.manifest import is_synthetic
from pxr_tf.data.samples import LABEL
from pxr_tf.data.splits import HOLDOUT
from pxr_tf.errors import PxrError
from pxr_tf.experiments import weights
from pxr_tf.models.architecture import Architecture, SavedModel
from pxr_tf.pictures.store import Pictures, load_pictures
from pxr_tf.runs.directory import RunDirectory
from pxr_tf.training.part import Part
from pxr_tf.training.settings import LinearSettings, NetworkSettings
from pxr_tf.vocabulary.model import Linear, NetworkModel

Settings = NetworkSettings | LinearSettings | Mapping[str, object]


class TrainingRun(NamedTuple):
    """A prepared run, opened to be trained."""

    directory: RunDirectory
    rows: pd.DataFrame  # every sample of every fold, with what the manifest says of its image
    pictures: Pictures

    @property
    def folder(self) -> Path:
        """The run directory."""
        return self.directory.folder

    @property
    def recipe(self) -> Experiment:
        """All settings."""
        return self.directory.recipe


def open_training(folder: Path, cache: Path) -> TrainingRun:
    """Return the run; pictures are opened, not verified: the process that started the run did that."""
    directory = RunDirectory(folder, cache)
    pictures = load_pictures(cache, directory.preparation)
    table, samples = directory.manifest, directory.samples
    if LABEL in samples:  # labels were permuted: what the fold takes an image for is not what it shows
        table = table.drop(columns=LABEL)
    rows = samples.merge(table, on="image_id", how="left", validate="many_to_one")
    return TrainingRun(directory, rows.assign(row=rows.content.map(pictures.rows)), pictures)


def make_part(run: TrainingRun, fold: str, epochs: Mapping[str, int] | None = None) -> Part:
    """Return one fold of a run; `epochs` are those that were chosen elsewhere (`chosen_epochs`)."""
    experiment, directory = run.recipe, run.directory
    return Part(
        fold=fold,
        folder=directory.fold_folder(fold),
        classes=experiment.classes,
        rows=run.rows[run.rows.fold == fold].reset_index(drop=True),
        pixels=run.pictures.pixels,
        preparation=directory.preparation,
        augmentation=experiment.augmentation,
        seed=experiment.seed,
        cache=directory.cache,
        epochs=epochs,
        origin="synthetic" if is_synthetic(run.rows) else "real",
    )


def make_parts(run: TrainingRun) -> list[Part]:
    """Return all folds of a run, the hold-out first where there is one."""
    return [make_part(run, fold) for fold in run.rows.fold.unique()]


def chosen_epochs(run: TrainingRun, fold: str) -> dict[str, int] | None:
    """Return the epochs of each phase as the hold-out chose them, one at least; None where the fold chooses them.

    They are there once the hold-out is trained. Raises `PxrError` where they are not.
    """
    if fold == HOLDOUT or not run.recipe.chooses_epochs:
        return None
    chosen, folder = run.directory.chosen_epochs(HOLDOUT), run.directory.fold_folder(HOLDOUT)
    if chosen is None:
        raise PxrError(f"{folder / rundir.EPOCHS} is missing. Delete {folder}, and run again: it is trained anew.")
    return {name: max(1, number) for name, number in chosen.items()}


def threads_of(experiment: Experiment) -> int:
    """Return how many threads share one operation of a run that begins now; all its folds keep this number."""
    threads = experiment.training.threads
    return machine.processors() if threads == "auto" else threads


def make_settings(
    experiment: Experiment, weights_identity: str, threads: int | None = None, stage_one: Mapping[str, SavedModel] = {}
) -> Settings:
    """Return what the experiment's learner is told; for one that was added, what its ``model`` says.

    `stage_one` are its models by fold, where the model is on features of one.
    """
    model, training = experiment.model, experiment.training
    card = {"experiment": experiment.name, "variant": experiment.variant}
    card |= {"labels": "permuted"} if experiment.permute_labels else {}  # no one takes the model for a real one
    if isinstance(model, Linear):
        return LinearSettings(model, training.class_weights, threads, card)
    if isinstance(model, NetworkModel):
        architecture = Architecture(model, weights_identity, stage_one)
        return NetworkSettings(architecture, experiment.rated_phases, training, threads, card)
    return model.model_dump(exclude={"kind"})


def settings_of(run: TrainingRun) -> Settings:
    """Return what a run's learner is told; raise `PxrError` where weights or stage one are not as when it began."""
    provenance = run.directory.provenance
    identity = weights.check_unchanged(run.recipe, provenance["weights"])
    return make_settings(run.recipe, identity, provenance.get("threads"), _stage_one_models(run))


def _stage_one_models(run: TrainingRun) -> dict[str, SavedModel]:
    """Return fold -> model of stage one, whose features this run learns on; raise `PxrError` if one was changed."""
    models, recorded = {}, run.directory.provenance.get("first", {"models": {}})
    for fold, digest in recorded["models"].items():
        stage_one = Path(os.path.normpath((run.folder / recorded["run"]).absolute()))
        file = rundir.model_file(stage_one, fold)
        found = rundir.digest_model(stage_one, fold, "The first run's model")
        if found != digest:
            raise PxrError(
                f"{file} is not the model that the run began with (digest {digest}, now {found}). Put the old one "
                "back, or use another folder (RUNS=...)."
            )
        models[fold] = SavedModel(str(file), digest)
    return models
