"""From a run directory to what a learner gets: parts and plain settings. The door at which the recipe stops."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from pxr_tf import files, machine, rundir
from pxr_tf.config import Experiment, load_experiment
from pxr_tf.data.manifest import is_synthetic, read_manifest
from pxr_tf.data.samples import LABEL, read_samples
from pxr_tf.data.splits import HOLDOUT
from pxr_tf.errors import PxrError
from pxr_tf.experiments import weights
from pxr_tf.models.architecture import Architecture, SavedModel
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.pictures.store import Pictures, load_pictures
from pxr_tf.runs.crop import preparation_of
from pxr_tf.training.part import Part
from pxr_tf.training.settings import LinearSettings, NetworkSettings
from pxr_tf.vocabulary.model import Linear, NetworkModel

Settings = NetworkSettings | LinearSettings | Mapping[str, object]


class Run(NamedTuple):
    """A run directory, opened."""

    folder: Path
    cache: Path
    experiment: Experiment
    rows: pd.DataFrame  # every sample of every fold, with what the manifest says of its image
    preparation: Preparation
    pictures: Pictures


def open_run(folder: Path, cache: Path) -> Run:
    """Return the run; pictures are opened, not verified: the process that started the run did that."""
    experiment = load_experiment(folder / rundir.EXPERIMENT)
    preparation = preparation_of(experiment.image, files.read_json(folder / rundir.PROVENANCE).get("lungs"))
    pictures = load_pictures(cache, preparation)
    table = read_manifest(folder / rundir.MANIFEST)
    samples = read_samples(folder / rundir.SAMPLES)
    if LABEL in samples:  # labels were permuted: what the fold takes an image for is not what it shows
        table = table.drop(columns=LABEL)
    rows = samples.merge(table, on="image_id", how="left", validate="many_to_one")
    return Run(folder, cache, experiment, rows.assign(row=rows.content.map(pictures.rows)), preparation, pictures)


def make_part(run: Run, fold: str, epochs: Mapping[str, int] | None = None) -> Part:
    """Return one fold of a run; `epochs` are those that were chosen elsewhere (`chosen_epochs`)."""
    experiment = run.experiment
    return Part(
        fold=fold,
        folder=run.folder / rundir.fold_name(fold),
        classes=experiment.classes,
        rows=run.rows[run.rows.fold == fold].reset_index(drop=True),
        pixels=run.pictures.pixels,
        preparation=run.preparation,
        augmentation=experiment.augmentation,
        seed=experiment.seed,
        cache=run.cache,
        epochs=epochs,
        origin="synthetic" if is_synthetic(run.rows) else "real",
    )


def make_parts(run: Run) -> list[Part]:
    """Return all folds of a run, the hold-out first where there is one."""
    return [make_part(run, fold) for fold in run.rows.fold.unique()]


def chosen_epochs(run: Run, fold: str) -> dict[str, int] | None:
    """Return the epochs of each phase as the hold-out chose them, one at least; None where the fold chooses them.

    They are there once the hold-out is trained. Raises `PxrError` where they are not.
    """
    if fold == HOLDOUT or not run.experiment.chooses_epochs:
        return None
    folder = run.folder / rundir.fold_name(HOLDOUT)
    written = files.read_json(folder / rundir.EPOCHS)
    if written is None:
        raise PxrError(f"{folder / rundir.EPOCHS} is missing. Delete {folder}, and run again: it is trained anew.")
    return {name: max(1, number) for name, number in written["epochs"].items()}


def threads_of(experiment: Experiment) -> int:
    """Return how many threads share one operation of a run that begins now; all its folds keep this number."""
    threads = experiment.training.threads
    return machine.processors() if threads == "auto" else threads


def make_settings(
    experiment: Experiment,
    weights_identity: str,
    threads: int | None = None,
    first: Mapping[str, SavedModel] = {},
) -> Settings:
    """Return what the experiment's learner is told; for one that was added, what its ``model`` says.

    `first` are the models of the first run by fold, where the model is on features of one.
    """
    model, training = experiment.model, experiment.training
    card = {"experiment": experiment.name, "variant": experiment.variant}
    card |= {"labels": "permuted"} if experiment.permute_labels else {}  # no one takes the model for a real one
    if isinstance(model, Linear):
        return LinearSettings(model, training.class_weights, threads, card)
    if isinstance(model, NetworkModel):
        architecture = Architecture(model, weights_identity, first)
        return NetworkSettings(architecture, experiment.rated_phases, training, threads, card)
    return model.model_dump(exclude={"kind"})


def settings_of(run: Run) -> Settings:
    """Return what a run's learner is told; raise `PxrError` where its weights are not those that it began with.

    So are the models of the first run, where there is one.
    """
    provenance = provenance_of(run)
    identity = weights.check_unchanged(run.experiment, provenance["weights"])
    return make_settings(run.experiment, identity, provenance.get("threads"), _first_models(run, provenance))


def _first_models(run: Run, provenance: Mapping[str, Any]) -> dict[str, SavedModel]:
    """Return fold -> model of the run that this one is on features of; raise `PxrError` where one was changed."""
    models = {}
    for fold, digest in provenance.get("first", {}).get("models", {}).items():
        first = Path(os.path.normpath((run.folder / provenance["first"]["run"]).absolute()))
        file = rundir.model_file(first, fold)
        found = rundir.digest_model(first, fold, "The first run's model")
        if found != digest:
            raise PxrError(
                f"{file} is not the model that the run began with (digest {digest}, now {found}). Put the old one "
                "back, or use another folder (RUNS=...)."
            )
        models[fold] = SavedModel(str(file), digest)
    return models


def provenance_of(run: Run) -> dict[str, Any]:
    """Return where the numbers of a run come from."""
    return files.read_json(run.folder / rundir.PROVENANCE)
