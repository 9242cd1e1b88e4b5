"""Split-conformal sets cover each class as promised."""

import numpy as np
import pytest
from scipy.special import softmax

from pxr_tf.evaluation.conformal import find_cutoffs, patient_shares
from pxr_tf.evaluation.weighted import Sample

CLASSES = ("a", "b", "c")


def drawn(seed: int, patients: int, images: int = 1) -> Sample:
    """Return poor predictions, class a rare and hard; images of one patient resemble each other."""
    random = np.random.default_rng(seed)
    truth = np.repeat(random.choice(3, patients, p=[0.2, 0.4, 0.4]), images)
    owners = np.repeat(np.arange(patients), images)
    logits = random.normal(size=(patients, 3))[owners] * 2 + random.normal(size=(len(truth), 3)) * 0.3
    logits[np.arange(len(truth)), truth] += np.array([0.5, 2, 2])[truth]
    shares = softmax(logits, axis=1)
    return Sample(CLASSES, truth, shares.argmax(1), shares, owners, patients)


def covered(sample: Sample, cutoffs: np.ndarray, k: int) -> float:
    here = sample.truth == k
    return float((sample.probabilities[here, k] >= cutoffs[k]).mean())


@pytest.mark.parametrize("images", [1, 4])
def test_every_class_is_covered_on_new_patients(images):
    """The mean over calibrations lies between the promise and 1 / (n + 1) above it (n: about 30 patients of a)."""
    new = drawn(10_000, 4000, images)
    found = np.array(
        [[covered(new, find_cutoffs(drawn(seed, 150, images), 0.9), k) for k in range(3)] for seed in range(60)]
    )
    assert found.mean(0) == pytest.approx(0.915, abs=0.017)


def test_one_rate_for_all_classes_would_not_cover_the_hard_one():
    """Why there is a cutoff for each class: pooled scores leave class a behind."""
    fitted, new = drawn(0, 2000), drawn(1, 4000)
    pooled = np.quantile(fitted.probabilities[np.arange(2000), fitted.truth], 0.1)
    assert covered(new, np.full(3, pooled), 0) < 0.85
    assert covered(new, find_cutoffs(fitted, 0.9), 0) == pytest.approx(0.9, abs=0.03)


def test_the_cutoff_by_its_formula():
    """Of 19 scores and a promise of 95 %, the 19th smallest score; of 18, every set has the class."""
    shares = np.random.default_rng(0).random(19)
    table = np.column_stack([shares, 1 - shares, np.zeros(19)])
    sample = Sample(CLASSES, np.zeros(19, int), np.zeros(19, int), table, np.arange(19), 19)
    assert find_cutoffs(sample, 0.95)[0] == shares.min()
    assert find_cutoffs(sample, 0.9)[0] == np.sort(shares)[1]
    assert find_cutoffs(sample.take(np.arange(18)), 0.95)[0] == -np.inf


def test_the_sets_are_those_of_crepes():
    crepes = pytest.importorskip("crepes")
    fitted, new = drawn(2, 200), drawn(3, 100)
    scores = 1 - fitted.probabilities[np.arange(200), fitted.truth]
    cutoffs = find_cutoffs(fitted, 0.9)
    for k in range(3):
        theirs = crepes.ConformalClassifier().fit(scores[fitted.truth == k])
        sets = theirs.predict_set(1 - new.probabilities[:, [k]], confidence=0.9, smoothing=False)[:, 0] == 1
        assert np.array_equal(new.probabilities[:, k] >= cutoffs[k], sets)


def test_a_patient_with_many_images_counts_once():
    """One patient with 50 images that are all unlike the others' does not move the cutoff of 99 patients."""
    sample = drawn(4, 300)
    many = np.concatenate([np.arange(300), np.full(50, 7)])
    repeated = sample.take(many)
    for k in range(3):
        assert find_cutoffs(repeated, 0.9)[k] == find_cutoffs(sample, 0.9)[k]
    assert np.bincount(repeated.patients, patient_shares(repeated.patients)) == pytest.approx(np.ones(300))


def test_the_seed_decides_which_image_of_a_patient_is_drawn():
    sample = drawn(5, 60, images=4)
    cutoffs = find_cutoffs(sample, 0.8)
    assert np.array_equal(find_cutoffs(sample, 0.8), cutoffs)
    assert np.array_equal(find_cutoffs(sample, 0.8, seed=0), cutoffs)
    assert not np.array_equal(find_cutoffs(sample, 0.8, seed=1), cutoffs)
