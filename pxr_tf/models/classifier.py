"""The classifier: one flat graph from raw grey pixels to class probabilities.

``image`` (uint8 [size, size, 1]) -> ``grey_to_rgb`` -> ``scaling`` -> the backbone's own layers -> ``feature_map``
[h, w, channels] -> ``features`` [channels] (global average pooling) -> ``head`` (a nested model: dropout, fully
connected layers, ``logits``, softmax or sigmoid in float32).
"""

from collections.abc import Callable
from importlib import import_module

import keras
import numpy as np
from keras import KerasTensor

from pxr_tf.errors import PxrError
from pxr_tf.models.backbones import GREY, SCALINGS, Backbone, check_library, check_weights
from pxr_tf.models.layers import all_layers
from pxr_tf.models.model_file import first_line
from pxr_tf.vocabulary.model import Head, OnFeatures, Output

DEFAULT_HEAD = Head()
FULL_BATCH = 64  # pictures in every batch: see `predict_pictures`
POOLED = "features"  # the layer of the pooled feature map


def build_classifier(
    backbone: Backbone,
    *,
    num_classes: int,
    image_size: int,
    weights: str,
    head: Head = DEFAULT_HEAD,
    batchnorm_momentum: float | None = None,
    seed: int = 0,
) -> keras.Model:
    """Return the uncompiled classifier; the same arguments give the same initial weights in every process.

    `weights` is ``imagenet`` (downloaded), ``none`` (random) or the path of a weights file of this backbone
    without its top. `batchnorm_momentum` replaces the momentum of the backbone's BatchNorm layers. Raises `PxrError`
    if the weights cannot be downloaded or belong to another architecture, or if a library is not installed.
    """
    begin_network(seed)
    image = keras.Input((image_size, image_size, 1), dtype="uint8", name="image")
    feature_map = _run_backbone(backbone, _scale(image, backbone.scaling), weights)
    feature_map = keras.layers.Activation("linear", name="feature_map")(feature_map)
    features = keras.layers.GlobalAveragePooling2D(name=POOLED)(feature_map)
    model = keras.Model(image, build_head(head, features.shape[-1], num_classes)(features), name="classifier")
    if batchnorm_momentum is not None:
        for layer in batchnorm_layers(model):
            layer.momentum = batchnorm_momentum
    return model


def begin_network(seed: int) -> None:
    """Make the next network's initial weights and Keras's automatic layer names depend only on the seed."""
    policy = keras.config.dtype_policy()
    keras.utils.clear_session()  # else names inside keras.applications would depend on earlier models
    keras.config.set_dtype_policy(policy)  # clear_session resets it
    keras.utils.set_random_seed(seed)


def scale_grey(image: KerasTensor) -> KerasTensor:
    """Return the grey image scaled to -1 … 1, for the papers' own networks and the linear model."""
    return keras.layers.Rescaling(*SCALINGS[GREY], name="scaling")(image)


def end_network(x: KerasTensor, num_classes: int, output: Output) -> KerasTensor:
    """Return a network's probabilities from its last hidden layer `x`: adds ``logits`` and ``probabilities``."""
    return activate(keras.layers.Dense(num_classes if output == "softmax" else 1, name="logits")(x), output)


def activate(logits: KerasTensor, output: Output) -> KerasTensor:
    """Return the probabilities, in float32 at any precision."""
    return keras.layers.Activation(output, dtype="float32", name="probabilities")(logits)


def build_head(head: Head | OnFeatures, num_features: int, num_classes: int) -> keras.Model:
    """Return the head: [num_features] -> dense layers -> output; dropout is first, or on features after each layer."""
    if isinstance(head, OnFeatures):
        before, after, activation = 0.0, head.dropout, head.activation
    else:
        before, after, activation = head.dropout, (), "relu"
    inputs = x = keras.Input((num_features,), name="pooled")
    if before:
        x = keras.layers.Dropout(before, name="dropout")(x)
    for number, units in enumerate(head.hidden_units, start=1):
        x = keras.layers.Dense(units, activation=activation, name=f"fully_connected_{number}")(x)
        if after:
            x = keras.layers.Dropout(after[number - 1], name=f"dropout_{number}")(x)
    return keras.Model(inputs, end_network(x, num_classes, head.output), name="head")


def build_on_features(model: keras.Model, *, num_classes: int, head: Head | OnFeatures, seed: int) -> keras.Model:
    """Return a classifier that shares another's layers up to the features; the seed initialises its new head."""
    keras.utils.set_random_seed(seed)
    features = pooled_features(model)
    if not has_layer(model, POOLED):
        features = keras.layers.Activation("linear", name=POOLED)(features)
    outputs = build_head(head, features.shape[-1], num_classes)(features)
    return keras.Model(model.input, outputs, name="classifier")


def predict_pictures(
    model: keras.Model, pixels: np.ndarray, rows: np.ndarray, *, mirror: bool = False, batch: int = FULL_BATCH
) -> np.ndarray:
    """Return float32 [rows, outputs] for these rows of `pixels`, averaged over mirror images too if `mirror`.

    The last batch is padded with its last picture, as for features: for a single picture, the output of ResNet50,
    DenseNet121 and NASNet differs slightly (by up to 2e-7 on two cores). A smaller `batch` is for those who wait for
    a single picture: 64 take thirty times as long.
    """
    results = []
    for numbers in np.pad(rows, (0, -len(rows) % batch), "edge").reshape(-1, batch):
        shown = pixels[numbers][..., None]
        result = np.asarray(model.predict_on_batch(shown))
        if mirror:
            result = (result + np.asarray(model.predict_on_batch(np.ascontiguousarray(shown[:, :, ::-1])))) / 2
        results.append(result)
    return np.concatenate(results)[: len(rows)]


def both_columns(probabilities: np.ndarray) -> np.ndarray:
    """Return float32 [rows, classes]; a sigmoid's single column is the second class's probability."""
    return np.hstack([1 - probabilities, probabilities]) if probabilities.shape[1] == 1 else probabilities


def feature_extractor(model: keras.Model) -> keras.Model:
    """Return the part of a classifier before its head: images -> `pooled_features` [batch, channels]."""
    return keras.Model(model.input, pooled_features(model), name="feature_extractor")


def pooled_features(model: keras.Model) -> KerasTensor:
    """Return a classifier's features [batch, channels]: the layer ``features``, or the input of ``logits``.

    ``features`` is the pooled feature map; every backbone has it, and some of the papers' own networks. The others have
    fully connected layers after the last convolution; the last of these gives the most compact description.
    """
    return model.get_layer(POOLED).output if has_layer(model, POOLED) else model.get_layer("logits").input


def feature_source(model: keras.Model) -> str:
    """Return where a classifier's features come from, for the record: ``features``, or ``input of logits``."""
    return POOLED if has_layer(model, POOLED) else "input of logits"


def has_layer(model: keras.Model, name: str) -> bool:
    """Return whether a model has a layer with this name; nested models do not count."""
    return any(layer.name == name for layer in model.layers)


def batchnorm_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the BatchNorm layers of a model and its nested models."""
    return [layer for layer in all_layers(model) if isinstance(layer, keras.layers.BatchNormalization)]


def _scale(image: KerasTensor, scaling: str) -> KerasTensor:
    """Return the image on three channels, in the backbone's own range."""
    x = keras.layers.Concatenate(name="grey_to_rgb")([image, image, image])
    if SCALINGS[scaling] is None:
        return x
    scale, offset = SCALINGS[scaling]
    return keras.layers.Rescaling(scale, offset, name="scaling")(x)


def load_application(backbone: Backbone) -> Callable[..., keras.Model]:
    """Import the backbone's module and return the function that builds it."""
    if callable(backbone.application):
        return backbone.application
    module, _, name = backbone.application.rpartition(":")
    return getattr(import_module(module) if module else keras.applications, name)


def _run_backbone(backbone: Backbone, x: KerasTensor, weights: str) -> KerasTensor:
    check_library(backbone)
    check_weights(weights)
    build = load_application(backbone)
    try:
        network = build(
            include_top=False, weights="imagenet" if weights == "imagenet" else None, input_tensor=x, **backbone.options
        )
        if weights not in ("imagenet", "none"):
            network.load_weights(weights)
    except Exception as error:  # Keras raises bare Exception for a failed download, various exceptions for a wrong file
        raise _explain_weights(error, weights, backbone) from error
    return network.output


def _explain_weights(error: Exception, weights: str, backbone: Backbone) -> Exception:
    if weights == "none":
        return error
    if weights == "imagenet":
        return PxrError(
            f"The ImageNet weights of {backbone.title} cannot be downloaded ({first_line(error)}). Give a file "
            "(WEIGHTS=path), start from random weights (WEIGHTS=none), or connect to a network."
        )
    return PxrError(
        f"WEIGHTS {weights} do not fit {backbone.title} without its top ({first_line(error)}). Give weights of this "
        "architecture, saved without the top, or WEIGHTS=none."
    )
