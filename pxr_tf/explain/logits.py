"""Prepare a saved classifier for explanations: a flat graph that ends in logits, and its layers with feature maps."""

import keras

from pxr_tf.errors import PxrError
from pxr_tf.explain.layer_names import LayerPlaces, choose_layer, spatial_names
from pxr_tf.explain.model_figures import CONVOLUTION_LAYERS
from pxr_tf.models.classifier import has_layer, pooled_features
from pxr_tf.models.layers import copy_layer, run_copies

HEAD, LOGITS = "head", "logits"


def open_logits(model: keras.Model) -> keras.Model:
    """Return a copy of a classifier that ends in its logits: float32 [b, s, s, 1], grey levels -> float32 [b, classes].

    The head's layers are in the same graph as all others, without softmax or sigmoid: a softmax's gradient vanishes if
    the network is sure, and it mixes in evidence against the other classes. One sigmoid output z becomes the columns
    (-z, z), the log-odds of the two classes: probabilities are the sigmoid of each column, not the softmax of both.

    The pixels are float32 (0 to 255, as in the pictures), because uint8 has no gradient. All layers are copies with the
    precision of the originals; `model` does not change and may be deleted. If another layer has the name of a layer of
    the head, the head's layer becomes ``head_<name>``. Raises `PxrError` for a model without a layer ``logits``.
    """
    source = model.get_layer(HEAD) if has_layer(model, HEAD) else model
    if not has_layer(source, LOGITS):
        raise PxrError(
            f"The model {model.name} has no layer 'logits', so it cannot be explained. Give a model that pxr trained."
        )
    image = x = keras.Input(model.inputs[0].shape[1:], dtype="float32", name="image")
    if source is not model:
        trunk = keras.Model(model.inputs[0], pooled_features(model))
        taken = {layer.name for layer in trunk.layers}
        x = run_copies(trunk, x)
    else:
        taken = set()
    until_logits = keras.Model(source.inputs[0], source.get_layer(LOGITS).output)
    x = run_copies(until_logits, x, lambda layer: _copy_under_free_name(layer, taken))
    return keras.Model(image, _both_columns(x), name=model.name)


def _copy_under_free_name(layer: keras.layers.Layer, taken: set[str]) -> keras.layers.Layer:
    """Return a copy of a layer, renamed if stage one's network and the new head both use its name."""
    if layer.name not in taken:
        return copy_layer(layer)
    return type(layer).from_config({**layer.get_config(), "name": f"{HEAD}_{layer.name}"})


def _both_columns(z: keras.KerasTensor) -> keras.KerasTensor:
    """Return one column per class, in float32 whatever the network's precision."""
    if z.shape[-1] > 1:
        return z if z.dtype == "float32" else keras.layers.Activation("linear", dtype="float32", name="log_odds")(z)
    first = keras.layers.Rescaling(-1.0, dtype="float32", name="first_class")(z)
    second = keras.layers.Rescaling(1.0, dtype="float32", name="second_class")(z)
    return keras.layers.Concatenate(dtype="float32", name="log_odds")([first, second])


def spatial_layers(model: keras.Model) -> list[str]:
    """Return the names of a model's layers whose output has more than one position, as `spatial_names` does."""
    return spatial_names(_layers_of(model))


def find_layer(model: keras.Model, asked: str | None = None, *, at_convolution: bool = False) -> str:
    """Return the layer `asked`, by default ``feature_map`` or the last convolution; raise as `choose_layer` does."""
    return choose_layer(model.name, _layers_of(model), asked, at_convolution=at_convolution)


def _layers_of(model: keras.Model) -> list[LayerPlaces]:
    return [LayerPlaces(layer.name, _places(layer), isinstance(layer, CONVOLUTION_LAYERS)) for layer in model.layers]


def _places(layer: keras.layers.Layer) -> int:
    shape = getattr(layer.output, "shape", ())
    return shape[1] * shape[2] if len(shape) == 4 else 0
