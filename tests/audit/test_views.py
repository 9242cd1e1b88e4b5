"""Views: what is left of a picture; pure functions that keep the shape."""

import numpy as np
import pytest

from pxr_tf.audit.views import VIEWS, count_greys, move_off, widen_lungs

SIZE = 64


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(1, 256, (3, SIZE, SIZE), np.uint8)


@pytest.fixture
def lungs():
    masks = np.zeros((3, SIZE, SIZE), bool)
    masks[0, 10:40, 8:28] = masks[0, 10:40, 36:56] = True
    masks[1, 20:30, 30:50] = True
    return masks


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_keeps_shape_and_type_changes_no_input_and_gives_the_same_again(view, pictures, lungs):
    before = pictures.copy(), lungs.copy()
    found = VIEWS[view](pictures, lungs)
    assert (found.shape, found.dtype) == (pictures.shape, np.uint8)
    np.testing.assert_array_equal(found, VIEWS[view](pictures, lungs))
    np.testing.assert_array_equal(pictures, before[0])
    np.testing.assert_array_equal(lungs, before[1])


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_of_a_picture_does_not_depend_on_the_others(view, pictures, lungs):
    together, alone = VIEWS[view](pictures, lungs), VIEWS[view](pictures[1:2], lungs[1:2])
    np.testing.assert_array_equal(together[1:2], alone)


def test_lungs_are_alone_or_gone(pictures, lungs):
    assert not VIEWS["lungs_only"](pictures, lungs)[~lungs].any()
    assert not VIEWS["without_lungs"](pictures, lungs)[lungs].any()
    outside = ~widen_lungs(lungs)
    np.testing.assert_array_equal(VIEWS["without_lungs"](pictures, lungs)[outside], pictures[outside])


def test_the_box_hides_what_is_between_the_lungs(pictures, lungs):
    found = VIEWS["without_box"](pictures, lungs)
    assert not found[0, 10:40, 8:56].any()
    assert found[0, :6].all()
    np.testing.assert_array_equal(found[2], pictures[2])  # without lungs there is no box


@pytest.mark.parametrize("view", ["without_lungs", "without_box", "outer_tenth"])
def test_a_view_without_lungs_does_not_change_if_the_lungs_do(view, pictures, lungs):
    others = np.where(lungs, 255 - pictures, pictures)
    np.testing.assert_array_equal(VIEWS[view](pictures, lungs), VIEWS[view](others, lungs))


def test_the_hole_elsewhere_is_as_large_and_covers_less_of_the_lungs(lungs):
    moved = move_off(lungs)
    np.testing.assert_array_equal(moved.sum((1, 2)), lungs.sum((1, 2)))
    assert (moved & lungs)[1].sum() == 0
    assert (moved & lungs)[0].sum() < 0.3 * lungs[0].sum()


def test_the_outer_tenth_is_the_border(pictures):
    found = VIEWS["outer_tenth"](pictures, np.zeros(pictures.shape, bool))
    assert not found[:, 6:-6, 6:-6].any()
    np.testing.assert_array_equal(found[:, :6], pictures[:, :6])


def test_a_thumbnail_keeps_no_detail_and_a_reencoded_picture_most(pictures):
    smooth = np.tile(np.linspace(0, 255, SIZE).astype(np.uint8), (1, SIZE, 1))
    assert np.abs(VIEWS["reencoded"](smooth, None).astype(int) - smooth).mean() < 4
    assert VIEWS["thumbnail"](pictures, None).std() < pictures.std() / 3


def test_a_histogram_is_of_shares(pictures):
    found = count_greys(pictures)
    assert found.shape == (3, 64)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-6)
    assert count_greys(np.full((1, 4, 4), 255, np.uint8))[0, -1] == 1
