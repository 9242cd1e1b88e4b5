"""A network that finds lungs is trained alike from the same seed, and learns."""

import numpy as np
import pytest
from tiny_network import tiny_network, train_tiny

from pxr_tf.lungs.network import NETWORK_SIDE, make_network, predict
from pxr_tf.models.unet import WIDTHS, build_unet
from pxr_tf.training.lung_network import RECENT, as_tflite


def test_the_same_seed_gives_the_same_bytes_while_the_loss_falls():
    told: list[tuple[int, int, float]] = []
    again = train_tiny(lambda *step: told.append(step))
    assert again.graph == tiny_network().graph
    assert [step[:2] for step in told] == [(number + 1, 40) for number in range(40)]
    assert len(told) < RECENT and told[-1][2] < 0.9 * told[0][2]  # each is the mean of all losses so far


def test_another_seed_gives_another_network():
    assert train_tiny(steps=1, seed=1).graph != train_tiny(steps=1).graph


@pytest.mark.slow
def test_opencv_computes_what_keras_computes():
    network = build_unet(NETWORK_SIDE, WIDTHS)
    picture = np.random.default_rng(0).integers(0, 256, (NETWORK_SIDE, NETWORK_SIDE), np.uint8)
    expected = np.asarray(network(picture[None, ..., None].astype(np.float32), training=False))[0, ..., 0]
    ours = predict(picture, make_network(as_tflite(network), tiny_network().shapes, {}))
    assert np.abs(ours - expected).max() < 1e-4
