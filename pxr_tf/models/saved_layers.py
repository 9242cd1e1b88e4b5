"""The layers of a model file, read from its configuration without loading TensorFlow."""

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

CONFIG = "config.json"  # in a `.keras` file
# Classes and functions that pass (almost) only values above 0: the rectifiers of `explain.guided`.
RECTIFIERS = ("relu", "relu6", "leaky_relu", "alrelu", "ReLU", "LeakyReLU", "ALReLU")
CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D")  # as in `explain.model_figures`


class SavedLayer(NamedTuple):
    """One layer of a network; a nested model is replaced by its layers."""

    name: str
    kind: str  # its class
    activation: str  # name of its activation; "" if it has none
    shape: tuple[int | None, ...]  # of its output; () if no layer uses it

    @property
    def places(self) -> int:
        """The output's height times width; 0 if it is not a feature map."""
        return (self.shape[1] or 0) * (self.shape[2] or 0) if len(self.shape) == 4 else 0


def read_saved_layers(path: Path) -> list[SavedLayer]:
    """Return the layers of a `.keras` file; none if it is unreadable: loading the model reports why."""
    try:
        with zipfile.ZipFile(path) as archive:
            model = json.loads(archive.read(CONFIG))
        return list(_layers_of(model))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, zipfile.BadZipFile):
        return []


def has_rectifier(layers: Sequence[SavedLayer]) -> bool:
    """Return whether some layer with a feature map is a rectifier, or has a rectifier as its activation.

    A head's ReLU does not count: gradients guided only there pass the convolutions unchanged.
    """
    maps = [layer for layer in layers if layer.places > 1 or not layer.shape]
    return any(name in RECTIFIERS for layer in maps for name in (layer.kind, layer.activation))


def _layers_of(model: Mapping[str, Any]) -> Iterator[SavedLayer]:
    layers = model["config"]["layers"]
    shapes = {name: shape for layer in layers for name, shape in _inputs_of(layer.get("inbound_nodes", []))}
    for layer in layers:
        if "layers" in layer["config"]:
            yield from _layers_of(layer)
        else:
            name = layer["config"]["name"]
            activation = _name_of(layer["config"].get("activation"))
            yield SavedLayer(name, layer["class_name"], activation, shapes.get(name, ()))


def _inputs_of(value: Any) -> Iterator[tuple[str, tuple[int | None, ...]]]:
    """Yield (source layer, shape) of each input tensor of a layer."""
    if isinstance(value, list):
        for item in value:
            yield from _inputs_of(item)
    elif isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        yield value["config"]["keras_history"][0], tuple(value["config"]["shape"])
    elif isinstance(value, dict):
        yield from _inputs_of(list(value.values()))


def _name_of(activation: Any) -> str:
    """Return the name of an activation, which Keras writes as a name, a registered function or a layer."""
    if isinstance(activation, dict):
        config = activation.get("config")
        return config if isinstance(config, str) else str(activation.get("class_name", ""))
    return activation or ""
