"""A network that finds lungs in phantoms, trained in seconds, once per process; and its phantoms."""

from functools import cache

import numpy as np

from pxr_tf.lungs.atlas import shrink_pair
from pxr_tf.lungs.confidence import outlines
from pxr_tf.lungs.network import Network, make_network
from pxr_tf.phantoms.anatomy import draw_chest
from pxr_tf.training.device import set_up
from pxr_tf.training.lung_network import OnStep, train_lung_network

WIDTHS = (4, 8, 8)


@cache
def phantom_pair(patient: int, size: int = 128) -> tuple[np.ndarray, np.ndarray]:
    """Return a phantom, uint8, and its lungs, bool [size, size]."""
    chest = draw_chest(patient, 0, size)
    return chest.image, chest.whole_lungs


def train_tiny(on_step: OnStep = lambda *told: None, *, steps: int = 40, seed: int = 0) -> Network:
    set_up(False, "float32")
    pairs = [shrink_pair(*phantom_pair(patient)) for patient in range(8)]
    graph = train_lung_network(pairs, steps=steps, seed=seed, widths=WIDTHS, on_step=on_step)
    return make_network(graph, outlines(mask for _, mask in pairs), {"what": "a test"})


@cache
def tiny_network() -> Network:
    return train_tiny()
