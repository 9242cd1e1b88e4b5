"""Confidence intervals over patients for every metric, and for differences between predictions of the same images.

Patients are drawn with replacement, each with all images in all folds, so an interval shows how far a figure would move
with other patients. It holds the trained networks fixed: the spreads over folds and over seeds are two other things.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import norm
from scipy.stats import t as student

from pxr_tf.evaluation.bootstrap import FEWEST_PATIENTS, LEVEL, RESAMPLES
from pxr_tf.evaluation.metrics import mean_known, measure, metric_keys
from pxr_tf.evaluation.weighted import Sample, Weighted

BCA, STUDENT, WILSON = "BCa bootstrap", "Student", "Wilson"
# Resamples of few patients vary too little, and those of a value near its limit bunch there: docs/statistics.md.
FEWEST_FOR_BCA = 100  # from this number on, intervals come from the bootstrap
NEAR = 3  # standard errors: a share that is no further from 0 or 1 gets an interval that knows these limits
NO_ERROR = 1e-12  # of a ranked metric: less is rounding
MOST_LEFT_OUT = 500  # more patients are left out in groups: the error is the same, and takes a fraction of the time
_AT_ONCE = 400_000  # weights of images: 3 MB, which a processor's cache holds
_RANKED = ("auc", "average_precision")
_LOSSES = ("log_loss", "brier")
_MEANS = ("balanced_accuracy", "mean_sensitivity_specificity", *_RANKED)  # metrics over all classes: means of theirs


class Replicates(NamedTuple):
    """What predictions say about M values: as they are, and under other weights of their P patients."""

    value: np.ndarray  # [M]
    drawn: np.ndarray  # [M, R]: patients drawn with replacement
    without: np.ndarray  # [M, P]: one patient left out, or one of `MOST_LEFT_OUT` groups of patients
    patients: np.ndarray  # int [M]: how many patients each value rests on; of several classes, the rarest

    def minus(self, other: "Replicates") -> "Replicates":
        """Return the differences to other predictions of the same images, drawn with the same seed."""
        parts = [ours - theirs for ours, theirs in zip(self[:3], other[:3], strict=True)]
        return Replicates(*parts, np.minimum(self.patients, other.patients))


class Ends(NamedTuple):
    """Both ends of an interval, NaN without one, and the method."""

    low: float
    high: float
    method: str


NONE = Ends(np.nan, np.nan, "")


def replicate(samples: Sequence[Sample], *, resamples: int = RESAMPLES, seed: int = 0) -> list[Replicates]:
    """Return the replicates of all metrics (`metric_keys`) of each sample; all samples draw the same patients.

    The samples number the same patients: folds of one run (`Sample.take`), or runs that predict the same images.
    """
    count = samples[0].patient_count
    ones = np.ones((count, 1))
    values = [measure(Weighted(sample, ones))[:, 0] for sample in samples]
    size = _at_once(max(len(sample.truth) for sample in samples))
    draws = _draws(count, resamples, seed, size)
    blocks = [[measure(Weighted(sample, weights)) for sample in samples] for weights in draws]
    drawn = [np.hstack(parts) for parts in zip(*blocks, strict=True)]
    return [
        Replicates(value, own, _leave_out(sample, value), count_patients(sample))
        for sample, value, own in zip(samples, values, drawn, strict=True)
    ]


def replicate_sums(
    sums: np.ndarray,
    measure: Callable[[np.ndarray], np.ndarray],
    patients: np.ndarray,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Replicates:
    """Return the replicates of values that are functions of sums over patients, such as shares.

    `sums` has each patient's part of m sums, [P, m]; `measure` takes totals [R, m] to values [R, M]; `patients` [M] is
    how many patients each value rests on.
    """
    total = sums.sum(0)
    drawn = [measure(weights.T @ sums) for weights in _draws(len(sums), resamples, seed, _at_once(len(sums)))]
    return Replicates(measure(total[None])[0], np.vstack(drawn).T, measure(total - sums).T, patients)


def mean_over_folds(folds: Sequence[Replicates], pooled: Replicates) -> Replicates:
    """Return the replicates of the mean over folds; a fold whose value is NaN does not count, as in the table."""
    parts = zip(*(fold[:3] for fold in folds), strict=True)
    return Replicates(*(mean_known(np.stack(part, axis=-1)) for part in parts), pooled.patients)


def metric_intervals(found: Replicates, classes: tuple[str, ...]) -> pd.DataFrame:
    """Return ``class, metric, value, low, high, method`` of all metrics; ``support`` has no interval."""
    rows = [
        (name, metric, found.value[row], *(NONE if metric == "support" else find_ends(found, row, metric)))
        for row, (name, metric) in enumerate(metric_keys(classes))
    ]
    return pd.DataFrame(rows, columns=["class", "metric", "value", *Ends._fields])


def find_ends(found: Replicates, row: int, metric: str = "") -> Ends:
    """Return the 95 % interval of one value; `metric` names what it measures, "" for a difference.

    With `FEWEST_FOR_BCA` or more, the method is BCa (Efron and Tibshirani, "An Introduction to the Bootstrap", chapter
    14), with the acceleration from leaving out each patient. Fewer patients, or a value within `NEAR` standard errors
    of 0 or 1, get an interval from the jackknife over patients, with Student's factor: on the scale of the logit for
    areas and average precision, of the logarithm for losses, and unchanged for differences. A share gets Wilson's
    interval (Wilson, "Probable Inference") for as many images as would give the jackknife's variance. With fewer than
    `FEWEST_PATIENTS`, or if the value is unknown without some patient or group, the ends are NaN.
    """
    value, drawn, without = found.value[row], found.drawn[row], found.without[row]
    patients, drawn = int(found.patients[row]), drawn[~np.isnan(drawn)]
    if np.isnan(value) or patients < FEWEST_PATIENTS or not len(drawn) or np.isnan(without).any():
        return NONE
    factor, error = student.ppf((1 + LEVEL) / 2, patients - 1), jackknife_error(without)
    is_share = bool(metric) and metric not in _LOSSES
    near = is_share and min(value, 1 - value) <= NEAR * error
    if patients >= FEWEST_FOR_BCA and not near and np.ptp(drawn) > 0:
        return Ends(*_bca(value, drawn, without), BCA)
    if is_share and (metric not in _RANKED or error < NO_ERROR or value in (0, 1)):
        return Ends(*wilson_interval(value, _effective_number(value, error, patients), factor), WILSON)
    return Ends(*_student(value, without, factor, metric), STUDENT)


class Share(NamedTuple):
    """A share of images, its standard error over patients, and its 95 % interval; NaN if unknown."""

    value: float
    error: float
    low: float
    high: float


def measure_share(hits: np.ndarray, patients: np.ndarray) -> Share:
    """Return the share of images that are hits, bool [n]; `patients` names the patient of each.

    The interval is Wilson's, as in `find_ends`. With fewer than `FEWEST_PATIENTS`, only the value is known.
    """
    _, numbers = np.unique(patients, return_inverse=True)
    sums, counts = np.bincount(numbers, hits), np.bincount(numbers)
    value = float(hits.mean()) if len(hits) else np.nan
    if len(counts) < FEWEST_PATIENTS:
        return Share(value, np.nan, np.nan, np.nan)
    error = jackknife_error((sums.sum() - sums) / (counts.sum() - counts))
    factor = student.ppf((1 + LEVEL) / 2, len(counts) - 1)
    return Share(value, error, *wilson_interval(value, _effective_number(value, error, len(counts)), factor))


def _bca(value: float, drawn: np.ndarray, without: np.ndarray) -> np.ndarray:
    """Return the quantiles of the replicates, corrected for their bias and for an error that changes with the value."""
    below = (drawn < value).mean() + (drawn == value).mean() / 2
    shift = norm.ppf(np.clip(below, 0.5 / len(drawn), 1 - 0.5 / len(drawn)))
    pulls = without.mean() - without
    acceleration = (pulls**3).sum() / (6 * (pulls**2).sum() ** 1.5) if pulls.any() else 0.0
    ends = shift + norm.ppf([(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return np.quantile(drawn, norm.cdf(shift + ends / (1 - acceleration * ends)))


def _effective_number(value: float, error: float, patients: int) -> float:
    """Return how many independent images would give a share this error; without any variance, one for each patient."""
    return value * (1 - value) / error**2 if error > 0 and 0 < value < 1 else float(patients)


def wilson_interval(
    value: float, number: float, factor: float = float(norm.ppf((1 + LEVEL) / 2))
) -> tuple[float, float]:
    """Return Wilson's interval of a share of `number` independent images; `factor`: standard errors on each side."""
    spread = factor**2 / number
    centre = (value + spread / 2) / (1 + spread)
    half = np.sqrt(value * (1 - value) * spread + spread**2 / 4) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def _student(value: float, without: np.ndarray, factor: float, metric: str) -> tuple[float, float]:
    """Return Student's interval on the metric's own scale, and back.

    Without one patient, an area may be 1 and a loss 0, which the scale puts at infinity. There, such values count as
    half as far from the limit as the value is.
    """
    scale, back = np.asarray, float
    if metric in _RANKED:
        scale, back, without = logit, expit, np.clip(without, value / 2, (1 + value) / 2)
    elif metric in _LOSSES and value > 0:
        scale, back, without = np.log, np.exp, np.maximum(without, value / 2)
    half = factor * jackknife_error(scale(without))
    return float(back(scale(value) - half)), float(back(scale(value) + half))


def jackknife_error(without: np.ndarray) -> float:
    """Return the standard error from values with one patient left out (Efron and Tibshirani, chapter 11)."""
    return float(np.sqrt((len(without) - 1) * without.var()))


def _leave_out(sample: Sample, value: np.ndarray) -> np.ndarray:
    """Return all metrics without each patient or group, [M, P]; one without images in the sample changes nothing.

    Neighbours in the order of patients' names, which often are of one class, are in different groups.
    """
    count, size = min(sample.patient_count, MOST_LEFT_OUT), _at_once(len(sample.truth))
    without, group = np.repeat(value[:, None], count, axis=1), np.arange(sample.patient_count) % count
    own = np.unique(group[sample.patients])
    for start in range(0, len(own), size):
        block = own[start : start + size]
        without[:, block] = measure(Weighted(sample, (group[:, None] != block).astype(np.float64)))
    return without


def _at_once(images: int) -> int:
    """Return how many replicates are computed at once."""
    return max(16, _AT_ONCE // max(1, images))


def _draws(count: int, resamples: int, seed: int, size: int) -> Iterator[np.ndarray]:
    """Yield how often each patient is drawn, float64 [patients, up to size]; a replicate draws as many as there are.

    The same seed draws the same patients, however many are drawn at once.
    """
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, size):
        chosen = rng.integers(count, size=(min(size, resamples - start), count))
        columns = len(chosen)
        cells = chosen * columns + np.arange(columns)[:, None]
        yield np.bincount(cells.ravel(), minlength=count * columns).reshape(count, columns).astype(np.float64)


def count_patients(sample: Sample) -> np.ndarray:
    """Return how many patients each metric rests on, int [M]: those whose images are in its denominator.

    F1, area and average precision need images of the class and of the rest: the smaller number of patients counts. A
    mean over classes rests on the class with the fewest patients.
    """
    classes = range(len(sample.classes))
    truth, rest, named = (
        [len(np.unique(sample.patients[rows(k)])) for k in classes]
        for rows in (lambda k: sample.truth == k, lambda k: sample.truth != k, lambda k: sample.predicted == k)
    )
    everyone, both = len(np.unique(sample.patients)), np.minimum(truth, rest)
    of_class = {"sensitivity": truth, "specificity": rest, "precision": named, "brier": [everyone] * len(classes)}
    rarest = min((number for number in truth if number), default=0)
    number = {name: k for k, name in enumerate(sample.classes)}
    return np.array(
        [
            (rarest if metric in _MEANS else everyone) if name == "all" else of_class.get(metric, both)[number[name]]
            for name, metric in metric_keys(sample.classes)
        ]
    )
