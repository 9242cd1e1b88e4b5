"""Tests of differences between two models: agreement with other libraries, formulas done by hand, and error rates."""

from itertools import product

import numpy as np
import pytest
from comparison_errors import rejections
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm, ttest_rel
from sklearn.metrics import roc_auc_score

from pxr_tf.evaluation.comparisons import (
    FEW_DISCORDANT,
    corrected_t,
    delong,
    holm,
    mcnemar,
    rope,
    smallest_difference,
    two_sided,
)

FOLDS = np.array([0.021, 0.004, 0.013, -0.006, 0.017])


def test_the_corrected_t_test_without_overlap_is_the_plain_one():
    first = np.array([0.81, 0.86, 0.79, 0.9, 0.84])
    plain = ttest_rel(first + FOLDS, first)
    assert corrected_t(FOLDS, 0.0) == pytest.approx((plain.statistic, plain.pvalue))


def test_the_corrected_t_test_of_five_folds():
    """Five folds: the variance of the mean is (1 / 5 + 1 / 4) times that of the differences."""
    by_hand = FOLDS.mean() / np.sqrt((1 / 5 + 1 / 4) * FOLDS.var(ddof=1))
    assert corrected_t(FOLDS, 0.2).value == pytest.approx(by_hand)
    assert corrected_t(FOLDS, 0.2).p == pytest.approx(two_sided(by_hand, 4))


def test_two_folds_are_the_fewest():
    """The variance of the mean is (1 / 2 + 1) times that of 0.01 and 0.03, with one degree of freedom."""
    by_hand = 0.02 / np.sqrt(1.5 * 0.0002)
    assert corrected_t(np.array([0.01, 0.03]), 0.5) == pytest.approx((by_hand, two_sided(by_hand, 1)))


@pytest.mark.parametrize("runs", [1, 2])
def test_rope_agrees_with_baycomp(runs):
    baycomp = pytest.importorskip("baycomp", reason="make setup installs it")
    differences = np.concatenate([FOLDS, FOLDS[::-1] + 0.004])[: 5 * runs]
    theirs = baycomp.CorrelatedTTest.probs(np.zeros(len(differences)), differences, rope=0.01, runs=runs)
    assert rope(differences, 0.2, 0.01) == pytest.approx(theirs)


def test_rope_is_the_area_under_a_shifted_and_scaled_t():
    drawn = np.random.default_rng(0).standard_t(4, 200_000)
    drawn = FOLDS.mean() + drawn * np.sqrt((1 / 5 + 1 / 4) * FOLDS.var(ddof=1))
    shares = [np.mean(drawn < -0.01), np.mean(np.abs(drawn) <= 0.01), np.mean(drawn > 0.01)]
    assert rope(FOLDS, 0.2, 0.01) == pytest.approx(shares, abs=0.004)


@pytest.mark.parametrize("differences", [[], [0.1], [0.02, 0.02, 0.02]])
def test_one_fold_or_no_spread_has_no_test_over_folds(differences):
    assert np.isnan(corrected_t(np.array(differences), 0.2)).all()
    assert np.isnan(rope(np.array(differences), 0.2)).all()


def rights(both: int, gained: int, lost: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which images two models get right, one image per patient."""
    first = np.repeat([True, False, True], [both, gained, lost])
    second = np.repeat([True, True, False], [both, gained, lost])
    return first, second, np.arange(len(first))


@pytest.mark.parametrize("counts", [(40, 3, 9), (5, 10, 10), (5, 0, 4), (9, 1, 0)])
def test_few_discordant_patients_of_one_image_get_the_exact_binomial_test(counts):
    _, gained, lost = counts
    assert mcnemar(*rights(*counts)).p == pytest.approx(binomtest(gained, gained + lost).pvalue)


@pytest.mark.parametrize(("counts", "exact"), [((40, 3, 9), True), ((100, 30, 14), False)])
def test_one_image_per_patient_agrees_with_statsmodels(counts, exact):
    tables = pytest.importorskip("statsmodels.stats.contingency_tables", reason="make setup installs it")
    both, gained, lost = counts
    theirs = tables.mcnemar([[both, lost], [gained, 0]], exact=exact, correction=False)
    found = mcnemar(*rights(*counts))
    assert found.p == pytest.approx(theirs.pvalue)
    if not exact:
        assert found.value == pytest.approx(theirs.statistic)


def clustered(patients: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    owners = np.repeat(np.arange(patients), random.integers(1, 4, patients))
    return random.random(len(owners)) < 0.6, random.random(len(owners)) < 0.7, owners


def test_durkalskis_statistic_by_hand():
    """Patients with b - c of 2, -1 and 1, many times over: (sum of d)^2 / sum of d^2."""
    first = np.array([0, 0, 1, 1, 0, 0], bool)
    second = np.array([1, 1, 0, 1, 0, 1], bool)
    copies = 10
    owners = np.concatenate([np.array([0, 0, 1, 1, 1, 2]) + 3 * n for n in range(copies)])
    found = mcnemar(np.tile(first, copies), np.tile(second, copies), owners)
    d = np.array([2, -1, 1])
    assert found.value == pytest.approx(copies * d.sum() ** 2 / (d**2).sum())
    assert found.p == pytest.approx(2 * norm.sf(np.sqrt(found.value)))


def test_few_patients_with_several_images_get_all_choices_of_signs():
    first, second, owners = clustered(9)
    d = np.array([(second[owners == n].astype(int) - first[owners == n]).sum() for n in range(9)])
    sums = [abs(np.dot(signs, d)) for signs in product((-1, 1), repeat=9)]
    assert np.count_nonzero(d) <= FEW_DISCORDANT
    assert mcnemar(first, second, owners).p == pytest.approx(np.mean(np.array(sums) >= abs(d.sum()) - 1e-9))


def test_p_belongs_to_the_difference_of_the_shares():
    """Ten patients gain 20 images each, thirty lose one each: the second is better, and p is not about the thirty."""
    owners = np.concatenate([np.repeat(np.arange(10), 20), np.arange(10, 40)])
    first = owners >= 10
    assert mcnemar(first, ~first, owners).p == pytest.approx(2 * norm.sf(170 / np.sqrt(10 * 20**2 + 30)))


def test_images_that_repeat_within_patients_count_once():
    """Ten copies of every image are no new evidence."""
    first, second, owners = rights(100, 30, 14)
    copied = [np.repeat(values, 10) for values in (first, second, owners)]
    assert mcnemar(*copied) == pytest.approx(mcnemar(first, second, owners))


def test_models_that_agree_on_every_image_do_not_differ():
    right = np.array([True, False, True])
    assert mcnemar(right, right, np.arange(3)).p == 1


def scores_of(seed: int, images: int = 90) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    actual = random.random(images) < 0.3
    first = np.round(actual + random.normal(0, 1.2, images), 1)  # ties
    return actual, first, np.round(first + 0.4 * actual + random.normal(0, 0.8, images), 1)


def delong_by_pairs(actual: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Return DeLong's difference and standard error, from all pairs and the covariances of the components."""
    areas, own, rest = [], [], []
    for scores in (first, second):
        gaps = scores[actual][:, None] - scores[~actual]
        wins = (gaps > 0) + (gaps == 0) / 2
        areas.append(wins.mean())
        own.append(wins.mean(1))
        rest.append(wins.mean(0))
    covariance = np.cov(own) / actual.sum() + np.cov(rest) / (~actual).sum()
    contrast = np.array([-1, 1])
    return areas[1] - areas[0], np.sqrt(contrast @ covariance @ contrast)


@pytest.mark.parametrize("seed", range(4))
def test_one_image_per_patient_is_delong(seed):
    actual, first, second = scores_of(seed)
    found = delong(actual, first, second, np.arange(len(actual)))
    assert found == pytest.approx(delong_by_pairs(actual, first, second))
    assert found.value == pytest.approx(roc_auc_score(actual, second) - roc_auc_score(actual, first))


@pytest.mark.parametrize("patients", [5, 25])
def test_obuchowskis_formula_by_hand(patients):
    actual, first, second = scores_of(7, 60)
    owners = np.random.default_rng(1).integers(0, patients, 60)
    found = delong(actual, first, second, owners)
    gaps = [scores[actual][:, None] - scores[~actual] for scores in (first, second)]
    wins = [(gap > 0) + (gap == 0) / 2 for gap in gaps]
    own, rest = (wins[1] - wins[0]).mean(1), (wins[1] - wins[0]).mean(0)
    value, people = own.mean(), np.unique(owners)
    x = np.array([(own[owners[actual] == p] - value).sum() for p in people])
    y = np.array([(rest[owners[~actual] == p] - value).sum() for p in people])
    with_own, with_rest = len(np.unique(owners[actual])), len(np.unique(owners[~actual]))
    m, n, count = actual.sum(), (~actual).sum(), len(people)
    variance = with_own / (with_own - 1) * (x**2).sum() / m**2 + with_rest / (with_rest - 1) * (y**2).sum() / n**2
    variance += 2 * count / (count - 1) * (x * y).sum() / (m * n)
    assert found == pytest.approx((value, np.sqrt(variance)))


def test_ten_copies_of_every_image_leave_the_error_nearly_as_it_was():
    actual, first, second = scores_of(2)
    once = delong(actual, first, second, np.arange(90))
    copied = delong(*(np.repeat(values, 10) for values in (actual, first, second, np.arange(90))))
    assert copied == pytest.approx(once)


def test_an_area_needs_images_of_both_kinds_and_an_error_two_patients_of_each():
    scores = np.array([0.1, 0.4, 0.3])
    assert np.isnan(delong(np.ones(3, bool), scores, scores, np.arange(3))).all()
    found = delong(np.array([True, False, False]), scores, scores[::-1], np.arange(3))
    assert found.value == pytest.approx(0.5)
    assert np.isnan(found.error)


@given(st.lists(st.one_of(st.floats(0, 1), st.just(np.nan)), max_size=12))
def test_holm_agrees_with_its_definition(values):
    """A hypothesis is rejected at a level if it and all smaller p values pass theirs."""
    p = np.array(values)
    adjusted = holm(p)
    known = np.sort(p[~np.isnan(p)])
    assert (np.isnan(adjusted) == np.isnan(p)).all()
    for value, found in zip(p, adjusted, strict=True):
        steps = [(len(known) - n) * one for n, one in enumerate(known) if one <= value]
        ties = int((known == value).sum())
        bound = max(steps[: len(steps) - ties + 1], default=np.nan)
        assert np.isnan(value) or found == pytest.approx(min(1, bound))


def test_holm_agrees_with_statsmodels():
    multitest = pytest.importorskip("statsmodels.stats.multitest", reason="make setup installs it")
    p = np.random.default_rng(3).random(20) ** 3
    assert holm(p) == pytest.approx(multitest.multipletests(p, method="holm")[1])


def test_the_smallest_difference_is_found_in_80_percent():
    random, error = np.random.default_rng(0), 0.013
    found = random.normal(smallest_difference(error), error, 40_000)
    assert np.mean(np.abs(found) > 1.959964 * error) == pytest.approx(0.8, abs=0.01)
    assert smallest_difference(error) == pytest.approx(2.8016 * error, rel=1e-4)
    assert np.isnan(smallest_difference(0.0)) and np.isnan(smallest_difference(np.nan))


def test_the_corrected_t_test_rejects_a_true_null_as_often_as_it_says_and_the_plain_one_far_more_often():
    found = rejections(500, seed=1)
    assert 0.03 <= found["corrected t-test"] <= 0.07
    assert found["plain t-test"] > 2.5 * found["corrected t-test"]
