"""How an experiment's images are split, as plain options of `data.schemes`."""

from typing import Any

from pxr_tf.config import Experiment
from pxr_tf.data import schemes


def splits_by_image(experiment: Experiment) -> bool:
    """Return whether images are split, whosever they are: asked for, and the scheme offers it."""
    return experiment.splits.unit == "image" and "unit" in schemes.options_of(experiment.splits.scheme)


def scheme_options(experiment: Experiment) -> dict[str, Any]:
    """Return the options of all schemes; each takes those that it names."""
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
