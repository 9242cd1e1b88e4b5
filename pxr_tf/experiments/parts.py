"""Turn a run directory into what a learner gets: parts and plain settings. Learners never see the recipe."""

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
    rows: pd.DataFrame  # every sample of every fold, with its image's manifest columns
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
    """Return the run; its pictures are not verified again: the process that started the run did that."""
    directory = RunDirectory(folder, cache)
    pictures = load_pictures(cache, directory.preparation)
    table, samples = directory.manifest, directory.samples
    if LABEL in samples:  # labels were permuted: the fold uses those of the samples
        table = table.drop(columns=LABEL)
    rows = samples.merge(table, on="image_id", how="left", validate="many_to_one")
    return TrainingRun(directory, rows.assign(row=rows.content.map(pictures.rows)), pictures)


def make_part(run: TrainingRun, fold: str, epochs: Mapping[str, int] | None = None) -> Part:
    """Return one fold of a run; `epochs` were chosen on the hold-out (`chosen_epochs`)."""
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
    """Return all folds of a run, the hold-out first if there is one."""
    return [make_part(run, fold) for fold in run.rows.fold.unique()]


def chosen_epochs(run: TrainingRun, fold: str) -> dict[str, int] | None:
    """Return phase -> epochs chosen on the hold-out, at least 1; None if they do not apply; raise `PxrError`."""
    if fold == HOLDOUT or not run.recipe.chooses_epochs:
        return None
    chosen, folder = run.directory.chosen_epochs(HOLDOUT), run.directory.fold_folder(HOLDOUT)
    if chosen is None:
        raise PxrError(f"{folder / rundir.EPOCHS} is missing. Delete {folder} and run again to retrain it.")
    return {name: max(1, number) for name, number in chosen.items()}


def threads_of(experiment: Experiment) -> int:
    """Return the threads per operation for a run that begins now; all its folds keep this number."""
    threads = experiment.training.threads
    return machine.processors() if threads == "auto" else threads


def make_settings(
    experiment: Experiment, weights_identity: str, threads: int | None = None, stage_one: Mapping[str, SavedModel] = {}
) -> Settings:
    """Return the settings of the experiment's learner; an added learner gets the keys of its ``model``.

    `stage_one` is fold -> model of stage one, if the model learns on features.
    """
    model, training = experiment.model, experiment.training
    card = {"experiment": experiment.name, "variant": experiment.variant}
    card |= {"labels": "permuted"} if experiment.permute_labels else {}  # marks models of permuted labels
    if isinstance(model, Linear):
        return LinearSettings(model, training.class_weights, threads, card)
    if isinstance(model, NetworkModel):
        architecture = Architecture(model, weights_identity, stage_one)
        return NetworkSettings(architecture, experiment.rated_phases, training, threads, card)
    return model.model_dump(exclude={"kind"})


def settings_of(run: TrainingRun) -> Settings:
    """Return the settings of a run's learner; raise `PxrError` if weights or stage one changed since it began."""
    provenance = run.directory.provenance
    identity = weights.check_unchanged(run.recipe, provenance["weights"])
    return make_settings(run.recipe, identity, provenance.get("threads"), _stage_one_models(run))


def _stage_one_models(run: TrainingRun) -> dict[str, SavedModel]:
    """Return fold -> model of stage one; raise `PxrError` if a model has changed since this run began."""
    models, recorded = {}, run.directory.provenance.get("first", {"models": {}})
    for fold, digest in recorded["models"].items():
        stage_one = Path(os.path.normpath((run.folder / recorded["run"]).absolute()))
        file = rundir.model_file(stage_one, fold)
        found = rundir.digest_model(stage_one, fold, "Stage one's model")
        if found != digest:
            raise PxrError(
                f"{file} has changed since the run began (digest {digest}, now {found}). Restore the old file, or use "
                "another folder (RUNS=...)."
            )
        models[fold] = SavedModel(str(file), digest)
    return models
