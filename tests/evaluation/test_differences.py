"""Differences over seeds: agreement with SciPy, and no interval if the seeds are too few."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind, ttest_rel

from pxr_tf.evaluation.differences import find_difference, same_tests, subtract_intervals
from pxr_tf.evaluation.intervals import wilson_interval

VALUES = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=8)


@given(VALUES)
def test_a_paired_interval_is_students(pairs):
    first, second = (dict(enumerate(values)) for values in zip(*pairs, strict=True))
    found = find_difference(first, second, paired=True)
    differences = np.array(list(first.values())) - np.array(list(second.values()))
    assert found[3:] == (len(pairs), len(pairs), True)
    assert found.mean == pytest.approx(differences.mean())
    if differences.std() > 1e-9:
        expected = ttest_rel(list(first.values()), list(second.values())).confidence_interval(0.95)
        assert (found.low, found.high) == pytest.approx(tuple(np.clip(expected, -1, 1)))


def test_unpaired_values_get_welchs_interval_over_all_seeds_of_each():
    first, second = {0: 0.91, 1: 0.93, 2: 0.92}, {0: 0.85, 1: 0.81, 7: 0.88, 8: np.nan}
    found = find_difference(first, second, paired=False)
    ours, theirs = np.array([0.91, 0.93, 0.92]), np.array([0.85, 0.81, 0.88])
    expected = ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)
    assert found.mean == pytest.approx(ours.mean() - theirs.mean())
    assert (found.low, found.high) == pytest.approx(tuple(expected))
    assert found[3:] == (3, 3, False)


def test_pairs_are_the_seeds_that_both_have():
    found = find_difference({0: 0.9, 1: 0.8, 2: 0.7, 5: np.nan}, {1: 0.7, 2: 0.5, 3: 0.1, 5: 0.1}, paired=True)
    assert found.mean == pytest.approx(0.15)
    assert found.first_seeds == found.second_seeds == 2


@pytest.mark.parametrize("paired", [True, False])
def test_one_seed_has_no_interval_and_no_seed_has_no_difference(paired):
    found = find_difference({0: 0.9}, {0: 0.8}, paired=paired)
    assert found.mean == pytest.approx(0.1)
    assert np.isnan([found.low, found.high]).all()
    assert np.isnan(find_difference({0: 1.0}, {}, paired=paired).mean)


@pytest.mark.parametrize("paired", [True, False])
def test_values_without_spread_have_no_interval(paired):
    found = find_difference({0: 0.9, 1: 0.9, 2: 0.9}, {0: 0.8, 1: 0.8, 2: 0.8}, paired=paired)
    assert found.mean == pytest.approx(0.1)
    assert np.isnan([found.low, found.high]).all()


def test_values_without_spread_on_one_side_cause_no_warning():
    found = find_difference({0: 0.9, 1: 0.9, 2: 0.9}, {0: 0.7, 1: 0.8, 2: 0.75}, paired=False)
    half = 4.302653 * 0.05 / np.sqrt(3)
    assert (found.low, found.high) == pytest.approx((0.15 - half, 0.15 + half))


@pytest.mark.parametrize("paired", [True, False])
def test_intervals_stay_within_what_fractions_can_differ_by(paired):
    found = find_difference({0: 1.0, 1: 0.4}, {0: 0.0, 1: 0.3}, paired=paired)
    assert (found.low, found.high) == (-1, 1)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({0: "ab", 1: "cd"}, {0: "ba", 1: "dc"}, True),
        ({0: "ab", 1: "cd"}, {0: "ab", 1: "ce"}, False),
        ({0: "ab", 1: "cd"}, {0: "ab", 2: "ce"}, True),
        ({0: "ab"}, {1: "ab"}, False),
    ],
)
def test_runs_are_paired_if_they_tested_the_same_images(first, second, expected):
    assert same_tests(first, second) is expected


def test_shares_of_different_patients_have_newcombes_interval():
    """Newcombe, "Interval estimation for the difference between independent proportions" (1998), example (a)."""
    first, second = ((share, *wilson_interval(share, number)) for share, number in ((56 / 70, 70), (48 / 80, 80)))
    assert subtract_intervals(first, second) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


def test_a_difference_has_no_ends_if_a_value_has_none():
    difference, low, high = subtract_intervals((0.5, math.nan, math.nan), (0.25, 0.2, 0.3))
    assert difference == 0.25
    assert math.isnan(low) and math.isnan(high)
