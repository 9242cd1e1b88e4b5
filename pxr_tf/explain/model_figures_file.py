"""``inside.npz``: what a fold's model has learned, as arrays. It is read and drawn without TensorFlow."""

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pxr_tf.files import written_whole


class Tiles(NamedTuple):
    """Pictures of one layer: all, or as many as are kept."""

    values: np.ndarray  # float32 [kept, height, width]
    total: int  # how many the layer has


class Maps(NamedTuple):
    """A picture as the model sees it, and its feature maps."""

    picture: np.ndarray  # uint8 [size, size]
    layers: Mapping[str, Tiles]  # name -> feature maps


class ModelFigureData(NamedTuple):
    """The figures of one model, as far as it has them and they were asked for."""

    asked: tuple[str, ...]  # of filters, coefficients, feature_maps
    filters: Tiles | None = None
    coefficients: Mapping[str, np.ndarray] = {}  # class -> float32 [size, size]
    feature_maps: Mapping[str, Maps] = {}  # image id -> feature maps of that image


def write_model_figures(path: Path, figures: ModelFigureData) -> None:
    """Write the file, whole or not at all: a JSON header and numbered arrays."""
    arrays: dict[str, np.ndarray] = {}

    def put(array: np.ndarray) -> str:
        arrays[f"array_{len(arrays)}"] = array
        return f"array_{len(arrays) - 1}"

    def put_tiles(tiles: Tiles) -> dict[str, str | int]:
        return {"values": put(tiles.values), "total": tiles.total}

    header = {
        "asked": list(figures.asked),
        "filters": None if figures.filters is None else put_tiles(figures.filters),
        "coefficients": {name: put(image) for name, image in figures.coefficients.items()},
        "feature_maps": {
            name: {
                "picture": put(maps.picture),
                "layers": {layer: put_tiles(tiles) for layer, tiles in maps.layers.items()},
            }
            for name, maps in figures.feature_maps.items()
        },
    }
    with written_whole(path) as partial, open(partial, "wb") as file:
        np.savez(file, header=np.array(json.dumps(header)), **arrays)


def read_model_figures(path: Path, *, outline: bool = False) -> ModelFigureData | None:
    """Return the figures in a file, with `outline` without their arrays; None if it is missing or damaged."""
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
            nothing = np.empty(0, np.float32)
            return _rebuild(json.loads(str(file["header"])), lambda name: nothing if outline else file[name])
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None


def _rebuild(header: Mapping[str, Any], array: Callable[[str], np.ndarray]) -> ModelFigureData:
    def tiles(entry: Mapping[str, str | int]) -> Tiles:
        return Tiles(array(entry["values"]), entry["total"])

    return ModelFigureData(
        asked=tuple(header["asked"]),
        filters=None if header["filters"] is None else tiles(header["filters"]),
        coefficients={name: array(place) for name, place in header["coefficients"].items()},
        feature_maps={
            name: Maps(array(entry["picture"]), {layer: tiles(part) for layer, part in entry["layers"].items()})
            for name, entry in header["feature_maps"].items()
        },
    )
