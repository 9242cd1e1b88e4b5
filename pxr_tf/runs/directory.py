"""Open a prepared run directory. Each file is read once, on demand; only `load_model` loads TensorFlow."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pxr_tf import files, rundir
from pxr_tf.config import Experiment, load_experiment
from pxr_tf.data.manifest import read_manifest
from pxr_tf.data.run_warnings import RunWarning
from pxr_tf.data.samples import read_samples
from pxr_tf.data.splits import fold_names, read_splits
from pxr_tf.errors import PxrError, nearest
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.runs import bundle, environment
from pxr_tf.runs.crop import preparation_of, with_atlas
from pxr_tf.runs.info import RunInfo, info_of

if TYPE_CHECKING:
    import keras


OTHER_FOLDER = "Use another folder (RUNS=...), or delete this one."


def spell(path: str | Path) -> Path:
    """Return a path with links and ``..`` resolved; a relative path inside the working directory stays relative."""
    typed = os.path.expanduser(path)
    place, here = Path(os.path.realpath(typed)), Path(os.path.realpath("."))
    return place.relative_to(here) if place.is_relative_to(here) and not os.path.isabs(typed) else place


def is_run(folder: Path) -> bool:
    """Return whether a folder is a run directory, finished or not."""
    return (folder / rundir.EXPERIMENT).is_file()


def is_finished(folder: Path) -> bool:
    """Return whether a folder is the directory of a finished run."""
    return is_run(folder) and (folder / rundir.PREDICTIONS).is_file()


def read_history(file: Path) -> pd.DataFrame:
    """Return the epochs in a fold's ``history.csv``; raise `PxrError` if it cannot be read."""
    return files.read_csv(file, ("phase", "loss"), lambda name: name not in ("phase", "origin"))


def read_provenance(folder: Path) -> dict[str, Any]:
    """Return where a run's numbers come from; raise `PxrError` if that cannot be read."""
    provenance = files.read_json(folder / rundir.PROVENANCE, OTHER_FOLDER)
    if not isinstance(provenance, dict):
        raise PxrError(
            f"{folder} has no readable {rundir.PROVENANCE}, so its data and weights are unknown. {OTHER_FOLDER}"
        )
    missing = [
        key for key in ("origin", "weights", "data", "data_digest", "duplicates", "files") if key not in provenance
    ]
    if missing:
        raise PxrError(
            f"{folder} was made by another version of pxr_tf ({rundir.PROVENANCE} has no {missing[0]!r}), so it cannot "
            f"be continued. {OTHER_FOLDER}"
        )
    return provenance


def changed_files(folder: Path) -> list[str]:
    """Return the names of a run directory's tables that were changed or removed after it was prepared."""
    digests = read_provenance(folder)["files"].items()
    return [name for name, digest in digests if not _has_digest(folder / name, digest)]


def _has_digest(file: Path, digest: str) -> bool:
    return file.exists() and files.digest_file(file) == digest


@dataclass(frozen=True)
class RunDirectory:
    """The directory of a prepared run, finished or not."""

    folder: Path  # as `spell` gives it
    cache: Path  # decoded pictures and features

    @property
    def finished(self) -> bool:
        """Whether every fold is trained, and the predictions are there."""
        return is_finished(self.folder)

    @property
    def packed(self) -> bool:
        """Whether this is a bundle, whose files never change."""
        return (self.folder / bundle.ABOUT).is_file()

    @property
    def place(self) -> str:
        """The folder below RUNS, ``<recipe>/<variant>/<scheme>/seed-<n>``: its name in tables, wherever RUNS is."""
        if self.packed:
            return str(bundle.read_about(self.folder)["run"])
        own = self.folder.resolve()
        return "/".join(own.parts[-rundir.depth_of(own) :])

    @cached_property
    def recipe(self) -> Experiment:
        """All settings; raises `PxrError` for a run of another version, or an edited file."""
        try:
            recipe = load_experiment(self.folder / rundir.EXPERIMENT)
            return with_atlas(recipe, str(self.folder / bundle.ATLAS)) if self._carries_atlas else recipe
        except PxrError as error:
            raise PxrError(
                f"Run {str(self.folder)!r} was made by another version of pxr_tf, or was edited: {error}"
            ) from error

    @property
    def _carries_atlas(self) -> bool:
        return self.packed and (self.folder / bundle.ATLAS).exists()

    @cached_property
    def provenance(self) -> Mapping[str, Any]:
        """Where the numbers come from: data, weights, seed, threads, versions; raises `PxrError`."""
        return read_provenance(self.folder)

    @cached_property
    def splits(self) -> pd.DataFrame:
        """Each image's role in each fold: ``image_id, fold, role``."""
        return read_splits(self.folder / rundir.SPLITS)

    @cached_property
    def manifest(self) -> pd.DataFrame:
        """A row per image, with its ``content``."""
        return read_manifest(self.folder / rundir.MANIFEST)

    @cached_property
    def samples(self) -> pd.DataFrame:
        """Every sample of every fold: ``image_id, fold, role, copy``, and ``label`` if labels were permuted."""
        return read_samples(self.folder / rundir.SAMPLES)

    @cached_property
    def folds(self) -> tuple[str, ...]:
        """The folds that test, in order; the hold-out tests nothing."""
        return tuple(fold_names(self.splits))

    @property
    def all_folds(self) -> tuple[str, ...]:
        """The folds that train: those that test, then the hold-out if there is one."""
        return tuple(dict.fromkeys([*self.folds, *self.splits.fold]))

    @property
    def environments(self) -> Mapping[str, list[environment.Environment]]:
        """Name of a fold's folder -> its environments; read at every call, since folds may be training."""
        return environment.read_folds(self.folder)

    @property
    def warnings(self) -> tuple[RunWarning, ...]:
        """The warnings from when the run was prepared, and one if its folds have several environments."""
        file = self.folder / rundir.WARNINGS
        written = files.read_json(file, OTHER_FOLDER) or []
        try:
            found = [RunWarning(what=warning.get("what", ""), text=warning["text"]) for warning in written]
        except (KeyError, TypeError, AttributeError) as error:
            raise PxrError(f"{file} cannot be read: it was edited or damaged. {OTHER_FOLDER}") from error
        mix = environment.describe_mix(self.folder)
        return (*found, *([RunWarning(what="environments", text=mix)] if mix else []))

    @property
    def info(self) -> RunInfo:
        """What tables say about the run."""
        origin = "synthetic" if self.provenance["origin"].startswith("synthetic") else "real"
        return info_of(self.recipe)._replace(origin=origin, warnings=self.warnings)

    @property
    def lung_identity(self) -> str | None:
        """The identity of the lung source that the crop uses; None without a crop."""
        return self.provenance.get("lungs")

    @property
    def preparation(self) -> Preparation:
        """How a file becomes the picture that the models see."""
        return preparation_of(self.recipe.image, self.lung_identity)

    @property
    def task_place(self) -> dict[str, str]:
        """Where a task on the finished run works and logs: arguments of `Task`."""
        return {"run": str(self.folder), "cache": str(self.cache), "logs": str(self.cache / "logs")}

    def changed_files(self) -> list[str]:
        """Return the names of tables that were changed or removed after the run was prepared."""
        return changed_files(self.folder)

    def find_fold(self, asked: str | None) -> str:
        """Return the fold that was asked for (``0`` or ``fold-0``), else the first that tests; raise `PxrError`."""
        known = {rundir.fold_name(fold): fold for fold in self.all_folds}
        if asked is None:
            return self.folds[0]
        if asked not in {*known, *self.all_folds}:
            raise PxrError(
                f"--fold received {asked!r}, which {self.folder} does not have. Known: {', '.join(known)}."
                f"{nearest(asked, known)}"
            )
        return known.get(asked, asked)

    def fold_folder(self, fold: str) -> Path:
        """Return the folder of a fold's files."""
        return self.folder / rundir.fold_name(fold)

    def model_file(self, fold: str) -> Path:
        """Return the path of a fold's model."""
        return rundir.model_file(self.folder, fold)

    def has_model(self, fold: str) -> bool:
        """Return whether a fold has a model file: some learners keep none."""
        return self.model_file(fold).is_file()

    def model_digest(self, fold: str) -> str:
        """Return the digest of a fold's model file; raise `PxrError` if it cannot be read."""
        return rundir.digest_model(self.folder, fold)

    def load_model(self, fold: str) -> "tuple[keras.Model, dict[str, Any]]":
        """Return a fold's model and its card. Loads TensorFlow; raises `PxrError` for a missing or changed file."""
        import_module("pxr_tf.models.keras_settings").fix_keras()  # before anything imports Keras
        return import_module("pxr_tf.models.model_file").load_classifier(self.model_file(fold))  # loads TensorFlow

    def histories(self) -> dict[str, Path]:
        """Return name -> ``history.csv`` of every fold that has epochs, the hold-out last."""
        written = {rundir.fold_name(fold): self.fold_folder(fold) / rundir.HISTORY for fold in self.all_folds}
        return {name: file for name, file in written.items() if file.exists()}

    def losses(self) -> dict[str, str]:
        """Return phase -> what its loss adds to the cross-entropy."""
        return {phase.name: phase.loss_words for phase in self.recipe.phases}

    def chosen_epochs(self, fold: str) -> Mapping[str, int] | None:
        """Return phase -> number of a fold's epochs that count; None for a learner without epochs."""
        written = files.read_json(self.fold_folder(fold) / rundir.EPOCHS)
        return None if written is None else written["epochs"]

    def minutes(self) -> float:
        """Return how many minutes all folds took to train and predict; NaN if that is not known."""
        found = [files.read_json(self.fold_folder(fold) / rundir.TIMING) for fold in self.all_folds]
        known = [timing["seconds"] for timing in found if timing]
        return sum(known) / 60 if known else float("nan")

    def fold_predictions(self, fold: str) -> Path:
        """Return the path of a fold's predictions; the file exists once the fold is trained."""
        return self.fold_folder(fold) / rundir.PREDICTIONS
