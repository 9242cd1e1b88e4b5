"""Shares of maps inside masks, compared with values worked out by hand."""

import numpy as np
import pytest
from messages import refused

from pxr_tf.explain.maps import share_inside, share_of_area

SIGNED = np.array([[4, -2, 0, 0], [0, 1, 0, -1], [0, 0, 0, 0], [3, 0, 0, 2]], np.float32)
LEFT = np.zeros((4, 4), bool)
LEFT[:, :2] = True
LEFT[3, 0] = False  # 7 pixels: 4, -2, 1 and zeros


def test_share_inside_matches_the_value_by_hand():
    assert share_inside(SIGNED[None], LEFT[None]) == pytest.approx([5 / 10])  # 4 + 1 of 4 + 1 + 3 + 2
    assert share_inside(SIGNED[None] / 1000, LEFT[None]) == pytest.approx([5 / 10])  # the scale does not count
    assert share_of_area(LEFT[None]) == pytest.approx([7 / 16])


def test_an_even_map_has_the_share_of_the_area():
    masks = np.random.default_rng(0).random((3, 4, 4)) < [[[0.2]], [[0.5]], [[0.9]]]
    assert share_inside(np.full((3, 4, 4), 0.1, np.float32), masks) == pytest.approx(share_of_area(masks), rel=1e-12)


def test_an_empty_map_has_no_share():
    maps = np.stack([np.zeros((4, 4)), -np.ones((4, 4)), np.ones((4, 4))]).astype(np.float32)
    masks = np.stack([LEFT] * 3)
    np.testing.assert_array_equal(np.isnan(share_inside(maps, masks)), [True, True, False])


def test_masks_of_another_size_are_refused():
    with refused("(1, 4, 4)", "(1, 2, 2)", "mask"):
        share_inside(SIGNED[None], np.ones((1, 2, 2), bool))
