"""Comparisons of maps with a known truth, checked by hand."""

import numpy as np
import pytest
from map_truth import pixel_auc, pointing_hits

TRUTH = np.zeros((4, 4), bool)
TRUTH[0, :2] = True


def one_map(**values):
    found = np.zeros((4, 4), np.float32)
    for place, value in values.items():
        found[int(place[1]), int(place[2])] = value
    return found


def test_the_largest_value_points():
    maps = np.stack([one_map(p00=2, p33=1), one_map(p00=1, p33=2), one_map(p01=2, p33=2), one_map(), one_map(p00=-1)])
    hits = pointing_hits(maps, np.stack([TRUTH] * 5))
    np.testing.assert_array_equal(hits, [1, 0, 0.5, np.nan, np.nan])


def test_auc_counts_pairs_of_pixels():
    """Two true pixels (2 and 0) and fourteen others (one of 1, the rest 0): 14 + 13 / 2 of 28 pairs."""
    maps = np.stack([one_map(p00=2, p33=1), TRUTH.astype(np.float32), -TRUTH.astype(np.float32), one_map()])
    assert pixel_auc(maps, np.stack([TRUTH] * 4)) == pytest.approx([20.5 / 28, 1, 0, 0.5])
    assert np.isnan(pixel_auc(maps[:1], np.zeros((1, 4, 4), bool))).all()
