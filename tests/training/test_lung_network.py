"""A network that finds lungs learns to find them in phantoms, and gives the same results everywhere."""

import cv2
import numpy as np
import pytest
from lung_measures import CHANGES, change_pair
from tiny_lung_network import phantom_pair, small_pairs

from pxr_tf.lungs.find import find_lungs
from pxr_tf.lungs.fuse import dice
from pxr_tf.lungs.network import NETWORK_SIDE, make_network, predict
from pxr_tf.models.unet import WIDTHS, build_unet
from pxr_tf.training.device import set_up
from pxr_tf.training.lung_network import as_tflite, train_lung_network

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained():
    """A network of 150 steps, and the reported losses."""
    set_up(False, "float32")
    losses: list[float] = []
    graph = train_lung_network(
        small_pairs(), steps=150, seed=0, widths=(8, 16, 32), on_step=lambda *values: losses.append(values[2])
    )
    return make_network(graph, {}), losses


def test_the_loss_falls(trained):
    _, losses = trained
    assert len(losses) == 150
    assert losses[-1] < 0.6 * losses[0]


@pytest.mark.parametrize("change", list(CHANGES))
def test_lungs_of_new_patients_are_found_after_any_change_of_the_picture(trained, change):
    for patient in (20, 21):
        picture, known = change_pair(phantom_pair(patient, 200), change)
        lungs = find_lungs(picture, trained[0])
        assert dice(lungs.mask, known) > 0.85
        assert lungs.inverted == (change == "inverted")


def test_the_same_seed_gives_the_same_bytes_and_another_seed_gives_others():
    set_up(False, "float32")
    graphs = [
        train_lung_network(small_pairs(), steps=3, seed=seed, widths=(2, 2), on_step=lambda *values: None)
        for seed in (0, 0, 1)
    ]
    assert graphs[0] == graphs[1] != graphs[2]


def test_an_upside_down_phantom_is_not_trusted(trained):
    upright, head = (find_lungs(one, trained[0]) for one in (phantom_pair(20)[0], phantom_pair(20)[0][::-1]))
    assert head.confidence < upright.confidence


def test_opencv_computes_the_same_as_keras():
    network = build_unet(NETWORK_SIDE, WIDTHS)
    picture = np.random.default_rng(0).integers(0, 256, (NETWORK_SIDE, NETWORK_SIDE), np.uint8)
    expected = np.asarray(network(picture[None, ..., None].astype(np.float32), training=False))[0, ..., 0]
    ours = predict(picture, make_network(as_tflite(network), {}))
    assert np.abs(ours - expected).max() < 1e-4


def test_a_graph_for_pictures_of_another_size_is_refused():
    graph = as_tflite(build_unet(NETWORK_SIDE // 2, (2, 2)))
    with pytest.raises((cv2.error, ValueError)):
        make_network(graph, {})
