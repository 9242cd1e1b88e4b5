"""Intervals over patients for every metric."""

import numpy as np
import pytest
from random_tables import CLASSES, random_predictions
from scipy.special import expit, logit
from scipy.stats import bootstrap, ttest_1samp
from scipy.stats import t as student

from pxr_tf.evaluation import intervals, metrics
from pxr_tf.evaluation.intervals import (
    BCA,
    FEWEST_FOR_BCA,
    NONE,
    STUDENT,
    WILSON,
    Replicates,
    find_ends,
    mean_over_folds,
    measure_share,
    metric_intervals,
    replicate,
    replicate_sums,
)
from pxr_tf.evaluation.weighted import Sample, Weighted, make_sample

ROW = {key: row for row, key in enumerate(metrics.metric_keys(CLASSES))}


def patients_of(seed: int, patients: int, *, images: int = 3, shift: float = 2.0) -> Sample:
    """Return random predictions of patients with several images that resemble each other."""
    random = np.random.default_rng(seed)
    truth = np.repeat(random.choice(3, patients, p=[0.5, 0.2, 0.3]), images)
    owners = np.repeat(np.arange(patients), images)
    logits = random.normal(size=(patients, 3))[owners] + random.normal(size=(len(truth), 3))
    logits[np.arange(len(truth)), truth] += shift
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return Sample(CLASSES, truth, shares.argmax(1), shares, owners, patients)


def test_a_weight_of_two_is_the_same_image_twice():
    """The oracle is the table with rows repeated: every metric, ties included."""
    table = random_predictions(0, rows=50, levels=4).assign(patient_id=[f"p{n % 17}" for n in range(50)])
    sample = make_sample(table)
    weights = np.random.default_rng(1).integers(0, 4, (sample.patient_count, 6)).astype(float)
    found = metrics.measure(Weighted(sample, weights))
    for column in range(6):
        repeated = table.loc[table.index.repeat(weights[sample.patients, column].astype(int))]
        assert found[:, column] == pytest.approx(metrics.score(repeated).value.to_numpy(), nan_ok=True)


def test_a_sample_of_some_rows_is_that_of_the_tables_rows():
    table = random_predictions(4).astype({f"p_{name}": np.float32 for name in CLASSES})
    sample, rows = make_sample(table), np.array([3, 1, 30])
    found, expected = sample.take(rows), make_sample(table.iloc[rows])
    assert sample.probabilities.dtype == np.float64
    assert found.patients.tolist() == [3, 1, 30]  # rows without a patient are patients of their own
    assert found.patient_count == len(table)
    for name in ("truth", "predicted", "probabilities"):
        assert np.array_equal(getattr(found, name), getattr(expected, name))


def test_leaving_out_a_patient_is_the_table_without_that_patient():
    table = random_predictions(3, rows=40).assign(patient_id=[f"p{n % 11:02}" for n in range(40)])
    (found,) = replicate([make_sample(table)], resamples=2)
    for number in range(11):
        others = table[table.patient_id != f"p{number:02}"]
        assert found.without[:, number] == pytest.approx(metrics.score(others).value.to_numpy(), nan_ok=True)


def test_patients_are_drawn_whole():
    """Each of 30 patients has two images that agree, so the share of right images moves in steps of whole patients."""
    sample = patients_of(0, 30, images=1)
    twice = Sample(CLASSES, *(np.repeat(part, 2, axis=0) for part in sample[1:5]), sample.patient_count)
    (once,), (double,) = replicate([sample], resamples=200), replicate([twice], resamples=200)
    row = ROW["all", "accuracy"]
    assert double.drawn[row] == pytest.approx(once.drawn[row])
    assert np.ptp(double.drawn[row]) > 0


def test_bca_agrees_with_scipy():
    """One image a patient and the share of right ones: SciPy resamples the same values."""
    sample = patients_of(2, 300, images=1, shift=1.0)
    (found,) = replicate([sample], resamples=4000)
    low, high, method = find_ends(found, ROW["all", "accuracy"], "accuracy")
    right = (sample.truth == sample.predicted).astype(float)
    theirs = bootstrap((right,), np.mean, n_resamples=4000, method="BCa", rng=0).confidence_interval
    assert method == BCA
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=0.004)


def test_a_share_of_few_patients_gets_wilsons_interval():
    """12 patients of one image, 9 right: Wilson's formula with Student's factor for 11 degrees of freedom."""
    number, share, factor = 11, 0.75, 2.20098516  # the jackknife's variance is p (1 - p) / (n - 1)
    centre = (share + factor**2 / (2 * number)) / (1 + factor**2 / number)
    half = factor * np.sqrt(share * 0.25 / number + factor**2 / (4 * number**2)) / (1 + factor**2 / number)
    truth = np.zeros(12, int)
    predicted = np.array([0] * 9 + [1] * 3)
    sample = Sample(CLASSES, truth, predicted, np.eye(3)[predicted], np.arange(12), 12)
    (found,) = replicate([sample], resamples=50)
    low, high, method = find_ends(found, ROW["bacterial", "sensitivity"], "sensitivity")
    assert method == WILSON
    assert (low, high) == pytest.approx((centre - half, centre + half))


@pytest.mark.parametrize("patients", [12, 400])
def test_a_perfect_share_is_not_certain(patients):
    """Resamples of right answers are all right; the interval must not be a point."""
    sample = patients_of(0, patients, images=2, shift=50)
    (found,) = replicate([sample], resamples=50)
    for metric in ("accuracy", "balanced_accuracy", "auc", "average_precision"):
        low, high, method = find_ends(found, ROW["all", metric], metric)
        assert (high, method) == (1, WILSON)
        assert 0 < low < 1 - 1 / patients


def nearly_perfect(wrong: int) -> Sample:
    """Return 60 patients of two classes with rising scores; `wrong` images of the second class have low ones."""
    truth = np.repeat([0, 1], [40, 20])
    scores = np.linspace(0.01, 0.99, 60)
    scores[40 : 40 + wrong] = scores[39] - 0.001
    return Sample(("a", "b"), truth, (scores > 0.5) * 1, np.column_stack([1 - scores, scores]), np.arange(60), 60)


@pytest.mark.parametrize("metric", ["auc", "average_precision"])
@pytest.mark.parametrize("wrong", [1, 2])
def test_one_image_that_decides_an_area_near_1_does_not_make_its_interval_all_areas(metric, wrong):
    """Without that image the area is 1, whose logit is infinite."""
    sample = nearly_perfect(wrong)
    (found,) = replicate([sample], resamples=50)
    row = metrics.metric_keys(sample.classes).index(("b", metric))
    ends = find_ends(found, row, metric)
    value, without = found.value[row], found.without[row]
    assert ends.method == STUDENT
    assert 0.8 < ends.low < value < ends.high < 1
    assert without.max() > (1 + value) / 2 or wrong == 2
    scaled = logit(np.minimum(without, (1 + value) / 2))  # half as far from 1 as the value
    half = student.ppf(0.975, 19) * intervals.jackknife_error(scaled)  # the 20 patients of the smaller class
    assert [ends.low, ends.high] == pytest.approx(expit(logit(value) + np.array([-half, half])))


def test_a_difference_of_few_patients_is_the_paired_t_test():
    """One image a patient: the difference in accuracy is a mean of differences."""
    sample = patients_of(4, 40, images=1, shift=1)
    shares = np.roll(sample.probabilities, 5, axis=0)
    other = sample._replace(probabilities=shares, predicted=shares.argmax(1))
    first, second = replicate([sample, other], resamples=50)
    low, high, method = find_ends(first.minus(second), ROW["all", "accuracy"])
    right = [(one.predicted == one.truth).astype(float) for one in (sample, other)]
    theirs = ttest_1samp(right[0] - right[1], 0).confidence_interval()
    assert method == STUDENT
    assert (low, high) == pytest.approx((theirs.low, theirs.high))


def test_paired_predictions_draw_the_same_patients():
    """Equal predictions differ by 0 in every resample."""
    sample = patients_of(5, 40)
    first, second = replicate([sample, sample], resamples=30)
    assert not first.minus(second).drawn[ROW["all", "auc"]].any()


def test_fewer_than_three_patients_have_no_interval():
    (found,) = replicate([patients_of(1, 2, images=20)], resamples=20)
    assert find_ends(found, ROW["all", "accuracy"], "accuracy") == pytest.approx((np.nan, np.nan, ""), nan_ok=True)


def test_what_a_metric_rests_on():
    """Of 10 patients 2 have the class, and one more is predicted as it."""
    truth = np.array([1, 1] + [0] * 8)
    predicted = np.array([1, 0, 1] + [0] * 7)
    sample = Sample(CLASSES, truth, predicted, np.eye(3)[predicted], np.arange(10), 10)
    counted = dict(zip(metrics.metric_keys(CLASSES), intervals.count_patients(sample), strict=True))
    found = [counted["covid19", metric] for metric in ("sensitivity", "specificity", "precision", "auc", "brier")]
    assert found == [2, 8, 2, 2, 10]
    assert (counted["all", "accuracy"], counted["all", "balanced_accuracy"]) == (10, 2)
    assert intervals.count_patients(sample.take(np.zeros(0, int))).tolist() == [0] * len(counted)


def test_the_seed_decides_the_resamples():
    sample = patients_of(6, FEWEST_FOR_BCA)
    first, again, other = (replicate([sample], resamples=20, seed=seed)[0].drawn for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_skewed_statistic_shifts_the_bca_ends():
    """The mean of exponential values: BCa's ends lie further right than the percentiles (Efron and Tibshirani)."""
    values = np.random.default_rng(0).exponential(size=FEWEST_FOR_BCA)
    chosen = np.random.default_rng(1).integers(len(values), size=(4000, len(values)))
    without = (values.sum() - values) / (len(values) - 1)
    found = Replicates(np.array([values.mean()]), values[chosen].mean(1)[None], without[None], np.array([len(values)]))
    low, high, method = find_ends(found, 0)
    theirs = bootstrap((values,), np.mean, n_resamples=4000, method="BCa", rng=2).confidence_interval
    assert method == BCA
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=0.02)
    assert high > np.quantile(found.drawn, 0.975)


def test_the_draws_do_not_depend_on_how_many_fit_into_memory(monkeypatch):
    sample = patients_of(7, 30)
    whole = replicate([sample], resamples=50)[0].drawn
    monkeypatch.setattr(intervals, "_AT_ONCE", 1)
    assert replicate([sample], resamples=50)[0].drawn == pytest.approx(whole)


def test_groups_of_patients_give_the_error_of_single_ones(monkeypatch):
    sample = patients_of(8, 400)
    (single,) = replicate([sample], resamples=2)
    monkeypatch.setattr(intervals, "MOST_LEFT_OUT", 100)
    (grouped,) = replicate([sample], resamples=2)
    assert grouped.without.shape[1] == 100
    for metric in ("accuracy", "balanced_accuracy", "auc", "log_loss"):
        errors = [intervals.jackknife_error(found.without[ROW["all", metric]]) for found in (single, grouped)]
        assert errors[0] == pytest.approx(errors[1], rel=0.2)


def test_sums_over_patients_give_the_replicates_of_their_metric():
    """The oracle is the accuracy: right images over all images."""
    sample, options = patients_of(9, 30), {"resamples": 40, "seed": 5}
    (theirs,) = replicate([sample], **options)
    sums = sample.sum_by_patient(np.column_stack([sample.truth == sample.predicted, np.ones(len(sample.truth))]))
    ours = replicate_sums(sums, lambda totals: totals[:, :1] / totals[:, 1:], np.array([30]), **options)
    for found, expected in zip(ours, theirs, strict=True):
        assert found[0] == pytest.approx(expected[ROW["all", "accuracy"]])


def test_the_mean_over_folds_leaves_out_folds_without_the_value():
    """The second fold has no image of a class, and a patient of the first fold has none in the second."""
    sample = patients_of(10, 30)
    halves = [sample.take(sample.patients < 15), sample.take((sample.patients >= 15) & (sample.truth != 1))]
    *folds, pooled = replicate([*halves, sample], resamples=20)
    mean = mean_over_folds(folds, pooled)
    for part in range(3):
        both = [fold[part] for fold in folds]
        assert mean[part][ROW["all", "accuracy"]] == pytest.approx(sum(one[ROW["all", "accuracy"]] for one in both) / 2)
        row = ROW["covid19", "sensitivity"]
        assert np.isnan(both[1][row]).all()
        assert mean[part][row] == pytest.approx(both[0][row], nan_ok=True)
    assert np.array_equal(mean.patients, pooled.patients)


def test_the_table_has_the_interval_of_every_metric_but_support():
    (found,) = replicate([patients_of(11, 40)], resamples=30)
    table = metric_intervals(found, CLASSES)
    assert list(table.columns) == ["class", "metric", "value", "low", "high", "method"]
    assert list(zip(table["class"], table.metric, strict=True)) == list(ROW)
    for row, line in enumerate(table.itertuples(index=False)):
        expected = NONE if line.metric == "support" else find_ends(found, row, line.metric)
        assert [line.value, line.low, line.high] == pytest.approx([found.value[row], *expected[:2]], nan_ok=True)
        assert line.method == expected.method
    assert (table.method == "").sum() == 4  # the supports


@pytest.mark.parametrize("patients", [3, 40])
def test_the_interval_of_a_share_of_images_is_that_of_the_accuracy(patients):
    sample = patients_of(12, patients, shift=1)
    names = np.array([f"p{number:02}" for number in range(patients)])
    share = measure_share(sample.truth == sample.predicted, names[sample.patients])
    (found,) = replicate([sample], resamples=2)
    row = ROW["all", "accuracy"]
    assert share.value == pytest.approx(found.value[row])
    assert share.error == pytest.approx(intervals.jackknife_error(found.without[row]))
    assert (share.low, share.high) == pytest.approx(find_ends(found, row, "accuracy")[:2])


def test_a_share_of_few_patients_has_a_value_alone_and_of_none_not_even_that():
    share = measure_share(np.array([True, False, True]), np.array(["a", "a", "b"]))
    assert share == pytest.approx((2 / 3, np.nan, np.nan, np.nan), nan_ok=True)
    assert np.isnan(measure_share(np.zeros(0, bool), np.zeros(0, str))).all()
