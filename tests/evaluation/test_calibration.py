"""Temperature, calibration error and the Brier score's parts."""

import numpy as np
import pytest
from scipy.special import softmax

from pxr_tf.evaluation.calibration import (
    apply_temperature,
    calibration_error,
    choose_bins,
    compare_errors,
    fit_temperature,
    split_brier,
    squared_error,
    sum_bins,
)


def calibrated(seed: int, count: int, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities [count, classes], and true classes drawn with exactly these probabilities."""
    random = np.random.default_rng(seed)
    shares = softmax(1.5 * random.normal(size=(count, classes)), axis=1)
    return shares, (shares.cumsum(1) > random.random((count, 1))).argmax(1)


def top_sums(shares: np.ndarray, truth: np.ndarray, patients: np.ndarray | None = None) -> np.ndarray:
    patients = np.arange(len(truth)) if patients is None else patients
    return sum_bins(shares.max(1), shares.argmax(1) == truth, patients, patients.max() + 1)


@pytest.mark.parametrize("temperature", [0.6, 1.0, 2.5])
def test_a_known_temperature_is_recovered(temperature):
    shares, truth = calibrated(0, 20_000)
    distorted = apply_temperature(shares, 1 / temperature)
    assert fit_temperature(distorted, truth) == pytest.approx(temperature, rel=0.03)
    sure = (np.minimum(shares, distorted) > 1e-6).all(1)  # smaller probabilities are clipped
    assert apply_temperature(distorted, temperature)[sure] == pytest.approx(shares[sure], abs=1e-6)


def test_the_temperature_is_scikit_learns():
    """Its temperature scaling takes the classifier's logits; ours, probabilities."""
    calibration = pytest.importorskip("sklearn.calibration")
    if not hasattr(calibration, "_TemperatureScaling"):
        pytest.skip("scikit-learn has temperature scaling from 1.8 on")
    shares, truth = calibrated(1, 400)
    distorted = apply_temperature(shares, 0.5)
    theirs = calibration._TemperatureScaling().fit(np.log(distorted), truth)
    assert fit_temperature(distorted, truth) == pytest.approx(1 / theirs.beta_, rel=1e-3)


def test_a_temperature_for_each_row():
    shares, _ = calibrated(2, 5)
    temperatures = np.array([1.0, 2, 3, 0.5, 1])
    each = [apply_temperature(shares[[n]], temperatures[n])[0] for n in range(5)]
    assert apply_temperature(shares, temperatures[:, None]) == pytest.approx(np.array(each))


def test_a_probability_of_0_is_taken_as_one_in_ten_million():
    shares = np.array([[0.0, 1.0], [0.3, 0.7], [0.6, 0.4]])
    least = np.array([[1e-7, 1.0], [0.3, 0.7], [0.6, 0.4]])
    assert apply_temperature(shares, 2.0)[0] == pytest.approx(softmax([np.log(1e-7) / 2, 0]))
    assert fit_temperature(shares, np.array([0, 1, 1])) == fit_temperature(least, np.array([0, 1, 1]))


def test_bins_hold_about_as_many_images_and_equal_scores_together():
    bins = choose_bins(np.random.default_rng(0).random(450))
    assert np.bincount(bins).tolist() == [30] * 15
    tied = choose_bins(np.repeat([0.2, 0.5, 1.0], 100))
    assert [len(set(part)) for part in np.split(tied, 3)] == [1, 1, 1]
    assert len(set(tied)) >= 2


def test_the_debiased_error_of_calibrated_probabilities_is_about_zero_and_the_plain_one_is_not():
    found = [top_sums(*calibrated(seed, 400)).sum(0) for seed in range(100)]
    assert np.mean([squared_error(sums) for sums in found]) == pytest.approx(0, abs=3e-4)
    assert np.mean([squared_error(sums, debiased=False) for sums in found]) > 0.004


def test_images_of_one_patient_do_not_add_certainty():
    """Every image twice, of one patient: the debiased error must stay the same."""
    shares, truth = calibrated(3, 300)
    once = top_sums(shares, truth)
    twice = sum_bins(
        np.repeat(shares.max(1), 2), np.repeat(shares.argmax(1) == truth, 2), np.repeat(np.arange(300), 2), 300
    )
    assert twice.shape == once.shape
    assert squared_error(twice.sum(0)) == pytest.approx(squared_error(once.sum(0)))


def test_the_debiased_error_by_its_formula():
    """Kumar, Liang and Ma: per bin, the squared distance minus share * (1 - share) / (images - 1)."""
    shares, truth = calibrated(4, 200)
    top, hits = shares.max(1), shares.argmax(1) == truth
    bins, expected = choose_bins(top), 0.0
    for number in np.unique(bins):
        here = bins == number
        share = hits[here].mean()
        expected += here.mean() * ((share - top[here].mean()) ** 2 - share * (1 - share) / (here.sum() - 1))
    assert squared_error(top_sums(shares, truth).sum(0)) == pytest.approx(expected)


def test_an_error_has_an_interval_over_patients():
    shares, truth = calibrated(5, 400)
    good = calibration_error(top_sums(shares, truth))
    bad = calibration_error(top_sums(apply_temperature(shares, 0.3), truth))
    assert good.low == 0 and good.high < 0.15
    assert good.high < bad.low < bad.value < bad.high
    assert np.isnan(calibration_error(top_sums(shares[:2], truth[:2])).low)


def test_a_change_of_the_error_is_paired():
    shares, truth = calibrated(6, 400)
    poor = top_sums(apply_temperature(shares, 0.4), truth)
    lower = compare_errors(poor, top_sums(shares, truth))
    assert lower.value < 0 and lower.high < 0
    assert compare_errors(poor, poor) == (0, 0, 0)


def test_an_interval_is_that_of_resamples_moved_to_the_value():
    """Resampled here: the percentiles of the change of the error, which resampling itself moves."""
    shares, truth = calibrated(8, 300)
    before, after = top_sums(apply_temperature(shares, 0.4), truth), top_sums(shares, truth)
    chosen = np.random.default_rng(9).integers(300, size=(2000, 300))
    drawn = np.array([squared_error(after[rows].sum(0)) - squared_error(before[rows].sum(0)) for rows in chosen])
    value = squared_error(after.sum(0)) - squared_error(before.sum(0))
    found = compare_errors(before, after)
    assert found.value == pytest.approx(value)
    expected = np.quantile(drawn - drawn.mean() + value, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx(expected, abs=0.1 * np.ptp(expected))


def test_the_seed_decides_the_resamples_of_an_error():
    shares, truth = calibrated(5, 200)
    poor, good = top_sums(apply_temperature(shares, 0.3), truth), top_sums(shares, truth)
    for measure in (lambda **seed: calibration_error(poor, **seed), lambda **seed: compare_errors(poor, good, **seed)):
        assert measure() == measure(seed=0)
        assert measure(seed=3) == measure(seed=3)
        assert measure(seed=3).low != measure(seed=0).low


def test_patients_without_images_do_not_make_an_interval():
    """Of ten patients two have images; three are the fewest."""
    shares, truth = calibrated(5, 40)
    tops = shares.max(1), shares.argmax(1) == truth
    two, three = (sum_bins(*tops, np.arange(40) % count, 10) for count in (2, 3))
    assert np.isnan([calibration_error(two).low, calibration_error(two).high]).all()
    assert not np.isnan(calibration_error(three).low)


def test_the_parts_of_the_brier_score_add_up():
    """With one score a bin, nothing is left within bins, and the parts are Murphy's."""
    random = np.random.default_rng(7)
    scores = np.repeat([0.1, 0.4, 0.8], 200)
    hits = random.random(600) < np.repeat([0.3, 0.4, 0.7], 200)
    brier = float(((scores - hits) ** 2).mean())
    parts = split_brier(sum_bins(scores, hits, np.arange(600), 600), brier)
    shares = hits.reshape(3, 200).mean(1)
    assert parts.reliability == pytest.approx(((shares - [0.1, 0.4, 0.8]) ** 2).mean())
    assert parts.resolution == pytest.approx(((shares - hits.mean()) ** 2).mean())
    assert parts.within == pytest.approx(0, abs=1e-12)
    assert parts.reliability - parts.resolution + parts.uncertainty == pytest.approx(brier)
