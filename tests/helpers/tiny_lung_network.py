"""An untrained network in the form of one that finds lungs (two seconds per process), and its phantoms."""

from functools import cache

import numpy as np

from pxr_tf.lungs.atlas import LungPair, shrink_pair
from pxr_tf.lungs.network import NETWORK_SIDE, LungNetwork, make_network
from pxr_tf.models.unet import build_unet
from pxr_tf.phantoms.anatomy import draw_chest
from pxr_tf.training.lung_network import as_tflite


@cache
def phantom_pair(patient: int, size: int = NETWORK_SIDE) -> tuple[np.ndarray, np.ndarray]:
    """Return a phantom, uint8, and its lungs, bool [size, size]."""
    chest = draw_chest(patient, 0, size)
    return chest.image, chest.whole_lungs


@cache
def small_pairs(count: int = 8) -> list[LungPair]:
    return [shrink_pair(*phantom_pair(patient)) for patient in range(count)]


@cache
def tiny_network() -> LungNetwork:
    """Return an untrained network: it calls some part of every picture lung."""
    return make_network(as_tflite(build_unet(NETWORK_SIDE, (2, 2))), {"what": "a test"})


@cache
def other_network() -> LungNetwork:
    """Return another network that differs only in the bytes of its graph."""
    return make_network(tiny_network().graph + b" ", {})
