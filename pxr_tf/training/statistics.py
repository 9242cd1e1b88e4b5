"""Measure BatchNorm's statistics: before training if the weights have none, or after training.

Before: in some published weights BatchNorm is folded into the preceding convolutions and only adds its beta.
Batch statistics would then normalise what was never normalised: the first step in training mode destroys the network.

After: moving averages include dropout, predictions do not. Dropout scales what it keeps, so later layers see more
variance in training than in prediction (Li et al., "Understanding the Disharmony between Dropout and Batch
Normalization by Variance Shift", CVPR 2019). In chen2021's own architecture dropout is between BatchNorm and
its activation in every block. After two epochs at 128 pixels, moving averages gave an accuracy of 65.7 % on
validation images, measured statistics 72.4 %.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import keras
import numpy as np

from pxr_tf.errors import PxrError
from pxr_tf.models.classifier import batchnorm_layers
from pxr_tf.models.layers import all_layers
from pxr_tf.pictures.inputs import Load
from pxr_tf.pictures.stream import epoch_order

BATCH, BATCHES = 64, 16  # 1,024 pictures: the mean of each channel is then known to 3 % of its spread, or better


def measure_batchnorm(model: keras.Model, load: Load, num_samples: int, *, seed: int) -> None:
    """Replace the moving averages of trainable BatchNorm layers by averages over training pictures without dropout.

    Each is the mean over batches of the batches' means and variances, as in training. `load` gives the pictures of
    sample numbers (`Inputs.load`); the seed chooses up to 1,024 of `num_samples`.
    """
    normalizations = batchnorm_layers(model)
    dropouts = [layer for layer in all_layers(model) if isinstance(layer, keras.layers.Dropout)]
    with _restoring(dropouts, "rate"), _restoring(normalizations, "momentum"):
        for layer in dropouts:
            layer.rate = 0.0
        for number, index in enumerate(_batches(num_samples, seed)):
            for layer in normalizations:
                layer.momentum = number / (number + 1)  # so the moving average becomes the mean over all batches
            model(load(index, 0), training=True)


def folded_layers(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """Return the folded BatchNorm layers, which only add their beta.

    Their moving mean is 0, their gamma 1, their moving variance 1 - epsilon. A layer with its initial values has a
    variance of 1.
    """
    return [layer for layer in batchnorm_layers(model) if _is_folded(layer)]


def unfold_batchnorm(model: keras.Model, load: Load, num_samples: int, *, seed: int) -> None:
    """Give the folded BatchNorm layers the statistics of training pictures; the model's output stays the same.

    The seed chooses up to 1,024 of `num_samples`. Over all their pixels, a layer's input has a mean and a variance:
    gamma becomes sqrt(variance + epsilon), and the mean is added to beta. `load` gives the pictures of sample numbers
    (`Inputs.load`). Raises `PxrError` if a folded layer has no gamma or no beta.
    """
    folded = folded_layers(model)
    if not folded:
        return
    for layer in folded:
        if layer.gamma is None or layer.beta is None:
            raise PxrError(
                f"The weights have BatchNorm folded into the convolutions, and {layer.name} lacks the gamma or beta "
                "that training it needs. Use batchnorm: frozen in every phase."
            )
    probe = keras.Model(model.input, [moment for layer in folded for moment in _moments(layer)])
    sums: list[float | np.ndarray] = [0.0] * (2 * len(folded))
    count = 0
    for index in _batches(num_samples, seed):
        values = probe.predict_on_batch(load(index, 0))
        sums = [total + np.asarray(value, np.float64).sum(0) for total, value in zip(sums, values, strict=True)]
        count += len(index)
    for layer, first, second in zip(folded, sums[::2], sums[1::2], strict=True):
        mean = first / count
        variance = np.maximum(second / count - mean**2, 0)
        layer.moving_mean.assign(mean)
        layer.moving_variance.assign(variance)
        layer.gamma.assign(np.sqrt(variance + layer.epsilon))
        layer.beta.assign(np.asarray(layer.beta) + mean)


def _is_folded(layer: keras.layers.BatchNormalization) -> bool:
    mean, variance = np.asarray(layer.moving_mean), np.asarray(layer.moving_variance)
    gamma = 1.0 if layer.gamma is None else np.asarray(layer.gamma)
    near = np.abs(variance - (1 - layer.epsilon)).max() < layer.epsilon / 10
    return bool(near and not mean.any() and np.all(gamma == 1))


def _moments(layer: keras.layers.BatchNormalization) -> list[keras.KerasTensor]:
    """Return each picture's means of a layer's input and of its square: [batch, channels] each."""
    x = keras.ops.cast(layer.input, "float32")
    axes = [axis for axis in range(1, len(x.shape)) if axis != layer.axis % len(x.shape)]
    return [keras.ops.mean(value, axis=axes) if axes else value for value in (x, keras.ops.square(x))]


def _batches(num_samples: int, seed: int) -> list[np.ndarray]:
    """Return the sample numbers to measure, in batches of nearly equal size."""
    chosen = epoch_order(num_samples, seed=seed, phase="BatchNorm's statistics", epoch=0)[: BATCH * BATCHES]
    return np.array_split(chosen, -(-len(chosen) // BATCH))


@contextmanager
def _restoring(layers: Sequence[keras.layers.Layer], setting: str) -> Iterator[None]:
    """Restore the layers' present values of `setting` after the block."""
    before = [getattr(layer, setting) for layer in layers]
    try:
        yield
    finally:
        for layer, value in zip(layers, before, strict=True):
            setattr(layer, setting, value)
