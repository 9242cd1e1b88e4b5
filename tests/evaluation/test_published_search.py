"""The matrix that is found: of unknown sizes the smallest, of two classes the one with the nearest share."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from printed_figures import ROUNDINGS, measure, print_figures, print_value

from pxr_tf.evaluation.published.feasibility import Figure, UndecidedError
from pxr_tf.evaluation.published.models import OneMatrix
from pxr_tf.evaluation.published.printed import Range
from pxr_tf.evaluation.published.search import _every_result, find_matrix

CLASSES = ("a", "b", "c")
TWO = CLASSES[:2]


def printed(metric, name, percent):
    return Figure(metric, name, print_value(Fraction(percent) / 100, 2, ROUNDINGS[0]))


PERFECT = [printed("accuracy", "all", 100)]
A_THIRD = [printed("accuracy", "all", Fraction(100, 3))]


@pytest.mark.parametrize(("share", "images"), [(Fraction(3, 10), 6), (Fraction(1, 2), 10), (Fraction(19, 20), 19)])
def test_of_two_classes_with_a_known_total_the_nearest_share_is_found(share, images):
    assert find_matrix(OneMatrix(TWO, total=20), PERFECT, share) == [[images, 0], [0, 20 - images]]


def test_half_of_the_images_are_of_the_first_class_if_nothing_else_is_known():
    assert find_matrix(OneMatrix(TWO, total=20), PERFECT) == [[10, 0], [0, 10]]


def test_the_smallest_test_set_of_unknown_size_is_found():
    figures = [printed("sensitivity", "a", 50), printed("sensitivity", "b", 75)]
    assert find_matrix(OneMatrix(TWO), figures) == [[1, 1], [1, 3]]
    figures = [printed("sensitivity", "a", Fraction(200, 3)), printed("precision", "b", 75)]
    assert np.sum(find_matrix(OneMatrix(CLASSES), figures)) == 7


def test_averages_without_an_accuracy_are_searched_among_all_results():
    matrix = [[3, 1], [2, 4]]
    found = measure(matrix, TWO)
    figures = print_figures(found, [("precision", "macro"), ("f1", "macro")], 2)
    again = measure(find_matrix(OneMatrix(TWO, (4, 6)), figures), TWO)
    assert all(again[one.metric, one.name] in one.printed.range for one in figures)


@pytest.mark.parametrize("classes", [TWO, CLASSES])
def test_a_total_that_gives_no_such_accuracy_has_no_matrix(classes):
    assert find_matrix(OneMatrix(classes, total=20), A_THIRD) is None
    found = np.array(find_matrix(OneMatrix(classes, total=21), A_THIRD))
    assert (found.sum(), np.trace(found)) == (21, 7)


def test_equal_classes_stay_equal():
    assert find_matrix(OneMatrix(CLASSES, total=9, equal=True), PERFECT) == np.diag([3, 3, 3]).tolist()


def test_an_average_of_classes_of_unknown_size_stays_open():
    with pytest.raises(UndecidedError):
        find_matrix(OneMatrix(CLASSES), [printed("precision", "macro", Fraction(3713, 100))])


@pytest.mark.parametrize(("least", "errors"), [(Fraction(0), 5), (Fraction(3, 5), 2), (Fraction(1), 0)])
def test_every_result_with_the_accuracy_is_tried_and_no_other(least, errors):
    """The oracle lists every confusion matrix of 2, 2 and 1 images."""
    counts = (2, 2, 1)
    rows = [[row for row in product(range(n + 1), repeat=3) if sum(row) == n] for n in counts]
    every = [np.array(one) for one in product(*rows)]
    expected = {
        (*counts, *one.diagonal().tolist(), *(one.sum(0) - one.diagonal()).tolist(), 5)
        for one in every
        if 5 - np.trace(one) <= errors
    }
    found = list(map(tuple, _every_result(OneMatrix(CLASSES, counts), Range(least, Fraction(2)))))
    assert set(found) == expected
    assert len(found) == len(expected)
