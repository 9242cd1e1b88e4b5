"""Check a run directory before work continues in it: its recipe, images, weights and tables."""

from pathlib import Path

import pandas as pd

from pxr_tf import rundir
from pxr_tf.config import Experiment, list_changes, load_experiment, recipe_changes
from pxr_tf.config.changes import RecipeChanges
from pxr_tf.data import manifest, permuted, samples, schemes, splits
from pxr_tf.errors import PxrError, shorten
from pxr_tf.experiments import weights
from pxr_tf.pictures.gather import Gathered
from pxr_tf.runs.directory import OTHER_FOLDER, changed_files, read_provenance
from pxr_tf.runs.scheme import scheme_options

MAX_CHANGES = 4  # changes of a recipe that a message names


def check_unused(folder: Path) -> None:
    """Raise `PxrError` if a folder without an experiment holds results: how they were made is unknown."""
    results = sorted(folder.glob(f"**/{rundir.PREDICTIONS}"))
    if results:
        raise PxrError(
            f"{folder} holds results ({results[0].relative_to(folder)}) but no {rundir.EXPERIMENT}, so how they were "
            f"made is unknown. {OTHER_FOLDER}"
        )


def check_same_recipe(folder: Path, experiment: Experiment) -> None:
    """Raise `PxrError` if a run directory was made with another recipe; moved files are compared later."""
    before = _recipe_of(folder)
    found = recipe_changes(before, experiment)
    moved = {"model.weights"} | (set() if before.image.crop == "none" else {"image.atlas", "image.masks"})
    _refuse(folder, _words({key: pair for key, pair in found.items() if key not in moved}, before, experiment))


def check_same_experiment(folder: Path, experiment: Experiment, images: Gathered) -> None:
    """Raise `PxrError` if a run directory was made with another recipe, other images or other weights."""
    before, provenance = _recipe_of(folder), read_provenance(folder)
    found = recipe_changes(before, experiment)
    identity = weights.identity(experiment)
    if identity == provenance["weights"]:
        found.pop("model.weights", None)  # a weights file may have moved
    lungs = images.lungs.identity if images.lungs else None
    if lungs is not None and before.image.crop != "none":  # the content of an atlas counts, not its path
        found = {key: value for key, value in found.items() if key not in ("image.atlas", "image.masks")}
        if lungs != provenance.get("lungs"):
            found["lungs"] = (provenance.get("lungs", "unknown"), lungs)
    words = _words(found, before, experiment)
    if not words and identity not in (None, provenance["weights"]):  # None: not downloaded yet
        words.append(f"model.weights: {experiment.model.weights} now has different content")
    if provenance["data_digest"] != images.identity:
        words.append(f"images: {', '.join(provenance['data'])} -> other images")
    _refuse(folder, words)


def _recipe_of(folder: Path) -> Experiment:
    try:
        return load_experiment(folder / rundir.EXPERIMENT)
    except PxrError as error:
        raise PxrError(
            f"{folder} was made by another version of pxr_tf, or {rundir.EXPERIMENT} was changed by hand, so it cannot "
            f"be continued. {error} {OTHER_FOLDER}"
        ) from error


def _words(found: RecipeChanges, before: Experiment, now: Experiment) -> list[str]:
    """Return the differences in words. ``show`` is left out: it affects no number and may change at any time."""
    counted = {key: pair for key, pair in found.items() if key != "show"}
    return [str(change) for change in list_changes(counted, before, now)]


def _refuse(folder: Path, words: list[str]) -> None:
    if words:
        raise PxrError(f"{folder} was made with another recipe: {shorten(words, MAX_CHANGES, '; ')}. {OTHER_FOLDER}")


def read_tables(folder: Path, experiment: Experiment, *, tests: bool = True) -> pd.DataFrame:
    """Return the run's splits; raise `PxrError` if tables are unreadable, unfit or leak. `tests` is false in tuning."""
    table = manifest.read_manifest(folder / rundir.MANIFEST)
    split = splits.read_splits(folder / rundir.SPLITS)
    planned = samples.read_samples(folder / rundir.SAMPLES)
    options = scheme_options(experiment)
    scheme, watches = experiment.splits.scheme, experiment.watches_validation
    schemes.check_again(table, split, scheme, stops_early=watches, tests=tests, **options)
    samples.check_samples(planned, split)
    if samples.LABEL in planned:
        permuted.check_labels(planned, table)
    for name in changed_files(folder):
        raise PxrError(f"{folder / name} was changed or removed after the run was prepared. Delete {folder}.")
    return split
