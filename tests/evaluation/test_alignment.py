"""Used or only present: synthetic features in which the truth is known."""

import numpy as np
import pytest

from pxr_tf.evaluation.alignment import FoldFeatures, align

CHANNELS, COUNT = 24, 600


def make(uses, goes_with_class=0.8, seed=0):
    """Return folds, values, classes and patients: channel 0 shows the class, channel 1 the attribute."""
    rng = np.random.default_rng(seed)
    patients = np.arange(COUNT) // 2
    truth = rng.integers(0, 2, COUNT // 2)[patients]
    same = (rng.random(COUNT // 2) < goes_with_class)[patients]
    inside = np.where(same, truth, 1 - truth).astype(bool)
    mix = np.eye(CHANNELS) + 0.2 * rng.normal(size=(CHANNELS, CHANNELS))
    features = rng.normal(size=(COUNT, CHANNELS)) @ mix
    features[:, 0] += 2 * truth
    features[:, 1] += 2 * inside
    direction = rng.normal(0, 0.05, CHANNELS)
    direction[0] += 1
    direction[1] += uses
    halves = np.array_split(np.arange(COUNT), 2)
    folds = [FoldFeatures(rows, features[rows], np.stack([-direction, direction])) for rows in halves]
    return folds, inside, truth, patients.astype(str), np.ones(COUNT, bool)


def test_an_attribute_that_the_head_uses_is_aligned():
    first, second = align(*make(uses=1.0))
    assert second.correlation > 0.4
    assert second.correlation > second.by_chance
    assert second.p < 0.01
    assert first.correlation == pytest.approx(-second.correlation)


def test_the_sign_says_in_which_direction():
    assert align(*make(uses=-1.0))[1].correlation < -0.4


def test_an_attribute_that_is_only_present_is_not_aligned_although_it_goes_with_the_class():
    found = [align(*make(uses=0.0, seed=seed))[1] for seed in range(10)]
    assert sum(one.p < 0.05 for one in found) <= 2
    assert max(abs(one.correlation) for one in found) < 0.25


def test_where_the_attribute_is_the_class_nothing_can_be_said():
    found = align(*make(uses=1.0, goes_with_class=1.0))
    assert np.isnan([one.p for one in found]).all()


def test_rows_with_an_unknown_value_do_not_count():
    folds, inside, truth, patients, known = make(uses=1.0)
    known[::3] = False
    before = align(folds, inside, truth, patients, known)
    assert align(folds, inside ^ ~known, truth, patients, known) == before
