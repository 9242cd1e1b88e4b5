"""Intervals from resampling patients."""

import numpy as np
import pytest

from pxr_tf.evaluation.bootstrap import patient_interval


def test_one_image_per_patient_gives_the_known_interval_of_a_mean():
    """500 patients: the mean ± 1.96 standard errors, within what 2,000 resamples can tell."""
    values = np.random.default_rng(0).normal(3, 2, 500)
    value, low, high = patient_interval(values, np.arange(500))
    error = values.std() / np.sqrt(500)
    assert value == pytest.approx(values.mean())
    assert low == pytest.approx(value - 1.96 * error, abs=0.1 * error)
    assert high == pytest.approx(value + 1.96 * error, abs=0.1 * error)


def test_whole_patients_are_resampled():
    """Ten images of each patient are alike: the interval is that of patients, three times as wide as that of images."""
    of_patient = np.random.default_rng(1).normal(0, 1, 60)
    values, patients = np.repeat(of_patient, 10), np.repeat([f"patient-{n}" for n in range(60)], 10)
    _, low, high = patient_interval(values, patients)
    assert high - low == pytest.approx(2 * 1.96 * of_patient.std() / np.sqrt(60), rel=0.08)
    _, by_image_low, by_image_high = patient_interval(values, np.arange(600))  # the fault: images as if independent
    assert high - low > 2.5 * (by_image_high - by_image_low)


def test_a_patient_is_drawn_with_all_images_or_not_at_all():
    drawn = set()

    def statistic(means):
        drawn.update(means[:, 0].tolist())
        return means[:, 0]

    patient_interval(np.array([1.0, 10.0, 100.0]), ["a", "b", "a"], statistic=statistic)
    assert drawn == {202 / 4, 111 / 3, 20 / 2}  # a and a, a and b, b and b


def test_the_order_of_rows_and_the_names_of_patients_do_not_matter_and_a_seed_does():
    values, patients = np.arange(6.0) ** 1.5, np.array(["a", "a", "b", "c", "c", "d"])
    interval = patient_interval(values, patients)
    assert patient_interval(values, patients) == interval
    assert patient_interval(values, patients, resamples=50) != patient_interval(values, patients, resamples=50, seed=1)
    assert patient_interval(values[[5, 0, 1, 2, 3, 4]], patients[[5, 0, 1, 2, 3, 4]]) == pytest.approx(interval)


def test_several_columns_and_another_statistic():
    values = np.column_stack([np.full(8, 3.0), np.full(8, 2.0)])
    ratio = patient_interval(values, np.arange(8), statistic=lambda means: means[:, 0] / means[:, 1])
    assert ratio == (1.5, 1.5, 1.5)


def test_missing_values_do_not_count_and_one_patient_has_no_interval():
    value, low, high = patient_interval([1.0, np.nan, 3.0], ["a", "b", "a"])
    assert value == 2 and np.isnan([low, high]).all()
    assert np.isnan(patient_interval([np.nan], ["a"])).all()
    assert np.isnan(patient_interval([], [])).all()
    assert patient_interval([2.0, np.nan, 2.0], ["a", "b", "c"]) == (2, 2, 2)
