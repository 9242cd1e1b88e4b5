"""Networks that the tests of explanations share: every kind that pxr saves, tiny, with random biases and statistics."""

import keras
import numpy as np
from tiny import SIZE, TWO_LAYERS

from pxr_tf.models.classifier import build_classifier, build_on_features
from pxr_tf.models.scratch import build_linear, build_scratch
from pxr_tf.vocabulary.model import Head

PICTURES = np.random.default_rng(0).integers(0, 256, (5, SIZE, SIZE), np.uint8)
TARGETS = np.array([0, 1, 1, 0, 1])


def stirred(model: keras.Model, seed: int = 0) -> keras.Model:
    """Return the model with random biases and BatchNorm statistics, which begin at 0 and 1."""
    generator = np.random.default_rng(seed)
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign(
                generator.uniform(0.05, 0.2, weight.shape) + ("variance" in weight.path or "gamma" in weight.path)
            )
    return model


def transfer(output: str = "softmax", classes: int = 3) -> keras.Model:
    head = Head(hidden_units=(6,), dropout=0.2, output=output)
    return stirred(
        build_classifier(
            TWO_LAYERS, num_classes=classes if output == "softmax" else 2, image_size=SIZE, weights="none", head=head
        )
    )


def scratch(name: str, output: str = "softmax", **sizes) -> keras.Model:
    return stirred(
        build_scratch(name, num_classes=3 if output == "softmax" else 2, image_size=SIZE, output=output, sizes=sizes)
    )


def linear(outputs: int = 3) -> keras.Model:
    generator = np.random.default_rng(1)
    return build_linear(generator.normal(size=(outputs, SIZE * SIZE)) / SIZE, generator.normal(size=outputs), SIZE)


def second_stage() -> keras.Model:
    """Return a head on the last hidden layer of a network that has layers with the same names as the head."""
    return stirred(build_on_features(scratch("small_cnn"), num_classes=3, head=Head(hidden_units=(5,)), seed=3))


ALRELU = {"channels": (2, 3, 4, 4, 5), "hidden_units": (6,)}
LEAKY = {"channels": (2, 3, 4), "hidden_units": (6,)}
NETWORKS = {
    "transfer": transfer,
    "transfer with one output": lambda: transfer("sigmoid"),
    "small_cnn": lambda: scratch("small_cnn", hidden_units=(6,)),
    "alrelu_cnn": lambda: scratch("alrelu_cnn", **ALRELU),
    "leaky_cnn with one output": lambda: scratch("leaky_cnn", "sigmoid", **LEAKY),
    "second stage": second_stage,
    "feed_forward": lambda: scratch("feed_forward", hidden_units=(6, 4)),
    "linear": linear,
    "linear with one output": lambda: linear(1),
}
