"""Differences paired by seed: SciPy's own paired test agrees, and few seeds are not made to say more than they do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from pxr_tf.evaluation.differences import paired_difference

VALUES = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=8)


@given(VALUES)
def test_the_interval_is_that_of_the_paired_t_test(pairs):
    first, second = (dict(enumerate(values)) for values in zip(*pairs, strict=True))
    found = paired_difference(first, second)
    differences = np.array(list(first.values())) - np.array(list(second.values()))
    assert found.pairs == len(pairs)
    assert found.mean == pytest.approx(differences.mean())
    if differences.std() > 1e-9:
        expected = ttest_rel(list(first.values()), list(second.values())).confidence_interval(0.95)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_only_seeds_that_both_have_are_compared():
    found = paired_difference({0: 0.9, 1: 0.8, 2: 0.7, 5: np.nan}, {1: 0.7, 2: 0.5, 3: 0.1, 5: 0.1})
    assert found.mean == pytest.approx(0.15)
    assert found.pairs == 2


def test_one_seed_has_no_interval_and_none_has_no_difference():
    found = paired_difference({0: 0.9}, {0: 0.8})
    assert found.mean == pytest.approx(0.1)
    assert np.isnan([found.low, found.high]).all()
    assert np.isnan(paired_difference({0: 1.0}, {1: 1.0}).mean)
