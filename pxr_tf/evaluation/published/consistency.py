"""Which numbers of test images allow the figures that a paper prints, and which figures exclude each other.

Computed in exact fractions from printed numbers, for every value that they may mean (`Printed.range`). If something is
impossible here, rounding is not the reason.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import count
from math import ceil
from typing import NamedTuple

from pxr_tf.evaluation.published.printed import Printed, Range


class TwoByTwo(NamedTuple):
    """A confusion matrix of two classes, in images."""

    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int

    @property
    def positives(self) -> int:
        """How many images are of the positive class."""
        return self.true_positives + self.false_negatives

    @property
    def negatives(self) -> int:
        """How many images are of the negative class."""
        return self.true_negatives + self.false_positives

    def measure(self) -> dict[str, Fraction]:
        """Return metric -> value; a share of zero images is 0."""
        sensitivity = _share(self.true_positives, self.positives)
        specificity = _share(self.true_negatives, self.negatives)
        return {
            "sensitivity": sensitivity,
            "specificity": specificity,
            "precision": _share(self.true_positives, self.true_positives + self.false_positives),
            "negative_predictive_value": _share(self.true_negatives, self.true_negatives + self.false_negatives),
            "balanced_accuracy": (sensitivity + specificity) / 2,
        }


def fits(figure: Printed, images: int, folds: int = 1) -> bool:
    """Return whether a share of `images`, counted whole, can be printed as this figure.

    With one fold: whether k/n is in the figure's range for a whole k. With K folds, the sizes are s or s + 1 images and
    add up to `images`; the figure is the mean of the K shares, (a/s + b/(s+1)) / K, where a and b are the images
    counted in the folds of s and of s + 1.
    """
    size, larger = divmod(images, folds)
    if size == 0:
        return False
    scale = folds * size * (size + 1)  # both sides in whole numbers: the figure times this is a (s + 1) + b s
    low, high = ceil(figure.range.low * scale), ceil(figure.range.high * scale)
    most = (folds - larger) * size
    return any(
        max(0, -((b * size - low) // (size + 1))) < min(most + 1, -((b * size - high) // (size + 1)))
        for b in range(larger * (size + 1) + 1)
    )


def smallest_count(figures: Sequence[Printed], folds: int = 1) -> int:
    """Return the smallest number of images that all figures fit."""
    return next(images for images in count(1) if all(fits(figure, images, folds) for figure in figures))


def first_counts(figures: Sequence[Printed], folds: int = 1) -> tuple[int, int]:
    """Return the smallest number of images that all figures fit, and the last of the unbroken series that it starts.

    The series ends before twice the smallest number at the latest: figures of few digits fit every larger number.
    """
    first = smallest_count(figures, folds)
    following = range(first + 1, 2 * first)
    end = next(
        (images for images in following if not all(fits(figure, images, folds) for figure in figures)), 2 * first
    )
    return first, end - 1


def possible_hits(figure: Printed, images: int) -> range:
    """Return the whole numbers of images, out of `images`, whose share can be printed as this figure."""
    return _whole_numbers(figure.range, images, images)


def adds_up(accuracy: Printed, sensitivities: Sequence[Printed], counts: Sequence[int]) -> bool:
    """Return whether the correct images that the sensitivities imply, over all classes, can give the accuracy."""
    hits = [possible_hits(figure, images) for figure, images in zip(sensitivities, counts, strict=True)]
    if not all(hits):
        return False
    fewest, most = sum(found[0] for found in hits), sum(found[-1] for found in hits)
    allowed = possible_hits(accuracy, sum(counts))
    return bool(allowed) and fewest <= allowed[-1] and allowed[0] <= most


def mean_range(first: Printed, second: Printed) -> Range:
    """Return the range of the mean of two figures, such as balanced accuracy: (sensitivity + specificity) / 2."""
    one, two = first.range, second.range
    return Range((one.low + two.low) / 2, (one.high + two.high) / 2)


def positive_share(precision: Printed, sensitivity: Printed, specificity: Printed) -> Range:
    """Return the share of the positive class among the test images that its three figures imply.

    False positives are TP (1/p - 1) and also N (1 - spec), and TP is P sens; so N / P = sens (1/p - 1) / (1 - spec) and
    P / (P + N) = p (1 - spec) / (p (1 - spec) + sens (1 - p)). The share grows with p and falls with sens and spec.
    """
    ranges = (figure.range for figure in (precision, sensitivity, specificity))
    p, sens, spec = (Range(one.low, min(one.high, Fraction(1))) for one in ranges)
    return Range(_positive_share(p.low, sens.high, spec.high), _positive_share(p.high, sens.low, spec.low))


def find_matrices(images: int, wanted: Mapping[str, Printed]) -> Iterator[TwoByTwo]:
    """Yield each confusion matrix of `images` images, with both classes, that has all the wanted figures.

    `wanted` is metric (`TwoByTwo.measure`) -> figure. It must have sensitivity and balanced accuracy, which leave few
    matrices to try: specificity is twice the balanced accuracy minus the sensitivity.
    """
    balanced = wanted["balanced_accuracy"].range
    for positives in range(1, images):
        negatives = images - positives
        for hits in possible_hits(wanted["sensitivity"], positives):
            sensitivity = Fraction(hits, positives)
            specificity = Range(2 * balanced.low - sensitivity, 2 * balanced.high - sensitivity)
            for right in _whole_numbers(specificity, negatives, negatives):
                matrix = TwoByTwo(hits, positives - hits, negatives - right, right)
                measured = matrix.measure()
                if all(measured[metric] in figure.range for metric, figure in wanted.items()):
                    yield matrix


def _whole_numbers(allowed: Range, most: int, images: int) -> range:
    """Return the whole numbers k, up to `most`, for which k / images is allowed."""
    return range(max(0, ceil(allowed.low * images)), min(most + 1, ceil(allowed.high * images)))


def _positive_share(precision: Fraction, sensitivity: Fraction, specificity: Fraction) -> Fraction:
    right, wrong = precision * (1 - specificity), sensitivity * (1 - precision)
    return right / (right + wrong)


def _share(part: int, whole: int) -> Fraction:
    return Fraction(part, whole) if whole else Fraction(0)
