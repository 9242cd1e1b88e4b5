"""Occlusion of a linear network, for which each pixel's part in a patch is known."""

import numpy as np
import pytest
from tiny import SIZE
from tiny_networks import PICTURES, TARGETS, linear

from pxr_tf.explain.logits import open_logits
from pxr_tf.explain.methods import compute_maps
from pxr_tf.explain.occlusion import FRACTIONS, patches


@pytest.mark.parametrize("size", [32, 33, 40, 224])
@pytest.mark.parametrize("fraction", FRACTIONS)
def test_patches_cover_the_picture_half_a_patch_apart(size, fraction):
    found = patches(size, fraction)
    side = round(size * fraction)
    cover = np.zeros((size, size), int)
    for patch in found:
        assert patch.side == side
        assert cover[patch.place].shape == (side, side)  # wholly inside
        cover[patch.place] += 1
    assert cover.min() == 1
    assert sorted({patch.top for patch in found})[:2] == [0, side // 2]
    assert len(set(found)) == len(found)


def test_the_map_of_a_linear_network_is_the_mean_effect_of_the_covering_patches():
    logits = open_logits(linear())
    found = compute_maps(logits, PICTURES, TARGETS, "occlusion", batch_size=7)
    kernel = np.asarray(logits.get_layer("logits").kernel, np.float64).T.reshape(-1, SIZE, SIZE) / 127.5
    expected = np.zeros(found.shape)
    for one, picture, target in zip(expected, PICTURES, TARGETS, strict=True):
        hidden = kernel[target] * (picture.astype(float) - round(picture.mean()))
        for side in (4, 8):
            starts = range(0, SIZE - side + 1, side // 2)
            for row in range(SIZE):
                for column in range(SIZE):
                    drops = [
                        hidden[top : top + side, left : left + side].sum()
                        for top in starts if top <= row < top + side
                        for left in starts if left <= column < left + side
                    ]  # fmt: skip
                    one[row, column] += np.mean(drops) / 2
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert (found > 0).any() and (found < 0).any()


def test_the_number_of_passes_is_known_beforehand():
    seen = []
    logits = open_logits(linear())
    assert [len(patches(SIZE, fraction)) for fraction in FRACTIONS] == [15**2, 7**2]
    compute_maps(logits, PICTURES, TARGETS, "occlusion", on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(number, 5) for number in range(1, 6)]
