"""Phantoms in place of data that were not given: what of a recipe cannot hold for them, and what is said of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pxr_tf.commands.comma_lists import split_paths

if TYPE_CHECKING:
    from pxr_tf.config import Experiment

PHANTOM_VALIDATION = 0.15  # in place of a number of images: 800, as one paper says, are more than there are phantoms


def validates_number(experiment: "Experiment") -> bool:
    """Return whether a number of images validates, not a share of them."""
    from pxr_tf.data.schemes import options_of

    splits = experiment.splits
    return isinstance(splits.validation, int) and "validation" in options_of(splits.scheme)


def phantom_words(experiments: "Sequence[tuple[Experiment, Experiment]]") -> str:
    """Return what is said where no data are given; `experiments`: each one beside its recipe as it stands."""
    said = "No DATA given: using synthetic chest X-rays (phantoms). All figures are about these, not patients."
    for experiment, recipe in experiments:
        if validates_number(recipe) and experiment.splits.validation == PHANTOM_VALIDATION:
            share = f"{100 * PHANTOM_VALIDATION:g} %"
            return f"{said} {share} of them validate, as the recipe's {recipe.splits.validation} images are too many."
    return said


def find_data(data: str | None, runs: Path, *, official: bool = False) -> tuple[str, ...]:
    """Return the data sets: those given, or else phantoms, which are drawn once.

    With `official`, only the phantoms that have an official test part.
    """
    if data is not None:
        return tuple(split_paths(data))
    from pxr_tf.phantoms.sets import default_phantoms

    folders = default_phantoms(runs / "cache")
    return tuple(str(path) for path in folders[: 1 if official else None])
