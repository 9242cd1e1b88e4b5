"""Whether a result can give printed figures: against brute force, and on figures of random confusion matrices."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from printed_figures import ROUNDINGS, measure, print_figures, print_value

from pxr_tf.evaluation.published import search
from pxr_tf.evaluation.published.feasibility import (
    Figure,
    Share,
    UndecidedError,
    contradiction,
    find,
    fits_exactly,
    impossible,
    nearest_values,
    value_range,
)
from pxr_tf.evaluation.published.models import MeanOfFolds, OneMatrix
from pxr_tf.evaluation.published.printed import Printed
from pxr_tf.evaluation.published.search import find_matrix

NAMES = ("a", "b", "c", "d")
KEYS = list(measure([[1, 0], [0, 1]], NAMES[:2]))


def square(size, low, high):
    row = st.lists(st.integers(low, high), min_size=size, max_size=size)
    return st.lists(row, min_size=size, max_size=size).filter(lambda matrix: all(map(sum, matrix)))


matrices = st.integers(2, 4).flatmap(lambda size: square(size, 0, 60))


def of_counts(matrix):
    return OneMatrix(NAMES[: len(matrix)], tuple(map(sum, matrix)))


@settings(max_examples=25, deadline=None)
@given(matrices, st.integers(0, 3), st.sampled_from(ROUNDINGS), st.data())
def test_figures_of_a_matrix_are_possible(matrix, digits, rounding, data):
    names = NAMES[: len(matrix)]
    found = measure(matrix, names)
    keys = data.draw(st.lists(st.sampled_from(list(found)), min_size=1, unique=True))
    figures = print_figures(found, keys, digits, rounding)
    model = of_counts(matrix)
    total = (
        [OneMatrix(names, total=int(np.sum(matrix)))] if len(names) == 2 else []
    )  # with more classes it takes seconds
    for one in (model, OneMatrix(names, whole=False), *total):
        assert not impossible(one, figures)
    low, high = value_range(model, figures, Figure("f1", "a", figures[0].printed))
    assert low <= found["f1", "a"] <= high


@settings(max_examples=40, deadline=None)
@given(matrices, st.integers(1, 3))
def test_a_matrix_with_all_figures_is_found(matrix, digits):
    names = NAMES[: len(matrix)]
    keys = [(metric, name) for metric in ("sensitivity", "precision") for name in names]
    figures = print_figures(measure(matrix, names), [*keys, ("accuracy", "all"), ("f1", "macro")], digits)
    found = find_matrix(of_counts(matrix), figures)
    assert list(map(sum, found)) == list(map(sum, matrix))
    again = measure(found, names)
    assert all(again[figure.metric, figure.name] in figure.printed.range for figure in figures)


@settings(max_examples=40, deadline=None)
@given(square(2, 0, 3), st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True), st.data())
def test_two_classes_agree_with_trying_every_matrix(matrix, keys, data):
    """Figures of other matrices are mixed in, so that many sets are impossible."""
    names, counts = NAMES[:2], tuple(map(sum, matrix))
    others = [measure(data.draw(square(2, 0, 3)), names) for _ in keys]
    figures = [print_figures(found, [key], 1)[0] for found, key in zip(others, keys, strict=True)]
    every = [[[a, counts[0] - a], [counts[1] - d, d]] for a in range(counts[0] + 1) for d in range(counts[1] + 1)]
    fits = [
        one
        for one in every
        if all(measure(one, names)[figure.metric, figure.name] in figure.printed.range for figure in figures)
    ]
    found = find_matrix(OneMatrix(names, counts), figures)
    assert (found in fits) if fits else found is None
    if impossible(OneMatrix(names, counts), figures):
        assert not fits
    elif all(len(OneMatrix(names, counts).terms(figure)) == 1 for figure in figures):
        assert fits


def test_three_classes_agree_with_trying_every_matrix():
    names, counts = NAMES[:3], (2, 2, 1)
    rows = [[row for row in product(range(n + 1), repeat=3) if sum(row) == n] for n in counts]
    every = [measure(matrix, names) for matrix in product(*rows)]
    keys = [("precision", "a"), ("f1", "b"), ("specificity", "c")]
    tried = 0
    for some in product(every[::23], every[5::31], every[9::29]):
        figures = [print_figures(one, [key])[0] for one, key in zip(some, keys, strict=True)]
        exists = any(all(f[g.metric, g.name] in g.printed.range for g in figures) for f in every)
        assert impossible(OneMatrix(names, counts), figures) != exists
        tried += not exists
    assert tried > 10


def test_a_figure_that_is_moved_is_found_in_most_cases():
    """One of ten figures of three classes differs by 0.1 percent points; 200 images print in steps of 0.5."""
    random, caught = np.random.default_rng(0), 0
    keys = [(metric, name) for metric in ("sensitivity", "precision", "f1") for name in NAMES[:3]] + [
        ("accuracy", "all")
    ]
    for _ in range(40):
        matrix = random.multinomial(200, [0.8, 0.1, 0.1], size=3)
        found = measure([np.roll(row, place) for place, row in enumerate(matrix)], NAMES[:3])
        moved = keys[random.integers(len(keys))]
        found[moved] -= Fraction(1, 1000)
        caught += impossible(OneMatrix(NAMES[:3], (200, 200, 200)), print_figures(found, keys))
    assert caught == 40


def test_a_contradiction_names_no_figure_that_can_be_left_out():
    matrix = [[50, 10, 0], [5, 60, 5], [0, 8, 72]]
    names, model = NAMES[:3], of_counts(matrix)
    found = measure(matrix, names)
    found["accuracy", "all"] += Fraction(1, 70)  # 3 of 210 images
    figures = print_figures(found, [key for key in found if key[1] in (*names, "all")])
    needed = contradiction(model, figures)
    assert impossible(model, needed)
    for figure in needed:
        assert not impossible(model, [one for one in needed if one != figure])
    assert contradiction(model, print_figures(measure(matrix, names), found)) == []


def test_the_values_next_to_an_impossible_figure():
    model = OneMatrix(("normal", "viral"), (234, 148))
    figure = Figure("sensitivity", "normal", print_value(Fraction("0.99359"), 3, ROUNDINGS[0]))
    assert nearest_values(model, [], figure) == (Fraction(232, 234), Fraction(233, 234))
    perfect = Figure("sensitivity", "normal", Printed(print_value(Fraction(1), 1, ROUNDINGS[0]).number))
    accuracy = Figure("accuracy", "all", print_value(Fraction(1, 2), 1, ROUNDINGS[0]))
    assert nearest_values(model, [perfect], accuracy) == (None, Fraction(234, 382))


@pytest.mark.parametrize(("hits", "side"), [(1, (None, 1)), (0, (0, None))])
def test_the_value_next_to_an_impossible_average(hits, side):
    """All sensitivities are 100 % or 0 %, and so is the macro precision of two classes; a half is printed."""
    model = OneMatrix(NAMES[:2], (10, 10))
    known = [Figure("sensitivity", name, print_value(Fraction(hits), 1, ROUNDINGS[0])) for name in NAMES[:2]]
    average = Figure("precision", "macro", print_value(Fraction(1, 2), 1, ROUNDINGS[0]))
    assert nearest_values(model, known, average) == side


def test_a_value_just_below_the_end_of_its_range_is_possible():
    """An F1 of 10 / 167 is 5.988 %, cut off to 5 %: no fraction with this denominator is nearer to 6 %."""
    found = measure([[5, 95], [62, 138]], NAMES[:2])
    figures = print_figures(found, [("sensitivity", "a"), ("specificity", "a")], 1)
    figures += print_figures(found, [("f1", "a")], 0, ROUNDINGS[2])
    assert figures[2].printed.words == "5 %"
    assert find_matrix(OneMatrix(NAMES[:2], (100, 200)), figures) == [[5, 95], [62, 138]]


def test_the_largest_goal_is_found():
    """The goal is the number of hits of the first of two classes."""
    goal = np.array([Fraction(n == 2) for n in range(len(OneMatrix(NAMES[:2], (10, 10)).bounds()))], object)
    some = Figure("sensitivity", "b", print_value(Fraction(1, 2), 1, ROUNDINGS[0]))
    for sign, hits in ((1, 10), (-1, 0)):
        found = find(OneMatrix(NAMES[:2], (10, 10)), [some], sign * goal)
        assert (found[2], found[3]) == (hits, 5)


def test_a_share_of_nothing_is_0():
    share = Share(*np.array([[Fraction(1), Fraction(0)], [Fraction(0), Fraction(1)]], object))
    assert share.of([Fraction(3), Fraction(0)]) == 0
    assert share.of([Fraction(3), Fraction(4)]) == Fraction(3, 4)


@settings(max_examples=30, deadline=None)
@given(st.lists(square(3, 0, 9), min_size=2, max_size=5), st.integers(1, 2))
def test_means_of_folds_are_possible(folds, digits):
    """Each fold tests 30 images of each class: hits are added to random errors."""
    names = NAMES[:3]
    full = [
        [[*row[:place], row[place] + 30 - sum(row), *row[place + 1 :]] for place, row in enumerate(one)]
        for one in folds
    ]
    measured = [measure(one, names) for one in full]
    means = {key: sum(one[key] for one in measured) / len(folds) for key in measured[0]}
    figures = print_figures(means, [key for key in means if key[1] != "weighted"], digits)
    for model in (MeanOfFolds(names), MeanOfFolds(names, shares=(Fraction(1, 3),) * 3)):
        assert contradiction(model, figures) == []


def test_a_mean_of_folds_has_rules_too():
    model = MeanOfFolds(NAMES[:2], shares=(Fraction(1, 2),) * 2)
    measured = {
        ("precision", "a"): Fraction(8, 10),
        ("sensitivity", "a"): Fraction(9, 10),
        ("f1", "a"): Fraction(86, 100),
    }
    assert len(contradiction(model, print_figures(measured, list(measured)))) == 3  # at most 0.847
    measured["f1", "a"] = Fraction(75, 100)
    assert contradiction(model, print_figures(measured, list(measured))) == []  # one confusion matrix has 0.847
    assert impossible(OneMatrix(NAMES[:2], whole=False), print_figures(measured, list(measured)))
    measured |= {("sensitivity", "b"): Fraction(8, 10), ("accuracy", "all"): Fraction(84, 100)}
    needed = contradiction(model, print_figures(measured, list(measured)))
    assert {(one.metric, one.name) for one in needed} == {
        ("sensitivity", "a"),
        ("sensitivity", "b"),
        ("accuracy", "all"),
    }
    assert contradiction(MeanOfFolds(NAMES[:2]), needed) == []  # the classes' shares may differ


@settings(max_examples=30, deadline=None)
@given(matrices)
def test_any_hits_and_errors_become_a_matrix(matrix):
    size = len(matrix)
    square_of = np.array(matrix)
    n, h = square_of.sum(axis=1), square_of.diagonal()
    made = np.array(search._as_matrix([*n, *h, *(square_of.sum(axis=0) - h), n.sum()], size))
    assert (made >= 0).all()
    assert (made.sum(axis=1) == n).all() and (made.diagonal() == h).all()
    assert (made.sum(axis=0) == square_of.sum(axis=0)).all()


def test_averages_alone_are_searched_and_too_many_matrices_are_not(monkeypatch):
    matrix = [[30, 2, 1], [1, 40, 0], [0, 3, 9]]
    keys = [("accuracy", "all"), ("precision", "macro"), ("f1", "weighted")]
    figures = print_figures(measure(matrix, NAMES[:3]), keys, 3)
    model = of_counts(matrix)
    found = find_matrix(model, figures)
    assert all(measure(found, NAMES[:3])[one.metric, one.name] in one.printed.range for one in figures)
    wrong = [figures[0], figures[1]._replace(name="weighted"), figures[2]._replace(name="macro")]
    assert find_matrix(model, wrong) is None
    monkeypatch.setattr(search, "MOST_PARTIAL", 10)
    with pytest.raises(UndecidedError):
        find_matrix(model, figures)


def test_fits_exactly_takes_the_half_open_range():
    model = OneMatrix(NAMES[:2], (200, 100))
    values = list(map(Fraction, [200, 100, 199, 100, 0, 1, 300]))
    rounded = [Figure("sensitivity", "a", print_value(Fraction(99, 100), 0, ROUNDINGS[0]))]  # 99 %: 98.5 up to 100
    assert fits_exactly(model, values, rounded)
    assert not fits_exactly(model, [*values[:2], Fraction(200), *values[3:]], rounded)
