"""Split-conformal sets of classes: each class is in the sets of its images as often as promised.

The promise needs images that are exchangeable with those that the cutoffs were chosen on. Several images of one patient
are not, so a cutoff is chosen on one image of each patient, and coverage counts patients: it is about an image, drawn
at random, of a new patient.
"""

import numpy as np

from pxr_tf.evaluation.weighted import Sample


def find_cutoffs(sample: Sample, promised: float, *, seed: int = 0) -> np.ndarray:
    """Return the least probability at which each class is in a set, float64 [K].

    For each class alone (Vovk, "Conditional Validity of Inductive Conformal Predictors"), the score of an image is
    1 - the probability of its true class. The cutoff is 1 - the ceil((n + 1) * promised)-th smallest of n scores. With
    too few patients it is minus infinity, and the class is in every set.
    """
    return np.array([_cutoff(_one_each(sample, k, seed), promised) for k in range(len(sample.classes))])


def _cutoff(probabilities: np.ndarray, promised: float) -> float:
    rank = int(np.ceil(round((len(probabilities) + 1) * promised, 9)))  # 20 * 0.95 is 19, not 19.000000000000004
    return float(np.sort(probabilities)[::-1][rank - 1]) if rank <= len(probabilities) else -np.inf


def _one_each(sample: Sample, k: int, seed: int) -> np.ndarray:
    """Return class k's probability in one image of it, drawn at random, of each patient."""
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(sample.truth == k))
    _, first = np.unique(sample.patients[rows], return_index=True)
    return sample.probabilities[rows[first], k]


def patient_shares(patients: np.ndarray) -> np.ndarray:
    """Return the weight of each row, float64 [n], that makes every patient count once."""
    return 1 / np.bincount(patients)[patients]
