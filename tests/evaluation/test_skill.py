"""Skill: areas with intervals, the share that is left of a reference, and p against chance."""

import numpy as np
import pytest
from audited import draw_groups
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from pxr_tf.evaluation.skill import chance_p, make_probe_sample, measure_repeats, measure_skills

CLASSES = ("a", "b", "c")


def noisy(truth, noise, rng):
    scores = np.eye(3)[truth] + rng.normal(0, noise, (len(truth), 3))
    return np.exp(scores) / np.exp(scores).sum(1, keepdims=True)


@pytest.fixture(scope="module")
def skills():
    rng = np.random.default_rng(0)
    truth, patients = draw_groups(rng, (150, 100, 50))
    probabilities = [noisy(truth, noise, rng) for noise in (0.4, 0.8)]
    probabilities.append(rng.dirichlet(np.ones(3), len(truth)))
    samples = [make_probe_sample(own, truth, patients, CLASSES) for own in probabilities]
    return truth, probabilities, measure_skills(samples, reference=0)


def test_values_are_those_of_scikit_learn(skills):
    truth, probabilities, found = skills
    for own, measured in zip(probabilities, found, strict=True):
        assert measured[0].name == "all"
        assert measured[0].value == pytest.approx(balanced_accuracy_score(truth, own.argmax(1)))
        for number, skill in enumerate(measured[1:]):
            assert skill.value == pytest.approx(roc_auc_score(truth == number, own[:, number]))
            assert skill.low < skill.value < skill.high


def test_the_share_left_is_of_the_skill_above_chance(skills):
    _, _, (whole, weaker, nothing) = skills
    assert whole[1].share_left == pytest.approx(1)
    for ours, theirs in zip(weaker[1:], whole[1:], strict=True):
        assert ours.share_left == pytest.approx((ours.value - 0.5) / (theirs.value - 0.5))
        assert ours.share_low < ours.share_left < ours.share_high < 1
    assert all(skill.share_low < 0 < skill.share_high for skill in nothing[1:])


def test_p_is_small_for_skill_and_not_for_chance(skills):
    _, _, (whole, _, nothing) = skills
    assert all(skill.p < 1e-6 for skill in whole[1:])
    assert all(skill.p > 0.01 for skill in nothing[1:])
    assert np.isnan(whole[0].p)


def test_p_against_chance_is_uniform_over_patients():
    """Images of one patient are alike: counted as if they were patients, they would give far too small p values."""
    rng, found = np.random.default_rng(1), []
    for _ in range(300):
        actual = np.repeat(rng.random(40) < 0.5, 4)
        scores = np.repeat(rng.normal(size=40), 4) + rng.normal(0, 0.1, 160)
        found.append(chance_p(actual, scores, np.arange(160) // 4))
    assert 0.02 < np.mean(np.array(found) < 0.05) < 0.09


def test_p_without_any_error():
    actual = np.array([True, True, False, False])
    patients = np.arange(4)
    assert chance_p(actual, np.array([2.0, 2, 1, 1]), patients) == 0
    assert chance_p(actual, np.array([1.0, 1, 2, 2]), patients) == 1
    assert chance_p(actual, np.zeros(4), patients) == 1


def test_repeats_give_the_mean_with_an_interval_over_repeats():
    rng = np.random.default_rng(0)
    truths = [rng.integers(0, 3, 200) for _ in range(10)]
    nothing = measure_repeats([(rng.dirichlet(np.ones(3), 200), truth) for truth in truths], CLASSES)
    assert [skill.name for skill in nothing] == ["all", *CLASSES]
    assert all(skill.low < 0.5 < skill.high or abs(skill.value - 0.5) < 0.03 for skill in nothing[1:])
    assert all(skill.p > 0.005 for skill in nothing[1:])
    little = measure_repeats([(noisy(truth, 2, rng), truth) for truth in truths], CLASSES)
    assert all(0.55 < skill.low < skill.value < skill.high and skill.p < 1e-4 for skill in little[1:])
    assert np.isnan(measure_repeats([(np.eye(3)[truth], truth * 0) for truth in truths], CLASSES)[1].p)
