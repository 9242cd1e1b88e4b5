"""Which numbers of test images allow the figures that a paper prints.

Computed in exact fractions from printed numbers, for every value that they may mean (`Printed.range`). If something is
impossible here, rounding is not the reason.
"""

from collections.abc import Sequence
from itertools import count
from math import ceil

from pxr_tf.evaluation.published.printed import Printed


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
