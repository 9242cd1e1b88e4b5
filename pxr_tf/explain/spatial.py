"""Layers that have a height and a width: where a class activation map can be taken."""

import keras

from pxr_tf.explain.layer_names import LayerPlaces, choose_layer, spatial_names
from pxr_tf.explain.model_figures import CONVOLUTION_LAYERS


def spatial_layers(model: keras.Model) -> list[str]:
    """Return the names of a model's layers whose output has more than one place, as `spatial_names` does."""
    return spatial_names(_layers_of(model))


def find_layer(model: keras.Model, asked: str | None = None) -> str:
    """Return the layer asked for, or else ``feature_map``, or else the last convolution; raise as `choose_layer`."""
    return choose_layer(model.name, _layers_of(model), asked)


def _layers_of(model: keras.Model) -> list[LayerPlaces]:
    return [LayerPlaces(layer.name, _places(layer), isinstance(layer, CONVOLUTION_LAYERS)) for layer in model.layers]


def _places(layer: keras.layers.Layer) -> int:
    shape = getattr(layer.output, "shape", ())
    return shape[1] * shape[2] if len(shape) == 4 else 0
