"""The classifier: one flat graph from raw grey pixels to class probabilities.

``image`` (uint8 [size, size, 1]) -> ``grey_to_rgb`` -> ``scaling`` -> the backbone's own layers -> ``feature_map``
[h, w, channels] -> ``features`` [channels] (global average pooling) -> ``head`` (a nested model: dropout, fully
connected layers, ``logits``, softmax or sigmoid in float32).

The saved `.keras` file needs nothing of this package to be loaded: no custom layer, no Lambda. Beside the network it
carries a card (`pxr.json` inside the file) with the class names, the image size and how an image is to be prepared.
"""

import json
import zipfile
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import keras

from pxr_tf.errors import PxrError
from pxr_tf.files import written_whole
from pxr_tf.models.backbones import SCALINGS, Backbone, check_library, check_weights
from pxr_tf.models.head import Head

CARD = "pxr.json"
DEFAULT_HEAD = Head()


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
    where the weights cannot be downloaded or belong to another architecture, or where a library is not installed.
    """
    policy = keras.config.dtype_policy()
    keras.utils.clear_session()  # automatic names inside keras.applications then never depend on earlier models
    keras.config.set_dtype_policy(policy)  # which clear_session forgets
    keras.utils.set_random_seed(seed)
    image = keras.Input((image_size, image_size, 1), dtype="uint8", name="image")
    feature_map = _run_backbone(backbone, _scale(image, backbone.scaling), weights)
    feature_map = keras.layers.Activation("linear", name="feature_map")(feature_map)
    features = keras.layers.GlobalAveragePooling2D(name="features")(feature_map)
    outputs = num_classes if head.output == "softmax" else 1
    model = keras.Model(image, build_head(head, features.shape[-1], outputs)(features), name="classifier")
    if batchnorm_momentum is not None:
        for layer in batchnorm_layers(model):
            layer.momentum = batchnorm_momentum
    return model


def build_head(head: Head, num_features: int, num_outputs: int) -> keras.Model:
    """Return the head: [num_features] -> dropout -> fully connected layers (ReLU) -> its output [num_outputs]."""
    inputs = x = keras.Input((num_features,), name="pooled")
    if head.dropout:
        x = keras.layers.Dropout(head.dropout, name="dropout")(x)
    for number, units in enumerate(head.hidden_units, start=1):
        x = keras.layers.Dense(units, activation="relu", name=f"fully_connected_{number}")(x)
    x = keras.layers.Dense(num_outputs, name="logits")(x)
    outputs = keras.layers.Activation(head.output, dtype="float32", name="probabilities")(x)
    return keras.Model(inputs, outputs, name="head")


def feature_extractor(model: keras.Model) -> keras.Model:
    """Return the part of a classifier that a frozen phase never changes: images -> ``features`` [batch, channels]."""
    return keras.Model(model.input, model.get_layer("features").output, name="feature_extractor")


def batchnorm_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the BatchNorm layers of the backbone."""
    return [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]


def save_classifier(model: keras.Model, path: Path, card: Mapping[str, Any]) -> None:
    """Write a `.keras` file without optimizer, and the card inside it, whole or not at all."""
    with written_whole(path) as partial:
        temporary = partial.with_name(partial.name + ".keras")  # Keras insists on the ending
        keras.Model(model.inputs, model.outputs, name=model.name).save(temporary)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(CARD, json.dumps(dict(card), indent=2))
        temporary.replace(partial)


def load_classifier(path: Path) -> tuple[keras.Model, dict[str, Any]]:
    """Return a saved classifier and its card; raise `PxrError` for a file that is not one."""
    try:
        card = read_card(path)
        return keras.models.load_model(path, safe_mode=True), card
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise PxrError(f"{path} is not a classifier saved by pxr: {_first_line(error)}") from error


def read_card(path: Path) -> dict[str, Any]:
    """Return the card of a saved classifier: class names, image size, preparation."""
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read(CARD))


def _scale(image: Any, scaling: str) -> Any:
    """Return the image on three channels, in the backbone's own range."""
    x = keras.layers.Concatenate(name="grey_to_rgb")([image, image, image])
    if SCALINGS[scaling] is None:
        return x
    scale, offset = SCALINGS[scaling]
    return keras.layers.Rescaling(scale, offset, name="scaling")(x)


def load_application(backbone: Backbone) -> Callable[..., keras.Model]:
    """Return the function that builds the backbone; its module is imported now."""
    if callable(backbone.application):
        return backbone.application
    module, _, name = backbone.application.rpartition(":")
    return getattr(import_module(module) if module else keras.applications, name)


def _run_backbone(backbone: Backbone, x: Any, weights: str) -> Any:
    check_library(backbone)
    check_weights(weights)
    build = load_application(backbone)
    try:
        network = build(
            include_top=False, weights="imagenet" if weights == "imagenet" else None, input_tensor=x, **backbone.options
        )
        if weights not in ("imagenet", "none"):
            network.load_weights(weights)
    except Exception as error:  # Keras raises bare Exception for a failed download, many kinds for a wrong file
        raise _explain_weights(error, weights, backbone) from error
    return network.output


def _explain_weights(error: Exception, weights: str, backbone: Backbone) -> Exception:
    if weights == "none":
        return error
    if weights == "imagenet":
        return PxrError(
            f"The ImageNet weights of {backbone.title} cannot be downloaded ({_first_line(error)}). Give a file "
            "(WEIGHTS=path), start from random weights (WEIGHTS=none), or connect to a network."
        )
    return PxrError(
        f"WEIGHTS {weights} do not fit {backbone.title} without its top ({_first_line(error)}). Give weights of this "
        "architecture, saved without the top, or WEIGHTS=none."
    )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:160].rstrip(" .")
