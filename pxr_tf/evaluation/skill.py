"""Skill: how far a score is above chance, how much of it is left in other scores, and whether it is chance."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student
from sklearn.metrics import confusion_matrix, roc_auc_score

from pxr_tf.evaluation.bootstrap import LEVEL
from pxr_tf.evaluation.comparisons import NO_SPREAD, delong
from pxr_tf.evaluation.intervals import Ends, Replicates, find_ends, replicate
from pxr_tf.evaluation.metrics import balanced_accuracy, metric_keys
from pxr_tf.evaluation.weighted import Sample

# Twice as many take as long again, a second per probe of 6,000 images, and move an end by 0.001.
RESAMPLES = 1_000
CHANCE = 0.5  # area under the ROC curve
AREA, BALANCED = "auc", "balanced_accuracy"


class Skill(NamedTuple):
    """What one probe knows of one class."""

    name: str  # a class; ``all`` for the balanced accuracy over all classes
    metric: str
    value: float
    low: float  # 95 % interval over patients
    high: float
    share_left: float  # of the reference's skill; NaN if that has none
    share_low: float
    share_high: float
    p: float  # of chance, one-sided; NaN for the balanced accuracy


def make_probe_sample(
    probabilities: np.ndarray, truth: np.ndarray, patients: Sequence[object], classes: tuple[str, ...]
) -> Sample:
    """Return probabilities, [n, K], of rows with these classes, int [n], and patients as a sample."""
    known, numbers = np.unique(np.asarray(patients, str), return_inverse=True)
    return Sample(classes, truth, probabilities.argmax(1), probabilities, numbers, len(known))


def measure_skills(samples: Sequence[Sample], reference: int) -> list[list[Skill]]:
    """Return the skills of each sample: the area of each class, and the balanced accuracy.

    All samples have the same rows. Shares compare with the sample of the number `reference`, paired over patients:
    (area - 0.5) / (area of the reference - 0.5).
    """
    found = replicate(samples, resamples=RESAMPLES)
    return [_skills(sample, own, found[reference]) for sample, own in zip(samples, found, strict=True)]


def measure_repeats(repeats: Sequence[tuple[np.ndarray, np.ndarray]], classes: tuple[str, ...]) -> list[Skill]:
    """Return the mean skills of independent repeats, each (probabilities [n, K], truth int [n]).

    The interval and the p value are Student's, over repeats; there is no share. A class that is missing in a repeat is
    unknown.
    """
    counts = [confusion_matrix(truth, found.argmax(1), labels=range(len(classes))) for found, truth in repeats]
    values = [("all", BALANCED, balanced_accuracy(np.array(counts)))]
    for number, name in enumerate(classes):
        values.append((name, AREA, np.array([_area(truth == number, found[:, number]) for found, truth in repeats])))
    return [_skill_of_repeats(*one) for one in values]


def _area(actual: np.ndarray, scores: np.ndarray) -> float:
    return np.nan if actual.all() or not actual.any() else float(roc_auc_score(actual, scores))


def _skill_of_repeats(name: str, metric: str, values: np.ndarray) -> Skill:
    mean, error, freedom = values.mean(), values.std(ddof=1) / np.sqrt(len(values)), len(values) - 1
    half, p = student.ppf((1 + LEVEL) / 2, freedom) * error, np.nan
    if metric == AREA:
        p = student.sf((mean - CHANCE) / max(error, NO_SPREAD), freedom)
    return Skill(name, metric, float(mean), float(mean - half), float(mean + half), *[np.nan] * 3, float(p))


def chance_p(actual: np.ndarray, scores: np.ndarray, patients: np.ndarray) -> float:
    """Return the one-sided p value of an area of one half; `actual` is bool [n], `patients` the patient of each.

    The normal distribution of the area's difference from that of a constant, with Obuchowski's error over patients
    (`comparisons.delong`). NaN if the error is unknown.
    """
    above = delong(actual, np.zeros(len(scores)), scores, patients)
    if above.error == 0:  # all in the right order, or all tied
        return 0.0 if above.value > 0 else 1.0
    return float(norm.sf(above.value / above.error))


def _skills(sample: Sample, own: Replicates, reference: Replicates) -> list[Skill]:
    keys, found = metric_keys(sample.classes), []
    shares = _shares(own, reference)
    for name in ("all", *sample.classes):
        metric = BALANCED if name == "all" else AREA
        row = keys.index((name, metric))
        left, p = (np.nan, Ends(np.nan, np.nan, "")), np.nan
        if metric == AREA:
            number = sample.classes.index(name)
            left = shares.value[row], find_ends(shares, row)
            p = chance_p(sample.truth == number, sample.scores[:, number], sample.patients)
        ends = find_ends(own, row, metric)
        found.append(Skill(name, metric, own.value[row], ends.low, ends.high, left[0], left[1].low, left[1].high, p))
    return found


def _shares(own: Replicates, reference: Replicates) -> Replicates:
    """Return the replicates of the share of the reference's skill, NaN where that has none."""
    parts = []
    for ours, theirs in zip(own[:3], reference[:3], strict=True):
        skill = np.where(theirs > CHANCE, theirs - CHANCE, np.nan)
        parts.append((ours - CHANCE) / skill)
    return Replicates(*parts, np.minimum(own.patients, reference.patients))
