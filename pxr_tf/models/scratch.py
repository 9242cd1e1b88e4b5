"""The papers' own networks: one flat graph each, from raw grey pixels to class probabilities, with random weights.

``image`` (uint8 [size, size, 1]) -> ``scaling`` (to -1 … 1) -> the network's layers -> ``logits`` -> ``probabilities``
in float32. The output of the last convolution, if any, is called ``feature_map``. A linear classifier is such a network
too, so that it is saved, loaded and explained like any other.
"""

from collections.abc import Mapping, Sequence

import keras
import numpy as np
from keras import KerasTensor, layers

from pxr_tf.models.backbones import GREY, SCALINGS
from pxr_tf.models.classifier import activate, begin_network, end_network, scale_grey
from pxr_tf.models.layers import ALReLU
from pxr_tf.models.networks import all_sizes, check_kernels, find_network
from pxr_tf.vocabulary.model import Output, Size

FEATURE_MAP = "feature_map"


def build_scratch(
    name: str,
    *,
    num_classes: int,
    image_size: int,
    output: Output = "softmax",
    sizes: Mapping[str, Size] | None = None,
    seed: int = 0,
) -> keras.Model:
    """Return the uncompiled network; the same arguments give the same initial weights in every process.

    `sizes` replaces the network's own (`networks.NETWORKS`). Raises `PxrError` for an unknown name or size, and
    for kernels that are too large for the image.
    """
    build, sizes = find_network(name).build, all_sizes(name, sizes or {})
    check_kernels(name, sizes.get("kernel_sizes", ()), image_size)
    build = globals()[build] if isinstance(build, str) else build
    begin_network(seed)
    image = keras.Input((image_size, image_size, 1), dtype="uint8", name="image")
    x = build(scale_grey(image), **sizes)
    return keras.Model(image, end_network(x, num_classes, output), name=name)


def build_feed_forward(x: KerasTensor, *, hidden_units: Sequence[int]) -> KerasTensor:
    """Return chen2021's fully connected layers with ReLU."""
    return _fully_connected(layers.Flatten(name="flatten")(x), hidden_units, "relu")


def build_small_cnn(
    x: KerasTensor, *, channels: Sequence[int], kernel_sizes: Sequence[int], hidden_units: Sequence[int]
) -> KerasTensor:
    """Return chen2021's unpadded convolutions and pooling: 127,008 = 8 * 126 * 126 values at 256 pixels."""
    names = [*(f"convolution_{number}" for number in range(1, len(channels))), FEATURE_MAP]
    for name, count, size in zip(names, channels, kernel_sizes, strict=True):
        x = layers.Conv2D(count, size, activation="relu", name=name)(x)
    x = layers.MaxPooling2D(name="pooling")(x)
    return _fully_connected(layers.Flatten(name="flatten")(x), hidden_units, "relu")


def build_alrelu_cnn(
    x: KerasTensor,
    *,
    channels: Sequence[int],
    kernel_sizes: Sequence[int],
    dropout: Sequence[float],
    hidden_units: Sequence[int],
    negative_slope: float,
    batchnorm_momentum: float,
) -> KerasTensor:
    """Return chen2021's own architecture, whose activation is the absolute leaky ReLU (`layers.ALReLU`)."""
    *of_blocks, after_pooling, before_output = dropout
    for number, (count, size, rate) in enumerate(zip(channels, kernel_sizes, of_blocks, strict=True), start=1):
        x = layers.Conv2D(count, size, padding="same", name=f"convolution_{number}")(x)
        x = layers.MaxPooling2D(name=f"pooling_{number}")(x)
        x = layers.BatchNormalization(momentum=batchnorm_momentum, name=f"normalization_{number}")(x)
        x = layers.Dropout(rate, name=f"dropout_{number}")(x)
        x = ALReLU(negative_slope, name=FEATURE_MAP if number == len(channels) else f"activation_{number}")(x)
    x = layers.GlobalAveragePooling2D(name="features")(x)
    x = ALReLU(negative_slope, name="activation_features")(x)
    x = layers.BatchNormalization(momentum=batchnorm_momentum, name="normalization_features")(x)
    x = layers.Dropout(after_pooling, name="dropout_features")(x)
    (units,) = hidden_units
    x = layers.Dense(units, name="fully_connected_1")(x)
    x = ALReLU(negative_slope, name="activation_fully_connected")(x)
    x = layers.LayerNormalization(name="normalization_fully_connected")(x)
    return layers.Dropout(before_output, name="dropout_fully_connected")(x)


def build_leaky_cnn(
    x: KerasTensor,
    *,
    channels: Sequence[int],
    kernel_sizes: Sequence[int],
    dropout: Sequence[float],
    hidden_units: Sequence[int],
    negative_slope: float,
) -> KerasTensor:
    """Return novokshanov2022's blocks of convolution, leaky ReLU, max-pooling and dropout; fully connected layers."""
    for number, (count, size, rate) in enumerate(zip(channels, kernel_sizes, dropout, strict=True), start=1):
        x = layers.Conv2D(count, size, padding="same", name=f"convolution_{number}")(x)
        last = number == len(channels)
        x = layers.LeakyReLU(negative_slope, name=FEATURE_MAP if last else f"activation_{number}")(x)
        x = layers.MaxPooling2D(name=f"pooling_{number}")(x)
        x = layers.Dropout(rate, name=f"dropout_{number}")(x)
    x = layers.Flatten(name="flatten")(x)
    for number, units in enumerate(hidden_units, start=1):
        x = layers.Dense(units, name=f"fully_connected_{number}")(x)
        x = layers.LeakyReLU(negative_slope, name=f"activation_fully_connected_{number}")(x)
    return x


def scale_pixels(pixels: np.ndarray) -> np.ndarray:
    """Return uint8 pictures as float32 between -1 and 1, as the saved model scales them."""
    scale, offset = SCALINGS[GREY]
    return pixels * np.float32(scale) + np.float32(offset)


def build_linear(coefficients: np.ndarray, intercepts: np.ndarray, image_size: int) -> keras.Model:
    """Return ``image`` -> ``scaling`` -> ``flatten`` -> ``logits`` -> ``probabilities``.

    `coefficients` is float [outputs, image_size * image_size], `intercepts` float [outputs]. A single output is the
    probability of the second of two classes.
    """
    image = keras.Input((image_size, image_size, 1), dtype="uint8", name="image")
    x = layers.Flatten(name="flatten")(scale_grey(image))
    dense = layers.Dense(len(intercepts), name="logits")
    outputs = activate(dense(x), "sigmoid" if len(intercepts) == 1 else "softmax")
    dense.set_weights([coefficients.T, intercepts])
    return keras.Model(image, outputs, name="linear")


def _fully_connected(x: KerasTensor, hidden_units: Sequence[int], activation: str) -> KerasTensor:
    for number, units in enumerate(hidden_units, start=1):
        x = layers.Dense(units, activation=activation, name=f"fully_connected_{number}")(x)
    return x
