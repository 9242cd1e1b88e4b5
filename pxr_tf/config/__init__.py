"""Experiments as frozen data: `schema` says what they may hold, `load` reads them."""

from pxr_tf.config.changes import describe_changes, recipe_changes
from pxr_tf.config.load import (
    configs_folder,
    dump_experiment,
    load_experiment,
    load_grid,
    parse_experiment,
    parse_override,
    read_values,
)
from pxr_tf.config.schema import Experiment, Phase

__all__ = [
    "Experiment",
    "Phase",
    "configs_folder",
    "describe_changes",
    "dump_experiment",
    "load_experiment",
    "load_grid",
    "parse_experiment",
    "parse_override",
    "read_values",
    "recipe_changes",
]
