"""How an experiment's images are split, as plain options of `data.schemes`."""

from typing import Any

import pandas as pd

from pxr_tf.config import Experiment
from pxr_tf.data import schemes


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


def split_images(table: pd.DataFrame, experiment: Experiment) -> pd.DataFrame:
    """Return the splits that the experiment asks for; raise `PxrError` if the images do not allow them."""
    return schemes.make_splits(
        table,
        experiment.splits.scheme,
        seed=experiment.seed,
        stops_early=experiment.watches_validation,
        **scheme_options(experiment),
    )
