"""Sanity checks: does a map change once the network has forgotten what it learned?

Adebayo et al., "Sanity Checks for Saliency Maps". A map that stays as it was, while layer after layer is given random
weights again, shows the picture (its edges, say), not what the network learned of it.
"""

from collections.abc import Iterator, Sequence

import keras
import numpy as np

from pxr_tf.models.layers import all_layers

PER_SEED = 100_000  # more than the numbers of all layers: two seeds share none of them
_STEPS = 12  # at most: a backbone has up to 240 layers with weights, and each step explains all pictures again


def cascade(model: keras.Model, *, seed: int = 0, steps: int = _STEPS) -> Iterator[tuple[str, keras.Model]]:
    """Yield (layer, network): a copy of the model, whose weights are random from the output down to that layer.

    The first step randomises the last layer with weights alone (``logits``), and the last step all of them; between,
    the layers are shared out evenly where they are more than `steps`. Weights are drawn as each layer's own initialiser
    draws them, from the seed. The model itself is left as it is. The copy is one and the same network, randomised
    further with each step: use it before asking for the next one.
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
    """Return what a layer's own initialisers begin with, drawn from the seed alone; the layer is left as it is."""
    fresh = type(layer).from_config(_with_seed(layer.get_config(), seed))
    fresh.build_from_config(layer.get_build_config())
    return fresh.get_weights()


def _share_out(layers: Sequence[keras.layers.Layer], steps: int) -> list[Sequence[keras.layers.Layer]]:
    """Return the layers in at most so many groups: the first layer alone, the others evenly."""
    ends = np.unique(np.linspace(1, len(layers), min(steps, len(layers))).round().astype(int))
    return [layers[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def _with_seed(config: object, seed: int) -> object:
    """Return a layer's configuration with this seed in all of its initialisers; two kernels never get the same one."""
    if isinstance(config, dict):
        return {
            key: seed if key == "seed" else _with_seed(value, seed * 31 + number)
            for number, (key, value) in enumerate(config.items())
        }
    return [_with_seed(value, seed) for value in config] if isinstance(config, list | tuple) else config
