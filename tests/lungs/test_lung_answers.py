"""What the lung finder answers at its limits: nothing found, chances of exactly a half, negatives, borders."""

from types import SimpleNamespace

import numpy as np
import pytest
from phantom_pairs import phantom_pair
from scipy.ndimage import gaussian_filter

from pxr_tf.lungs import find as module
from pxr_tf.lungs import fuse as fusing
from pxr_tf.lungs.align import Alignment
from pxr_tf.lungs.atlas import build_atlas
from pxr_tf.lungs.contrast import ATLAS_SIDE, Box, even_out, shrink, steady_box
from pxr_tf.lungs.find import find_lungs, keep_two_lungs
from pxr_tf.lungs.network import NETWORK_SIDE, LungNetwork, prepare_square

NETWORK = LungNetwork(b"", {}, "a test")
NOISE = np.random.default_rng(0).integers(0, 256, (ATLAS_SIDE, ATLAS_SIDE), np.uint8)
HALF = np.full((60, 60), 0.5, np.float32)


def assert_nothing(found: module.Lungs, shape: tuple[int, int]) -> None:
    assert found.mask.shape == shape and found.mask.dtype == bool and not found.mask.any()
    assert found[1:] == (Box(0, 0, shape[1], shape[0]), 0.0, False)


def test_an_even_picture_has_no_lungs():
    assert_nothing(find_lungs(np.full((80, 120), 90, np.uint8), NETWORK), (80, 120))


def test_a_network_is_asked_about_the_square_and_may_see_no_lungs(monkeypatch):
    asked = []
    views = np.zeros((2, NETWORK_SIDE, NETWORK_SIDE), np.float32)
    monkeypatch.setattr(module, "look_twice", lambda *values: asked.append(values) or views)
    assert_nothing(find_lungs(NOISE, NETWORK), NOISE.shape)
    ((picture, network),) = asked
    assert network is NETWORK and np.array_equal(picture, prepare_square(shrink(NOISE, ATLAS_SIDE)))


@pytest.mark.parametrize(("contrast", "inverted"), [(0.5, False), (0, False), (-0.5, True)])
def test_a_picture_is_inverted_if_its_lungs_are_brighter_and_loses_confidence_at_its_edges(
    monkeypatch, contrast, inverted
):
    views = np.zeros((2, NETWORK_SIDE, NETWORK_SIDE), np.float32)
    views[:, 30:90, 20:50] = views[:, 30:90, 80:110] = 1
    monkeypatch.setattr(module, "look_twice", lambda *values: views)
    monkeypatch.setattr(module, "measure_contrast", lambda *values: contrast)
    monkeypatch.setattr(module, "rate", lambda evidence: 0.75)
    monkeypatch.setattr(module, "keep_confidence", lambda mask, content: 0.5)
    found = find_lungs(NOISE, NETWORK)
    assert found.inverted == inverted
    assert found.confidence == 0.375 and found.box == steady_box(found.mask)


def test_an_inverted_picture_is_read_as_its_negative(monkeypatch):
    picture, lungs = phantom_pair(20, ATLAS_SIDE)
    atlas = build_atlas([(even_out(picture), lungs * np.uint8(255))] * 2)
    found = []
    for inverted in (False, True):
        place = Alignment(np.eye(2, 3, dtype=np.float32), inverted)
        monkeypatch.setattr(module, "align", lambda *values, place=place: place)
        found.append(find_lungs(255 - picture if inverted else picture, atlas))
    plain, negative = found
    assert np.array_equal(plain.mask, negative.mask) and plain.mask.any()
    assert negative[1:] == (*plain[1:3], True)


def test_chances_are_put_back_where_the_content_was():
    content = Box(10, 20, 70, 55)
    chances = np.ones((ATLAS_SIDE, ATLAS_SIDE), np.float32)
    chances[:, ATLAS_SIDE // 2 :] = 0.5  # not above a half
    expected = np.zeros((90, 100), bool)
    expected[20:55, 10:40] = True
    assert np.array_equal(module._put_back(chances, content, (90, 100)), expected)


def test_a_chance_of_a_half_is_no_lung_and_no_vote_for_one():
    assert not keep_two_lungs(HALF).any()
    both = HALF.copy()
    both[10:30, 10:30] = 0.8
    assert np.array_equal(keep_two_lungs(both), both)
    picture, lungs = phantom_pair(20, ATLAS_SIDE)
    pair = even_out(picture), lungs * np.uint8(255)
    votes = np.stack([np.full(lungs.shape, 0.5), lungs]).astype(np.float32)
    fusion = fusing.Fusion(lungs.astype(np.float32), votes, np.ones(lungs.shape))
    assert module._weigh(pair[0], lungs, fusion, build_atlas([pair])).agreement == pytest.approx(0.5)


def test_two_views_agree_on_what_is_above_a_half(monkeypatch):
    views = np.zeros((2, NETWORK_SIDE, NETWORK_SIDE), np.float32)
    views[:, 30:90, 20:50] = 0.8
    views[1, 30:90, 80:110] = 0.5
    seen = []
    monkeypatch.setattr(module, "look_twice", lambda *values: views)
    monkeypatch.setattr(module, "rate", lambda evidence: seen.append(evidence) or 1)
    find_lungs(NOISE, NETWORK)
    assert seen[0].agreement == 1


def test_the_flow_and_the_chances_are_smoothed_alike_in_both_directions(monkeypatch):
    flow = np.zeros((ATLAS_SIDE, ATLAS_SIDE, 2), np.float32)
    flow[100, 120], spot = (300, -200), np.zeros((ATLAS_SIDE, ATLAS_SIDE), np.float32)
    spot[60, 80] = 1
    monkeypatch.setattr(
        fusing.cv2, "DISOpticalFlow_create", lambda preset: SimpleNamespace(calc=lambda *values: flow.copy())
    )
    down, across = np.mgrid[:ATLAS_SIDE, :ATLAS_SIDE].astype(np.float32)
    smooth = gaussian_filter(flow, (4, 4, 0))
    for mask, moved in ((across, smooth[..., 0]), (down, smooth[..., 1])):
        atlas = SimpleNamespace(thumbnails=np.ones((1, 1)), pictures=NOISE[None], masks=mask[None])
        vote = fusing.fuse(NOISE, np.ones(1), atlas).votes[0]
        np.testing.assert_allclose(vote - mask, moved, atol=0.04)  # OpenCV counts in 1/32 of a pixel
    flow[:] = 0
    atlas = SimpleNamespace(thumbnails=np.ones((1, 1)), pictures=NOISE[None], masks=spot[None])
    found = fusing.fuse(NOISE, np.ones(1), atlas)
    np.testing.assert_allclose(found.chances, gaussian_filter(spot, 2), atol=1e-4)
    assert np.array_equal(found.votes[0], spot)


def test_what_is_bent_from_beyond_the_border_repeats_it():
    flow = np.zeros((ATLAS_SIDE, ATLAS_SIDE, 2), np.float32)
    flow[..., 0] = 5
    found = fusing._bend(NOISE, flow)
    assert np.array_equal(found[:, :-5], NOISE[:, 5:]) and (found[:, -5:] == NOISE[:, -1:]).all()


def test_an_even_picture_has_no_variance():
    mean, variance = fusing._moments(np.full((40, 40), 7.1, np.float32))
    assert mean == pytest.approx(np.full((40, 40), 7.1)) and (variance >= 0).all() and variance.max() < 1e-3
