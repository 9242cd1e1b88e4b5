"""A confusion matrix that has the printed figures, each checked in exact fractions."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np

from pxr_tf.evaluation.published.feasibility import Figure, UndecidedError, find, fits_exactly
from pxr_tf.evaluation.published.models import OneMatrix
from pxr_tf.evaluation.published.printed import Range

MOST_PARTIAL = 1_000_000  # combinations of classes kept in memory at once: under 100 MB
MOST_TRIED = 20_000  # results compared with all figures: under 10 s

Matrix = list[list[int]]  # images of each class (a row) that are predicted as each class (a column)


def find_matrix(model: OneMatrix, figures: Sequence[Figure], share: Fraction = Fraction(1, 2)) -> Matrix | None:
    """Return a confusion matrix with all figures, or None if there is none; raise `UndecidedError`.

    Of a test set whose classes are of unknown size it is the smallest; of two classes with a known total, the one
    whose first class is nearest to `share` of all images.
    """
    if model.counts:
        return _of_counts(model, figures)
    if model.total and len(model.classes) == 2:
        total = model.total
        splits = sorted(range(1, total), key=lambda images: abs(Fraction(images, total) - share))
        every = (_of_counts(OneMatrix(model.classes, (images, total - images)), figures) for images in splits)
        return next((found for found in every if found), None)
    size = len(model.classes)
    whole = OneMatrix(model.classes, total=model.total, equal=model.equal)
    found = find(whole, figures, goal=np.array([0] * (3 * size) + [-1]))
    if found is None and model.total:
        return None
    if found:
        known = OneMatrix(model.classes, tuple(map(int, found[:size])))
        if fits_exactly(known, found, figures):
            return _as_matrix(found, size)
    raise UndecidedError("the sizes of the classes are unknown")


def _of_counts(model: OneMatrix, figures: Sequence[Figure]) -> Matrix | None:
    size, found = len(model.classes), find(model, figures)
    if found is None:
        return None
    if not fits_exactly(model, found, figures):
        accuracy = next(
            (one.printed.range for one in figures if one.metric == "accuracy"), Range(Fraction(0), Fraction(2))
        )
        found = next((one for one in _every_result(model, accuracy) if fits_exactly(model, one, figures)), None)
    return found and _as_matrix(found, size)


def _every_result(model: OneMatrix, accuracy: Range) -> Iterator[list[Fraction]]:
    """Yield n, h, w and N of all results with the accuracy. Raises `UndecidedError` if there are too many.

    Results of some classes, as rows (sum of misses, sum of false positives, misses and false positives per class), are
    extended class by class.
    """
    total = sum(model.counts)
    most = int(total - total * accuracy.low)
    partial = np.zeros((1, 2), int)
    for images in model.counts:
        pairs = np.indices((min(images, most) + 1, min(total - images, most) + 1)).reshape(2, -1).T
        if len(partial) * len(pairs) > MOST_PARTIAL:
            raise UndecidedError("too many confusion matrices")
        left, right = np.repeat(partial, len(pairs), axis=0), np.tile(pairs, (len(partial), 1))
        partial = np.column_stack([left[:, :2] + right, left[:, 2:], right])
        partial = partial[(partial[:, :2] <= most).all(axis=1)]
    errors, missed, wrong = partial[:, :1], partial[:, 2::2], partial[:, 3::2]
    partial = partial[(errors[:, 0] == partial[:, 1]) & (missed + wrong <= errors).all(axis=1)]
    if len(partial) > MOST_TRIED:
        raise UndecidedError("too many confusion matrices")
    for row in partial.tolist():
        hits = [images - missed for images, missed in zip(model.counts, row[2::2], strict=True)]
        yield list(map(Fraction, [*model.counts, *hits, *row[3::2], total]))


def _as_matrix(values: Sequence[Fraction], size: int) -> Matrix:
    """Return a confusion matrix of n, h and w. An image goes from the class with most errors to that with most next.

    So the condition for an empty diagonal, that no class has more errors than there are, holds to the end.
    """
    n, h, w = (list(map(int, values[start : start + size])) for start in (0, size, 2 * size))
    matrix = [[h[row] if row == column else 0 for column in range(size)] for row in range(size)]
    missed = [a - b for a, b in zip(n, h, strict=True)]
    while sum(missed):
        first = max(range(size), key=lambda one: missed[one] + w[one])
        others = sorted((one for one in range(size) if one != first), key=lambda one: -missed[one] - w[one])
        if missed[first]:
            row, column = first, next(one for one in others if w[one])
        else:
            row, column = next(one for one in others if missed[one]), first
        matrix[row][column] += 1
        missed[row] -= 1
        w[column] -= 1
    return matrix
