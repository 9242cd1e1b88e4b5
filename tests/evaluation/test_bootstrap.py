"""Intervals over patients."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp

from pxr_tf.evaluation.bootstrap import (
    FEWEST_NETWORKS,
    FEWEST_PATIENTS,
    FEWEST_TO_RESAMPLE,
    _resampled_means,
    patient_interval,
    two_way_interval,
)


def test_one_image_per_patient_gives_the_known_interval_of_a_mean():
    """500 patients: the mean ± 1.96 standard errors, within the precision of 2,000 resamples."""
    values = np.random.default_rng(0).normal(3, 2, 500)
    value, low, high = patient_interval(values, np.arange(500))
    error = values.std() / np.sqrt(500)
    assert value == pytest.approx(values.mean())
    assert low == pytest.approx(value - 1.96 * error, abs=0.1 * error)
    assert high == pytest.approx(value + 1.96 * error, abs=0.1 * error)


@pytest.mark.parametrize("count", [FEWEST_PATIENTS, 6, FEWEST_TO_RESAMPLE - 1])
def test_few_patients_get_students_interval(count):
    values = np.random.default_rng(count).normal(3, 2, count)
    expected = ttest_1samp(values, 0).confidence_interval(0.95)
    assert patient_interval(values, np.arange(count))[1:] == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("count", [FEWEST_PATIENTS, 6, FEWEST_TO_RESAMPLE - 1])
def test_an_interval_holds_the_truth_about_as_often_as_claimed(count):
    """600 samples: the standard error of a coverage of 95 % is 0.9 points."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(600):
        _, low, high = patient_interval(rng.normal(0.2, 1, count), np.arange(count))
        held += low <= 0.2 <= high
    assert 0.91 < held / 600 < 0.98


@pytest.mark.parametrize("count", [12, 60])
def test_the_unit_is_the_patient(count):
    """Ten images of each patient are alike: the interval over patients is three times as wide as over images."""
    of_patient = np.random.default_rng(1).normal(0, 1, count)
    values, patients = np.repeat(of_patient, 10), np.repeat([f"patient-{n:02}" for n in range(count)], 10)
    _, low, high = patient_interval(values, patients)
    assert (low, high) == pytest.approx(patient_interval(of_patient, np.arange(count))[1:])
    _, by_image_low, by_image_high = patient_interval(values, np.arange(10 * count))  # the fault
    assert high - low > 2.5 * (by_image_high - by_image_low)


def test_a_patient_with_more_images_counts_with_all_of_them():
    """Sums 3, 3, 8 of 3, 1, 2 images: a mean of 14 / 6, from which they are -4, 2/3, 10/3 away; 4.303 is Student's."""
    value, low, high = patient_interval([1.0, 1, 1, 3, 3, 5], ["a", "a", "a", "b", "c", "c"])
    error = np.sqrt((4**2 + (2 / 3) ** 2 + (10 / 3) ** 2) / 2**2 / 2 / 3)
    assert value == pytest.approx(14 / 6)
    assert (low, high) == pytest.approx((value - 4.3027 * error, value + 4.3027 * error), rel=1e-4)


def test_resamples_also_count_every_image_of_a_patient():
    """Patient n of 40 has n + 1 images of value n: 26 on average over images, 19.5 over patients."""
    patients = np.repeat(np.arange(40), np.arange(40) + 1)
    value, low, high = patient_interval(patients.astype(float), patients)
    residuals = (np.arange(40) - 26) * np.arange(1, 41) / 20.5  # of a ratio of sums: Cochran, chapter 6
    error = np.sqrt((residuals**2).sum() / 39 / 40)
    assert value == pytest.approx(26)
    assert (low, high) == pytest.approx((26 - 1.96 * error, 26 + 1.96 * error), abs=0.3 * error)
    assert low > 20


@pytest.mark.parametrize("count", [FEWEST_TO_RESAMPLE - 2, FEWEST_TO_RESAMPLE + 2])
def test_the_order_of_rows_and_the_names_of_patients_do_not_matter(count):
    values, patients = np.arange(count + 2.0) ** 1.5, np.array([0, 0, *range(count)])
    backwards = patient_interval(values[::-1], patients[::-1])
    assert backwards == pytest.approx(patient_interval(values, [f"{n:03}" for n in patients]))


def test_the_seed_decides_the_resamples():
    interval = partial(patient_interval, np.arange(float(FEWEST_TO_RESAMPLE)), np.arange(FEWEST_TO_RESAMPLE))
    first, again, default, other = interval(seed=0), interval(seed=0), interval(), interval(seed=1)
    assert first == again == default != other


@pytest.mark.parametrize("resamples", [50, 100, 250])
def test_exactly_as_many_resamples_are_drawn_as_asked(resamples):
    found = list(_resampled_means(np.ones((20, 2)), resamples, np.random.default_rng(0)))
    assert sum(map(len, found)) == resamples and max(map(len, found)) <= 100


def test_missing_values_do_not_count_and_two_patients_have_no_interval():
    value, low, high = patient_interval([1.0, np.nan, 3.0, 2.0], ["a", "b", "a", "c"])
    assert value == 2 and np.isnan([low, high]).all()
    assert np.isnan(patient_interval([np.nan], ["a"])).all()
    assert np.isnan(patient_interval([], [])).all()
    assert patient_interval([2.0, np.nan, 2.0, 2.0], ["a", "b", "c", "d"]) == (2, 2, 2)


def crossed(effects, patients: int):
    """Return values, pictures and networks: each of the patients' pictures with each network, which has an effect."""
    networks = np.tile(np.arange(len(effects)), patients)
    return np.asarray(effects)[networks], np.repeat(np.arange(patients), len(effects)), networks.astype(str)


@pytest.mark.parametrize("patients", [FEWEST_PATIENTS, FEWEST_TO_RESAMPLE])
def test_if_patients_are_alike_the_interval_is_students_over_networks(patients):
    effects = [0.1, 0.5, 0.3, 0.2]
    values, pictures, networks = crossed(effects, patients)
    expected = ttest_1samp(effects, 0).confidence_interval(0.95)
    found = two_way_interval(values, pictures, pictures, networks)
    assert found == pytest.approx((np.mean(effects), expected.low, expected.high))


def test_if_networks_are_alike_the_interval_is_the_one_over_patients():
    of_patient = np.random.default_rng(0).normal(0, 1, 8)
    pictures = np.repeat(np.arange(8), 3)
    found = two_way_interval(of_patient[pictures], pictures, pictures, np.tile(["a", "b", "c"], 8))
    assert found == pytest.approx(patient_interval(of_patient, np.arange(8)))


def test_distances_over_patients_and_networks_add_up_as_squares():
    rng = np.random.default_rng(0)
    values, pictures, networks = crossed([0.1, 0.5, 0.3], 10)
    values = values + rng.normal(0, 0.2, 10)[pictures]
    value, low, high = two_way_interval(values, pictures, pictures, networks)
    table = values.reshape(10, 3)
    people, nets = (ttest_1samp(table.mean(axis=axis), 0).confidence_interval(0.95) for axis in (1, 0))
    assert value - low == high - value == pytest.approx(np.hypot(value - people.low, value - nets.low))


def test_pictures_of_one_patient_are_not_independent():
    values, pictures, networks = crossed([0.3, 0.3, 0.3], 12)
    values = values + np.repeat([0.0, 0.1, 0.2, 0.3], 9)
    patients = pictures // 3
    assert two_way_interval(values, pictures, patients, networks) == pytest.approx(
        patient_interval(values.reshape(12, 3)[:, 0], patients[::3])
    )


def test_pairs_of_networks_are_not_independent():
    """Pairs whose value is the sum of two effects: an interval of twice the effects' mean."""
    effects = np.array([0.1, 0.5, 0.3, 0.2])
    pairs = np.array([(a, b) for a in range(4) for b in range(a)])
    pictures = np.repeat(np.arange(5), len(pairs))
    found = two_way_interval(np.tile(effects[pairs].sum(axis=1), 5), pictures, pictures, np.tile(pairs, (5, 1)))
    expected = ttest_1samp(2 * effects, 0).confidence_interval(0.95)
    assert found == pytest.approx((2 * effects.mean(), expected.low, expected.high))


def test_a_picture_of_one_network_is_missing_while_that_network_is_left_out():
    values, pictures, networks = crossed([0.1, 0.5, 0.3], 6)
    kept = (networks != "0") | (pictures < 4)
    table = pd.DataFrame({"value": values[kept], "picture": pictures[kept], "network": networks[kept]})
    table.loc[len(table)] = (0.9, -1, "0")
    means = [table[table.network != name].groupby("picture").value.mean().mean() for name in "012"]
    nets = ttest_1samp(3 * np.mean(means) - 2 * np.array(means), 0).confidence_interval(0.95)  # of pseudo-values
    people = patient_interval(table.groupby("picture").value.mean(), np.arange(7))
    value, low, high = two_way_interval(table.value, table.picture, table.picture, table.network)
    assert value == pytest.approx(people.value)
    assert value - low == pytest.approx(np.hypot((nets.high - nets.low) / 2, people.value - people.low))
    assert high - value == pytest.approx(value - low)


def test_too_few_networks_say_nothing_about_others_and_too_few_patients_have_no_interval():
    values, pictures, networks = crossed([0.3] * (FEWEST_NETWORKS - 1), 30)
    assert two_way_interval(values, pictures, pictures, networks) == pytest.approx((0.3, -np.inf, np.inf))
    with_empty = np.column_stack([networks, [""] * len(networks)])  # "" is not a third network
    assert np.isinf(two_way_interval(values, pictures, pictures, with_empty).low)
    only_b_and_c = [["a", "b"], ["a", "c"]] * 5  # without a, nothing is left
    assert np.isinf(two_way_interval([0.3] * 10, range(10), range(10), only_b_and_c).low)
    values, pictures, networks = crossed([0.3] * 5, FEWEST_PATIENTS - 1)
    value, low, high = two_way_interval(values, pictures, pictures, networks)
    assert value == pytest.approx(0.3) and np.isnan([low, high]).all()


def test_missing_values_do_not_count_between_networks():
    values, pictures, networks = crossed([0.1, 0.5, 0.3, 0.2], 6)
    lost = np.where(networks == "1", np.nan, values)
    kept = networks != "1"
    expected = two_way_interval(values[kept], pictures[kept], pictures[kept], networks[kept])
    assert two_way_interval(lost, pictures, pictures, networks) == pytest.approx(expected)
    assert np.isnan(two_way_interval([np.nan] * 3, range(3), range(3), ["a", "b", "c"])).all()
