"""How far probabilities can be believed: temperature, reliability, calibration error, parts of the Brier score.

The bins of a set of scores hold about as many images each. What a bin holds is kept as sums per patient
(`sum_bins`), because every figure here is a function of such sums, and so are its intervals over patients.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp, softmax

from pxr_tf.evaluation.bootstrap import FEWEST_PATIENTS, LEVEL, Interval
from pxr_tf.evaluation.intervals import replicate_sums
from pxr_tf.evaluation.metrics import divide
from pxr_tf.evaluation.weighted import LEAST_PROBABILITY

# Rows that a network separates perfectly have no best temperature: lower ones are always better.
LIMITS = (0.1, 10.0)
MOST_BINS, IMAGES_PER_BIN = 15, 20  # fewer bins if they would hold fewer images than that
_SUMS = ("images", "hits", "scores", "hits²", "hits·images", "images²", "patients")  # of a patient's images in a bin


class BrierParts(NamedTuple):
    """Murphy's parts of a Brier score; `within` is what binning adds, as a bin's scores differ.

    The score is reliability - resolution + uncertainty + within.
    """

    reliability: float  # 0 if each bin's mean probability is its share of the class
    resolution: float  # how much the shares of the bins differ
    uncertainty: float  # of the class itself, whatever is predicted
    within: float


def fit_temperature(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """Return the temperature, within `LIMITS`, that makes the log loss of rows [n, K] smallest.

    `truth` has the number of each row's true class. Above 1, the probabilities were too near to 0 and 1 (Guo et al.,
    "On Calibration of Modern Neural Networks"). Logits are logarithms of probabilities, up to a constant per row.
    """
    logits = np.log(probabilities.clip(LEAST_PROBABILITY, 1))
    of_truth = logits[np.arange(len(truth)), truth]

    def loss(log_temperature: float) -> float:
        temperature = np.exp(log_temperature)
        return float((logsumexp(logits / temperature, axis=1) - of_truth / temperature).mean())

    found = minimize_scalar(loss, bounds=np.log(LIMITS), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def apply_temperature(probabilities: np.ndarray, temperature: float | np.ndarray) -> np.ndarray:
    """Return probabilities [n, K] at a temperature, or one for each row, [n, 1]; the order of classes stays."""
    return softmax(np.log(probabilities.clip(LEAST_PROBABILITY, 1)) / temperature, axis=1)


def choose_bins(scores: np.ndarray) -> np.ndarray:
    """Return the bin of each score, int [n]: about as many images each, and equal scores in one bin."""
    count = int(np.clip(len(scores) // IMAGES_PER_BIN, 1, MOST_BINS))
    cuts = np.quantile(scores, np.arange(1, count) / count, method="higher")
    _, bins = np.unique(np.searchsorted(np.unique(cuts), scores, side="right"), return_inverse=True)
    return bins


def sum_bins(scores: np.ndarray, hits: np.ndarray, patients: np.ndarray, count: int) -> np.ndarray:
    """Return what each of `count` patients has in each bin of the scores, float64 [patients, bins, `_SUMS`].

    `scores` [n] are probabilities, `hits` [n] says whether what they are of is true.
    """
    bins = choose_bins(scores)
    sums = np.zeros((count, bins.max() + 1, len(_SUMS)))
    np.add.at(sums, (patients, bins), np.pad(np.column_stack([np.ones(len(bins)), hits, scores]), ((0, 0), (0, 4))))
    images, right = sums[..., 0], sums[..., 1]
    sums[..., 3], sums[..., 4], sums[..., 5], sums[..., 6] = right**2, right * images, images**2, images > 0
    return sums


def squared_error(sums: np.ndarray, *, debiased: bool = True) -> np.ndarray:
    """Return the mean squared distance of the bins' shares of hits from their mean scores, [...] of [..., bins, 7].

    With a perfect network the shares still differ from the scores by chance, so the plain mean is above 0. `debiased`
    subtracts each share's sampling variance (Kumar, Liang and Ma, "Verified Uncertainty Calibration"), here with
    patients as the units; with an image each it is theirs, share * (1 - share) / (images - 1). A debiased value may be
    negative. A bin of one patient has no known variance and does not count.
    """
    images, hits, scores, squares, products, square_images, patients = np.moveaxis(sums, -1, 0)
    share = divide(hits, images, 0.0)
    spread = squares - 2 * share * products + share**2 * square_images
    variance = divide(patients, patients - 1, 0.0) * divide(spread, images**2, 0.0)
    counted = images * (patients > 1)
    distance = (share - divide(scores, images, 0.0)) ** 2 - (variance if debiased else 0)
    return divide((counted * distance).sum(-1), counted.sum(-1))


def calibration_error(sums: np.ndarray, *, seed: int = 0) -> Interval:
    """Return the debiased calibration error, the root of `squared_error` or 0, with its 95 % interval over patients."""
    return Interval(*(float(np.sqrt(np.maximum(0, one))) for one in _square_interval([sums], seed)))


def compare_errors(before: np.ndarray, after: np.ndarray, *, seed: int = 0) -> Interval:
    """Return the squared error of `after` minus that of `before`, of the same patients, with its 95 % interval."""
    return Interval(*map(float, _square_interval([after, before], seed)))


def _square_interval(parts: list[np.ndarray], seed: int) -> tuple[float, float, float]:
    """Return the debiased squared error of the first sums, minus that of the second if given, and its interval.

    A resample repeats patients, which adds about the variance that debiasing took away, so the resampled values are
    moved to the value's place before their percentiles are taken.
    """
    shapes = [part.shape[1:] for part in parts]
    flat = np.hstack([part.reshape(len(part), -1) for part in parts])
    cut = int(np.prod(shapes[0]))

    def measure(totals: np.ndarray) -> np.ndarray:
        sides = [side.reshape(-1, *shape) for side, shape in zip(np.split(totals, [cut], 1), shapes, strict=False)]
        errors = [squared_error(side) for side in sides]
        return (errors[0] - sum(errors[1:]))[:, None]

    patients = int((parts[0][..., 0].sum(1) > 0).sum())
    found = replicate_sums(flat, measure, np.array([patients]), seed=seed)
    value, drawn = found.value[0], found.drawn[0]
    if patients < FEWEST_PATIENTS:
        return value, np.nan, np.nan
    moved = drawn - (np.nanmean(drawn) - value)
    return value, *np.nanquantile(moved, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])


def split_brier(sums: np.ndarray, brier: float) -> BrierParts:
    """Return the parts of a class's Brier score (Murphy, "A New Vector Partition of the Probability Score")."""
    images, hits, scores = np.moveaxis(sums.sum(0), -1, 0)[:3]
    share, base = hits / images, hits.sum() / images.sum()
    weights = images / images.sum()
    reliability, resolution = (weights * (scores / images - share) ** 2).sum(), (weights * (share - base) ** 2).sum()
    uncertainty = base * (1 - base)
    return BrierParts(
        *map(float, (reliability, resolution, uncertainty, brier - reliability + resolution - uncertainty))
    )
