"""Flips of predictions: shares, shifts, and what a change adds to its control."""

import numpy as np

from pxr_tf.evaluation.flips import measure_flips


def one_hot(classes, count=3):
    return np.eye(count)[np.asarray(classes)]


def figures(before, after, control, patients=None):
    patients = np.arange(len(before)) if patients is None else patients
    return {(one.figure, one.to): one for one in measure_flips(before, after, control, patients)}


def test_shares_and_shifts_are_those_of_the_pictures():
    before = one_hot([0] * 10)
    after = one_hot([0] * 4 + [1] * 5 + [2])
    found = figures(before, after, one_hot([0] * 8 + [1] * 2))
    assert found["flipped", None].value == 0.6
    assert [found["called", k].value for k in range(3)] == [0, 0.5, 0.1]
    assert [round(found["shift", k].value, 9) for k in range(3)] == [-0.6, 0.5, 0.1]
    assert round(found["more flipped", None].value, 9) == 0.4
    assert [round(found["more called", k].value, 9) for k in range(3)] == [0, 0.3, 0.1]
    ends = found["called", 1].ends
    assert ends.low < 0.5 < ends.high and ends.method


def test_a_flip_back_to_the_true_class_counts_as_a_flip():
    found = figures(one_hot([1, 1, 1, 0]), one_hot([0, 0, 1, 0]), one_hot([1, 1, 1, 0]))
    assert found["flipped", None].value == 0.5 and found["called", 0].value == 0.5


def test_the_difference_to_the_control_is_paired():
    generator = np.random.default_rng(0)
    before, noisy = one_hot(generator.integers(0, 3, 200)), one_hot(generator.integers(0, 3, 200))
    alike = figures(before, noisy, noisy)["more flipped", None]
    other = figures(before, noisy, one_hot(generator.integers(0, 3, 200)))["more flipped", None]
    assert alike.value == alike.ends.low == alike.ends.high == 0
    assert other.ends.low < other.value < other.ends.high


def test_pictures_of_one_patient_widen_the_interval():
    before, after = one_hot([0] * 120), one_hot(np.repeat([0, 1], [84, 36]))
    alone = figures(before, after, before)["flipped", None].ends
    shared = figures(before, after, before, np.arange(120) // 6)["flipped", None].ends
    assert shared.high - shared.low > 1.5 * (alone.high - alone.low)


def test_pictures_without_a_version_are_left_out_and_without_any_all_is_unknown():
    before, after = one_hot([0, 0, 0, 0]), one_hot([1, 1, 0, 0])
    after[0] = np.nan
    assert round(figures(before, after, before)["flipped", None].value, 9) == round(1 / 3, 9)
    found = figures(before, np.full((4, 3), np.nan), before)
    assert all(np.isnan(one.value) and np.isnan(one.ends.low) for one in found.values())
