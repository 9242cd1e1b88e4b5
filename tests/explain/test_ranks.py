"""Rank correlations, compared with SciPy's."""

import cv2
import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from pxr_tf.explain.ranks import agreement, chance_correlation, compared_views, rank_correlation

RANDOM, OTHER = np.random.default_rng(0), np.random.default_rng(1)


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


def test_agreement_is_the_rank_correlation_and_does_not_depend_on_the_order():
    one, other = RANDOM.random((2, 3, 5, 5))
    assert agreement(one, other) == pytest.approx(rank_correlation(one, other))
    assert agreement(one, other) == pytest.approx(agreement(other, one))
    assert agreement(one, -one) == pytest.approx([-1] * 3)


def test_agreement_of_blank_maps():
    one, blank = RANDOM.random((1, 4, 4)), np.zeros((1, 4, 4))
    assert agreement(one, blank) == agreement(blank, one) == [0]
    assert np.isnan(agreement(blank, blank)).all()  # the pair does not count


@pytest.mark.parametrize("correlate", [rank_correlation, chance_correlation])
def test_each_map_needs_a_partner(correlate):
    maps = OTHER.random((3, 4, 4))
    for ours, others in ((2, 3), (3, 2)):
        with pytest.raises(ValueError, match="zip"):
            correlate(maps[:ours], maps[:others])


def test_maps_of_different_shapes_are_compared_each_with_its_partner():
    maps = [RANDOM.random((4, 4)), RANDOM.random((2, 6))]
    assert rank_correlation(maps, [5 * one for one in maps]) == pytest.approx([1, 1])
    assert chance_correlation(maps, maps).shape == (2,)


def smooth(side: int) -> np.ndarray:
    return cv2.GaussianBlur(RANDOM.normal(size=(side + 8, side + 8)), (0, 0), 1.0)[4:-4, 4:-4]


def rough(side: int) -> np.ndarray:
    return RANDOM.normal(size=(side, side))


@pytest.mark.parametrize("side", [4, 7, 14])
@pytest.mark.parametrize("draw", [smooth, rough])
def test_chance_is_what_unrelated_maps_of_this_size_and_smoothness_have(side, draw):
    maps, others = ([draw(side) for _ in range(200)] for _ in range(2))
    unrelated = np.abs(rank_correlation(maps, others)).mean()
    assert chance_correlation(maps, others).mean() == pytest.approx(unrelated, abs=0.04)


@pytest.mark.parametrize("partner", [OTHER.normal(size=(4, 6)), OTHER.integers(0, 2, (4, 6))])
def test_chance_is_the_mean_over_all_shifts_of_a_partner_that_its_mirror_images_continue(partner):
    one = OTHER.normal(size=(4, 6))
    rows, columns = ([*range(side), *reversed(range(side))] for side in partner.shape)
    ranks = rankdata(partner).reshape(partner.shape)  # once, before it is shifted
    shifted = [
        ranks[np.ix_(np.roll(rows, -down)[:4], np.roll(columns, -across)[:6])].ravel()
        for down in range(len(rows))
        for across in range(len(columns))
    ]
    expected = np.mean([abs(np.corrcoef(rankdata(one), each)[0, 1]) for each in shifted])
    assert chance_correlation([one], [partner]) == pytest.approx([expected], rel=1e-4)


def test_chance_is_larger_for_smaller_and_smoother_maps_and_does_not_depend_on_the_place():
    chance = {(draw, side): chance_correlation([draw(side)] * 9, [draw(side) for _ in range(9)]).mean()
              for draw in (smooth, rough) for side in (4, 14)}  # fmt: skip
    assert chance[smooth, 4] > chance[smooth, 14] > chance[rough, 14]
    assert chance[rough, 4] > chance[rough, 14]
    one = smooth(14)
    assert chance_correlation([one], [one]) == pytest.approx(chance_correlation([one], [one[::-1]]), abs=0.02)


def test_the_chance_of_blank_maps():
    maps, blank = RANDOM.random((1, 4, 4)), np.zeros((1, 4, 4))
    assert chance_correlation(maps, blank) == [0]
    assert np.isnan(chance_correlation(blank, maps)).all()


def test_signs_may_scatter_while_the_strength_stays():
    maps = RANDOM.random((1, 20, 20)) * RANDOM.choice([-1, 1], (1, 20, 20))
    others = np.abs(maps) * RANDOM.choice([-1, 1], (1, 20, 20))
    ours, theirs = (compared_views(one, signed=True) for one in (maps, others))
    found = {view: rank_correlation(ours[view], theirs[view])[0] for view in ours}
    assert abs(found["signed"]) < 0.2 and found["absolute"] == pytest.approx(1)
    assert list(compared_views(maps, signed=False)) == [""]
