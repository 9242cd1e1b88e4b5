"""A linear classifier as a network of one layer, so that it is saved, loaded and explained as any other."""

import keras
import numpy as np
from keras import layers

from pxr_tf.models.backbones import GREY, SCALINGS
from pxr_tf.models.classifier import activate, scale_grey


def scale_pixels(pixels: np.ndarray) -> np.ndarray:
    """Return uint8 pictures as float32 between -1 and 1, as the saved model scales them."""
    scale, offset = SCALINGS[GREY]
    return pixels * np.float32(scale) + np.float32(offset)


def build_linear(coefficients: np.ndarray, intercepts: np.ndarray, image_size: int) -> keras.Model:
    """Return ``image`` -> ``scaling`` -> ``flatten`` -> ``logits`` -> ``probabilities``.

    `coefficients` is float [outputs, image_size * image_size], `intercepts` float [outputs]. One output means two
    classes: it is the second one's probability.
    """
    image = keras.Input((image_size, image_size, 1), dtype="uint8", name="image")
    x = layers.Flatten(name="flatten")(scale_grey(image))
    dense = layers.Dense(len(intercepts), name="logits")
    outputs = activate(dense(x), "sigmoid" if len(intercepts) == 1 else "softmax")
    dense.set_weights([coefficients.T, intercepts])
    return keras.Model(image, outputs, name="linear")
