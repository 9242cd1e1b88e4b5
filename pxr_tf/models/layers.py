"""Layers that Keras lacks. Import this module before loading a model file that holds one of them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import keras
import numpy as np


class LayerCopy(Protocol):
    """What `run_copies` needs of a layer's copy."""

    def __call__(self, inputs: keras.KerasTensor) -> keras.KerasTensor: ...

    def set_weights(self, weights: Sequence[np.ndarray]) -> None: ...


@keras.saving.register_keras_serializable(package="pxr_tf")
def alrelu(x: keras.KerasTensor, negative_slope: float = 0.01) -> keras.KerasTensor:
    """Return the absolute leaky ReLU of a tensor: x where x > 0, |slope * x| elsewhere; derivatives 1 and -slope.

    Chen, Pan, Qin, "Classifying Pneumonia from X-ray Images": alpha = 0.01. Below 0, |slope * x| is -slope * x, so it
    is a leaky ReLU of negative slope, for which TensorFlow has one fused operation; at 0 its derivative is -slope, as
    in the paper.
    """
    return keras.ops.leaky_relu(x, negative_slope=-negative_slope)


@keras.saving.register_keras_serializable(package="pxr_tf")
class ALReLU(keras.layers.Layer):
    """`alrelu` as a layer; it keeps the shape."""

    def __init__(self, negative_slope: float = 0.01, **options: Any) -> None:
        super().__init__(**options)
        self.negative_slope = negative_slope
        self.supports_masking = True

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return alrelu(inputs, self.negative_slope)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "negative_slope": self.negative_slope}


def custom_layers(model: keras.Model) -> list[str]:
    """Return the registered names of a model's layers that Keras lacks, each once."""
    names = (keras.saving.get_registered_name(type(layer)) for layer in all_layers(model))
    return sorted({name for name in names if name.startswith("pxr_tf>")})


def all_layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Yield the layers of a model and its nested models."""
    for layer in model.layers:
        yield from all_layers(layer) if isinstance(layer, keras.Model) else (layer,)


def copy_layer(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Return a new layer with the same configuration and name, still without weights."""
    return type(layer).from_config(layer.get_config())


def run_copies(
    network: keras.Model, x: keras.KerasTensor, copy: Callable[[keras.layers.Layer], LayerCopy] = copy_layer
) -> keras.KerasTensor:
    """Return the output of a one-input network for `x`, through copies of its layers with equal names and weights.

    The original layers would keep their first input as well, and `layer.output` would raise an error.
    """
    tensors = {id(network.inputs[0]): x}
    for layer in network.layers[1:]:  # in topological order; the first is the input
        copied = copy(layer)
        inputs = keras.tree.map_structure(lambda tensor: tensors[id(tensor)], layer.input)
        tensors[id(layer.output)] = copied(inputs)
        copied.set_weights(layer.get_weights())
    return tensors[id(network.outputs[0])]
