"""Checkpoints, from which a killed fold resumes: all variables of network and optimizer, and the position."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pxr_tf.files import written_whole


def save_checkpoint(path: Path, state: Mapping[str, Any], arrays: Mapping[str, Sequence[np.ndarray]]) -> None:
    """Write a checkpoint, whole or not at all: `state` as JSON and named lists of arrays."""
    flat = {
        f"{name}/{number}": np.asarray(array) for name, group in arrays.items() for number, array in enumerate(group)
    }
    with written_whole(path) as partial, open(partial, "wb") as file:
        np.savez(file, state=np.array(json.dumps(state)), **flat)


def load_checkpoint(path: Path) -> tuple[dict[str, Any], dict[str, list[np.ndarray]]] | None:
    """Return (state, arrays) of a checkpoint, or None if it is missing or damaged."""
    try:
        with open(path, "rb") as stream, np.load(stream) as file:
            arrays: dict[str, list[np.ndarray]] = {}
            for name in file.files:
                if name != "state":
                    arrays.setdefault(name.rpartition("/")[0], []).append(file[name])
            return json.loads(str(file["state"])), arrays
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def read_variables(variables: Sequence[keras.Variable]) -> list[np.ndarray]:
    """Return the values of Keras variables."""
    return [np.asarray(variable) for variable in variables]


def assign_variables(variables: Sequence[keras.Variable], values: Sequence[np.ndarray]) -> None:
    """Set Keras variables; `values` come from `read_variables` of the same network."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
