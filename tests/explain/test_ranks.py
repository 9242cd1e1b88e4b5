"""Rank correlations, compared with SciPy's."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from pxr_tf.explain.ranks import agreement, compared_views, rank_correlation

RANDOM = np.random.default_rng(0)


def test_the_correlation_equals_scipys_also_with_ties():
    maps = RANDOM.normal(size=(4, 6, 5)).astype(np.float32)
    others = (maps + RANDOM.normal(size=maps.shape)).astype(np.float32)
    others[1:] = np.clip(others[1:], 0, None)  # a CAM: a third of it tied at zero
    expected = [spearmanr(one.ravel(), other.ravel()).statistic for one, other in zip(maps, others, strict=True)]
    assert rank_correlation(maps, others) == pytest.approx(expected)


def test_ranks_ignore_scale_and_detect_a_reversal():
    maps = RANDOM.random((1, 4, 4))
    assert rank_correlation(maps, 5 * maps**3) == pytest.approx([1])
    assert rank_correlation(maps, -maps) == pytest.approx([-1])
    assert rank_correlation(np.array([[[1, 2], [3, 4]]]), np.array([[[1, 3], [2, 4]]])) == pytest.approx([0.8])


def test_a_blank_map_has_no_ranks_and_a_map_that_became_blank_counts_as_0():
    maps, blank = RANDOM.random((1, 4, 4)), np.zeros((1, 4, 4))
    assert rank_correlation(maps, blank) == [0]
    assert np.isnan(rank_correlation(blank, maps)).all() and np.isnan(rank_correlation(blank, blank)).all()


def test_agreement_is_the_mean_of_all_pairs():
    maps = RANDOM.random((3, 2, 5, 5))
    pairs = [rank_correlation(maps[a], maps[b]) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert agreement(maps) == pytest.approx(np.mean(pairs, axis=0))
    assert agreement([maps[0], maps[0], -maps[0]]) == pytest.approx([-1 / 3] * 2)


def test_agreement_of_blank_maps():
    one, blank = RANDOM.random((1, 4, 4)), np.zeros((1, 4, 4))
    assert agreement([one, blank]) == agreement([blank, one]) == [0]
    assert agreement([one, one, blank]) == pytest.approx([1 / 3])
    assert agreement([one, blank, blank]) == [0]  # the pair of blank maps does not count
    assert np.isnan(agreement([blank, blank])).all()


def test_signs_may_scatter_while_the_strength_stays():
    maps = RANDOM.random((1, 20, 20)) * RANDOM.choice([-1, 1], (1, 20, 20))
    others = np.abs(maps) * RANDOM.choice([-1, 1], (1, 20, 20))
    ours, theirs = (compared_views(one, signed=True) for one in (maps, others))
    found = {view: rank_correlation(ours[view], theirs[view])[0] for view in ours}
    assert abs(found["signed"]) < 0.2 and found["absolute"] == pytest.approx(1)
    assert list(compared_views(maps, signed=False)) == [""]
