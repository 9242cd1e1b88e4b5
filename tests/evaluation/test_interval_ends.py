"""The ends of intervals, from replicates made by hand."""

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import norm
from scipy.stats import t as student

from pxr_tf.evaluation.intervals import BCA, NONE, STUDENT, WILSON, Replicates, find_ends, jackknife_error


def replicates(value: float, drawn: np.ndarray, without: np.ndarray, patients: int = 200) -> Replicates:
    """Return the replicates of one value."""
    return Replicates(np.array([value]), np.array([drawn]), np.array([without]), np.array([patients]))


def test_what_is_unknown_without_some_patient_has_no_interval():
    drawn, without = np.linspace(0.4, 0.6, 50), np.linspace(0.49, 0.51, 200)
    assert find_ends(replicates(0.5, drawn, without), 0, "accuracy").method == BCA
    assert find_ends(replicates(0.5, drawn, np.append(without, np.nan)), 0, "accuracy") is NONE
    assert find_ends(replicates(0.5, np.full(50, np.nan), without), 0, "accuracy") is NONE
    assert find_ends(replicates(np.nan, drawn, without), 0, "accuracy") is NONE


@pytest.mark.parametrize(("value", "method"), [(0.02, WILSON), (0.04, BCA), (0.5, BCA), (0.96, BCA), (0.98, WILSON)])
def test_a_share_of_many_patients_within_three_errors_of_a_limit_gets_wilsons_interval(value, method):
    """The standard error is 0.01."""
    without = value + np.resize([-1, 1], 200) * 0.01 / np.sqrt(199)
    assert find_ends(replicates(value, value + np.linspace(-0.01, 0.01, 50), without), 0, "accuracy").method == method


@pytest.mark.parametrize(("value", "without"), [(0.5, [0.5] * 20), (1.0, [1.0, 0.9] * 10), (0.0, [0.0, 0.1] * 10)])
def test_an_area_without_error_or_at_a_limit_has_no_logit_and_gets_wilsons_interval(value, without):
    low, high, method = find_ends(replicates(value, np.full(50, value), np.array(without), 20), 0, "auc")
    assert method == WILSON
    assert 0 <= low < high <= 1


@pytest.mark.parametrize("side", [-1, 1])
def test_bca_of_a_value_beyond_all_resamples_counts_half_a_resample_as_beyond_it(side):
    drawn = np.linspace(-1, 1, 50)
    found = replicates(side * 2.0, drawn, np.full(200, side * 2.0))
    shares = norm.cdf(side * 2 * norm.ppf(1 - 0.5 / 50) + norm.ppf([0.025, 0.975]))
    low, high, method = find_ends(found, 0)
    assert method == BCA
    assert [low, high] == pytest.approx(np.quantile(drawn, shares))


def test_bca_of_skewed_patients_has_their_acceleration():
    """Efron and Tibshirani, equation 14.15: the sum of cubes over six times the sum of squares to the power of 1.5."""
    without = 0.1 - np.random.default_rng(0).exponential(size=200) / 50
    drawn = np.linspace(-1, 1, 51)
    pulls = without.mean() - without
    acceleration = (pulls**3).sum() / (6 * (pulls**2).sum() ** 1.5)
    ends = norm.ppf([0.025, 0.975])
    low, high, _ = find_ends(replicates(0.0, drawn, without), 0)
    assert acceleration > 0.01
    assert [low, high] == pytest.approx(np.quantile(drawn, norm.cdf(ends / (1 - acceleration * ends))))


@pytest.mark.parametrize("metric", ["log_loss", "brier"])
def test_a_loss_of_few_patients_gets_an_interval_on_the_scale_of_the_logarithm(metric):
    without = 0.3 + np.resize([-1, 1], 20) * 0.01
    half = student.ppf(0.975, 19) * jackknife_error(np.log(without))
    low, high, method = find_ends(replicates(0.3, np.full(50, 0.3), without, 20), 0, metric)
    assert method == STUDENT
    assert [low, high] == pytest.approx(0.3 * np.exp([-half, half]))


def test_a_loss_of_0_has_no_logarithm():
    found = replicates(0.0, np.zeros(50), np.zeros(20), 20)
    assert find_ends(found, 0, "log_loss") == (0, 0, STUDENT)


@pytest.mark.parametrize("metric", ["auc", "average_precision"])
def test_an_area_of_few_patients_gets_an_interval_on_the_scale_of_the_logit(metric):
    without = 0.8 + np.resize([-1, 1], 20) * 0.01
    half = student.ppf(0.975, 19) * jackknife_error(logit(without))
    low, high, method = find_ends(replicates(0.8, np.full(50, 0.8), without, 20), 0, metric)
    assert method == STUDENT
    assert [low, high] == pytest.approx(expit(logit(0.8) + np.array([-half, half])))


@pytest.mark.parametrize(
    ("metric", "value", "limit", "halfway", "scale"),
    [("auc", 0.9, 1.0, 0.95, logit), ("auc", 0.1, 0.0, 0.05, logit), ("log_loss", 0.2, 0.0, 0.1, np.log)],
)
def test_a_value_that_is_at_its_limit_without_a_patient_counts_as_halfway(metric, value, limit, halfway, scale):
    found = [
        find_ends(replicates(value, np.full(50, value), np.array([one, *[value] * 19]), 20), 0, metric)
        for one in (limit, halfway)
    ]
    assert found[0] == found[1]
    half = student.ppf(0.975, 19) * jackknife_error(scale(np.array([halfway, *[value] * 19])))
    assert scale(np.array(found[0][:2])) == pytest.approx(scale(value) + np.array([-half, half]))
