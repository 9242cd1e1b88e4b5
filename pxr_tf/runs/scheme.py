"""How an experiment's images are split: the plain options of `data.schemes`, and the command that splits so."""

import shlex
from collections.abc import Mapping
from typing import Any

import pandas as pd

from pxr_tf.config import Experiment
from pxr_tf.data import schemes
from pxr_tf.data.splits import FOLDS


def splits_by_image(experiment: Experiment) -> bool:
    """Return whether images are split, not patients: the recipe asks for it, and the scheme allows it."""
    return experiment.splits.unit == "image" and "unit" in schemes.options_of(experiment.splits.scheme)


def scheme_options(experiment: Experiment) -> dict[str, Any]:
    """Return the options of all schemes; each scheme takes only its own."""
    chosen = experiment.splits
    return {
        "folds": chosen.folds,
        "holdout_fraction": chosen.holdout_fraction if experiment.chooses_epochs else None,
        "nested_fraction": chosen.nested_fraction if chosen.nested else None,
        "validation": chosen.validation,
        "test": chosen.test,
        "unit": chosen.unit,
        **chosen.options,
    }


def make_command(experiment: Experiment, variables: Mapping[str, object]) -> str:
    """Return the command that trains an experiment, ``make cv CONFIG=…``, without variables that have no value."""
    words = shlex.join(f"{name}={value}" for name, value in variables.items() if str(value))
    return f"make {'cv' if experiment.splits.scheme == FOLDS else 'train'} {words}"


def split_images(table: pd.DataFrame, experiment: Experiment) -> pd.DataFrame:
    """Return the splits that the experiment asks for; raise `PxrError` if the images do not allow them."""
    return schemes.make_splits(
        table,
        experiment.splits.scheme,
        seed=experiment.seed,
        stops_early=experiment.watches_validation,
        **scheme_options(experiment),
    )
