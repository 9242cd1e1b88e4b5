"""Sanity checks: does a map change once the network has forgotten what it learned?

Adebayo et al., "Sanity Checks for Saliency Maps". If a map stays the same while layer after layer gets random
weights, it shows the picture (its edges, for example), not what the network learned.
"""

from collections.abc import Iterator, Sequence

import keras
import numpy as np

from pxr_tf.models.layers import all_layers

PER_SEED = 100_000  # more than all layers' numbers: two seeds share none
_STEPS = 12  # at most: a backbone has up to 240 layers with weights, and each step explains all pictures again


def cascade(model: keras.Model, *, seed: int = 0, steps: int = _STEPS) -> Iterator[tuple[str, keras.Model]]:
    """Yield (layer, network): a copy of the model whose weights are random from the output down to that layer.

    The first step randomises only the last layer with weights (``logits``), the last step all layers. If there are more
    layers than `steps`, the steps between share them evenly. Each layer's own initialiser draws the weights, from the
    seed. The model itself does not change. All steps yield the same copy, randomised further each time: use it before
    you take the next step.
    """
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    layers = [layer for layer in all_layers(clone) if layer.weights][::-1]
    for step, group in enumerate(_share_out(layers, steps)):
        for number, layer in enumerate(group):
            layer.set_weights(initial_weights(layer, PER_SEED * seed + 1000 * step + number))
        yield group[-1].name, clone


def randomise(model: keras.Model, *, seed: int = 0) -> tuple[str, keras.Model]:
    """Return (layer, network): the first layer with weights, and a copy of the model whose weights are all random."""
    *_, last = cascade(model, seed=seed)
    return last


def initial_weights(layer: keras.layers.Layer, seed: int) -> list[np.ndarray]:
    """Return weights from a layer's own initialisers, drawn from the seed alone; the layer does not change."""
    fresh = type(layer).from_config(_with_seed(layer.get_config(), seed))
    fresh.build_from_config(layer.get_build_config())
    return fresh.get_weights()


def _share_out(layers: Sequence[keras.layers.Layer], steps: int) -> list[Sequence[keras.layers.Layer]]:
    """Return the layers in at most `steps` groups: the first layer alone, the others evenly."""
    ends = np.unique(np.linspace(1, len(layers), min(steps, len(layers))).round().astype(int))
    return [layers[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def _with_seed(config: object, seed: int) -> object:
    """Return a layer's configuration with seeds from `seed` in all of its initialisers; no two kernels share one."""
    if isinstance(config, dict):
        return {
            key: seed if key == "seed" else _with_seed(value, seed * 31 + number)
            for number, (key, value) in enumerate(config.items())
        }
    return [_with_seed(value, seed) for value in config] if isinstance(config, list | tuple) else config
