"""Experiments as frozen data: `schema` says what they may hold, `load` reads them."""

from pxr_tf.config.load import (
    configs_folder,
    differences,
    dump_experiment,
    load_experiment,
    load_grid,
    parse_experiment,
    parse_override,
    read_values,
)
from pxr_tf.config.schema import Experiment

__all__ = [
    "Experiment",
    "configs_folder",
    "differences",
    "dump_experiment",
    "load_experiment",
    "load_grid",
    "parse_experiment",
    "parse_override",
    "read_values",
]
