"""Counts of images that printed figures allow, by brute force."""

from decimal import Decimal
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pxr_tf.evaluation.published.consistency import (
    TwoByTwo,
    adds_up,
    find_matrices,
    first_counts,
    fits,
    positive_share,
    possible_hits,
    smallest_count,
)
from pxr_tf.evaluation.published.printed import Printed, Range


def printed(text):
    return Printed(Decimal(text))


def rounded(value, digits):
    return round(Decimal(value.numerator) / Decimal(value.denominator) * 100, digits)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("92.30", "0.92295", "0.9231"),
        ("97.7", "0.9765", "0.978"),
        ("99", "0.985", "1.00"),
        ("0.80", "0.795", "0.81"),
        ("0.00", "0", "0.01"),
    ],
)
def test_a_printed_number_may_be_rounded_or_cut_off(text, low, high):
    assert printed(text).range == (Fraction(low), Fraction(high))
    assert Fraction(low) in printed(text).range
    assert Fraction(high) not in printed(text).range


@pytest.mark.parametrize(("low", "high", "overlap"), [(0, 1, False), (0, 2, True), (2, 3, True), (3, 4, False)])
def test_ranges_that_only_touch_do_not_overlap(low, high, overlap):
    one, other = Range(Fraction(1), Fraction(3)), Range(Fraction(low), Fraction(high))
    assert one.overlaps(other) == other.overlaps(one) == overlap


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.integers(0, 3))
def test_a_share_fits_the_images_that_it_comes_from(share, digits):
    hits, images = share
    figure = Printed(rounded(Fraction(hits, images), digits))
    if figure.scale == 100:  # a percentage of 1 or less would be read as a fraction; no paper prints one
        assert fits(figure, images)
        assert hits in possible_hits(figure, images)
        assert smallest_count([figure]) <= images


@pytest.mark.parametrize("text", ["35.470", "98.347", "71.2", "66.67", "100.0", "0.83"])
def test_fits_agrees_with_trying_every_share(text):
    figure = printed(text)
    for images in range(1, 130):
        hits = [hits for hits in range(images + 1) if Fraction(hits, images) in figure.range]
        assert fits(figure, images) == bool(hits)
        assert list(possible_hits(figure, images)) == hits


@pytest.mark.parametrize(("text", "folds"), [("96.32", 5), ("97.04", 3), ("50.0", 2), ("87.5", 4)])
def test_means_over_folds_agree_with_trying_every_share(text, folds):
    figure = printed(text)
    for images in range(1, 24):
        size, larger = divmod(images, folds)
        sizes = [size] * (folds - larger) + [size + 1] * larger
        small, large = sizes.count(size) * size, larger * (size + 1)
        means = {
            (Fraction(a, size) + Fraction(b, size + 1)) / folds
            for a, b in product(range(small + 1), range(large + 1))
            if size
        }
        assert fits(figure, images, folds) == any(mean in figure.range for mean in means)


def test_first_counts_end_where_a_figure_does_not_fit_or_at_twice_the_first():
    assert first_counts([printed("50.0")]) == (2, 2)
    assert first_counts([printed("99")]) == (67, 133)  # 66/67 = 98.507 %; two digits fit every larger number


@pytest.mark.parametrize(("accuracy", "fit"), [("61.538", True), ("61.378", False), ("61.4", False), ("61.5", True)])
def test_the_accuracy_must_be_the_sum_of_the_classes(accuracy, fit):
    """83 + 85 + 216 of 624 are 384, or 61.538 %; 383 would be 61.378 %."""
    sensitivities = [printed(text) for text in ("35.470", "57.432", "89.256")]
    assert adds_up(printed(accuracy), sensitivities, (234, 148, 242)) == fit
    assert not adds_up(printed(accuracy), [printed("99.359"), *sensitivities[1:]], (234, 148, 242))


@given(st.tuples(*[st.integers(1, 60)] * 4))
def test_the_share_of_the_positive_class_is_found_from_its_figures(cells):
    matrix = TwoByTwo(*cells)
    figures = [Printed(rounded(matrix.measure()[name], 3)) for name in ("precision", "sensitivity", "specificity")]
    if all(figure.scale == 100 for figure in figures):
        share = Fraction(matrix.positives, sum(matrix))
        found = positive_share(*figures)
        assert found.low <= share <= found.high
        assert found.high - found.low < Fraction(1, 100)


@pytest.mark.parametrize("figures", [("100.0", "50.0", "100.0"), ("0", "100.0", "100.0"), ("100.0", "0", "0")])
def test_the_share_of_the_positive_class_exists_for_figures_at_their_ends(figures):
    low, high = positive_share(*map(printed, figures))
    assert 0 <= low <= high <= 1


def test_a_share_of_no_image_is_0():
    assert TwoByTwo(0, 0, 0, 1).measure() == {
        "sensitivity": 0,
        "specificity": 1,
        "precision": 0,
        "negative_predictive_value": 1,
        "balanced_accuracy": Fraction(1, 2),
    }
    assert (
        TwoByTwo(1, 0, 0, 0).measure()["specificity"]
        == TwoByTwo(1, 0, 0, 0).measure()["negative_predictive_value"]
        == 0
    )


@settings(max_examples=20)
@given(st.tuples(*[st.integers(0, 4)] * 4).filter(lambda cells: cells[0] + cells[1] and cells[2] + cells[3]))
def test_every_matrix_that_has_the_figures_is_found(cells):
    matrix, total = TwoByTwo(*cells), sum(cells)
    names = ("sensitivity", "balanced_accuracy", "precision", "negative_predictive_value")
    wanted = {name: Printed(rounded(matrix.measure()[name], 1)) for name in names}
    found = list(find_matrices(total, wanted))
    assert matrix in found
    every = (
        TwoByTwo(a, p - a, n - d, d)
        for p in range(1, total)
        for n in [total - p]
        for a, d in product(range(p + 1), range(n + 1))
    )
    assert len(found) == sum(
        all(one.measure()[name] in figure.range for name, figure in wanted.items()) for one in every
    )
