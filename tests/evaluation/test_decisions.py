"""Thresholds by a rule, predictive values, net benefit and referral."""

import numpy as np
import pytest

from pxr_tf.evaluation.decisions import (
    COST,
    SENSITIVITY,
    SPECIFICITY,
    YOUDEN,
    Rule,
    at_prevalence,
    choose_threshold,
    net_benefit,
    predictive_values,
    referral_cutoff,
)
from pxr_tf.evaluation.roc import OneAgainstRest, trace_curve


def scored(seed: int, levels: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Return (is of the class, score) of 60 images; few levels, so that scores tie."""
    random = np.random.default_rng(seed)
    actual = random.random(60) < 0.4
    return actual, np.clip((random.normal(size=60) + actual + 3) * 2, 0, levels).astype(int) / levels


def rates(actual: np.ndarray, acts: np.ndarray) -> tuple[float, float]:
    return float(acts[actual].mean()), float((~acts)[~actual].mean())


@pytest.mark.parametrize("seed", range(20))
def test_a_rule_chooses_the_best_of_all_thresholds(seed):
    """The oracle tries every threshold."""
    actual, scores = scored(seed)
    curve = trace_curve(OneAgainstRest(actual, actual, scores))
    tried = {value: rates(actual, scores >= value) for value in (*np.unique(scores), np.inf)}
    best = {
        Rule(YOUDEN): max(tried, key=lambda value: (round(sum(tried[value]), 9), value)),
        Rule(SENSITIVITY, 0.9): max(value for value in tried if tried[value][0] >= 0.9),
        Rule(SPECIFICITY, 0.9): max(
            (value for value in tried if tried[value][1] >= 0.9), key=lambda value: (tried[value][0], value)
        ),
    }
    for cost in (2, 5, 12):
        best[Rule(COST, cost)] = max(
            tried, key=lambda value: (round(cost * 0.2 * tried[value][0] + 0.8 * tried[value][1], 9), value)
        )
    assert {rule: choose_threshold(curve, rule, 0.2) for rule in best} == best


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (Rule(YOUDEN), "youden"),
        (Rule(SENSITIVITY, 0.95), "sensitivity >= 0.95"),
        (Rule(SPECIFICITY, 0.9), "specificity >= 0.9"),
        (Rule(COST, 5.0), "cost 5"),
    ],
)
def test_a_rules_name_in_tables(rule, name):
    assert str(rule) == name


def test_a_rule_has_no_threshold_without_both_kinds():
    alone = np.ones(5, bool)
    assert np.isnan(choose_threshold(trace_curve(OneAgainstRest(alone, alone, np.arange(5.0))), Rule(YOUDEN), 0.5))


def test_predictive_values_at_the_prevalence_of_the_data_are_those_of_the_counts():
    actual, scores = scored(3)
    acts = scores >= 0.5
    ppv, npv = predictive_values(*map(np.array, rates(actual, acts)), actual.mean())
    assert (ppv, npv) == pytest.approx((actual[acts].mean(), (~actual)[~acts].mean()))


def test_a_rare_disease_makes_most_alarms_false():
    """90 % and 90 % at 1 %: 9 of 108 alarms are right."""
    ppv, npv = predictive_values(np.array(0.9), np.array(0.9), 0.01)
    assert (ppv, npv) == pytest.approx((9 / 108, 891 / 892))


def test_net_benefit_is_found_cases_minus_weighted_alarms_per_image():
    """Vickers and Elkin: true positives / n - false positives / n * p / (1 - p)."""
    actual, scores = scored(4)
    acts = scores >= 0.3
    expected = (acts & actual).sum() / 60 - (acts & ~actual).sum() / 60 * 0.3 / 0.7
    assert net_benefit(*map(np.array, rates(actual, acts)), actual.mean(), 0.3) == pytest.approx(expected)
    everyone = net_benefit(np.array(1.0), np.array(0.0), 0.3, 0.3)
    assert everyone == pytest.approx(0)  # at a threshold that equals the prevalence, all is worth as much as none


def test_probabilities_at_another_prevalence_stay_calibrated():
    """Of two million images, those of the class are thinned from 50 % to 10 %."""
    random = np.random.default_rng(0)
    shares = random.random(2_000_000)
    actual = random.random(2_000_000) < shares
    kept = ~actual | (random.random(2_000_000) < 1 / 9)
    moved = at_prevalence(shares, 0.5, 0.1)[kept]
    for low in (0.1, 0.4, 0.7):
        here = (moved >= low) & (moved < low + 0.1)
        assert actual[kept][here].mean() == pytest.approx(moved[here].mean(), abs=0.02)


def test_the_least_sure_share_is_referred():
    confidence = np.arange(1, 101) / 100
    assert (confidence < referral_cutoff(confidence, 0.2)).sum() == 20
    assert referral_cutoff(confidence, 0) == 0


def test_the_cutoff_of_referral_is_the_confidence_of_a_case():
    """Other images are judged by it, so it must not lie between two."""
    assert referral_cutoff(np.array([0.1, 0.2, 0.3, 0.4]), 0.5) == 0.3
