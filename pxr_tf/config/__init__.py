"""Experiments as frozen data: `schema` defines their keys and values, `load` reads them."""

from pxr_tf.config.changes import Change, list_changes, recipe_changes
from pxr_tf.config.load import (
    configs_folder,
    dump_experiment,
    load_experiment,
    load_grid,
    parse_experiment,
    parse_override,
    read_values,
)
from pxr_tf.config.schema import Experiment

__all__ = [
    "Change",
    "Experiment",
    "configs_folder",
    "dump_experiment",
    "list_changes",
    "load_experiment",
    "load_grid",
    "parse_experiment",
    "parse_override",
    "read_values",
    "recipe_changes",
]
