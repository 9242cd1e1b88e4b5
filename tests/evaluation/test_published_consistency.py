"""Counts of images that printed figures allow, by brute force; contradictions in the four papers' own figures."""

from decimal import Decimal
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from messages import any_of, assert_tells, at_least

from pxr_tf.evaluation.published import PaperRow, find_row, read_papers, write_count_note, write_footnotes
from pxr_tf.evaluation.published.consistency import first_counts, fits, smallest_count
from pxr_tf.evaluation.published.footnotes import misfits
from pxr_tf.evaluation.published.interpretations import implied_mean
from pxr_tf.evaluation.published.papers import Entry
from pxr_tf.evaluation.published.printed import Printed

FOUR = ("bacterial", "covid19", "normal", "viral")
THREE = ("normal", "viral", "bacterial")
TWO = ("normal", "pneumonia")


def printed(text):
    return Printed(Decimal(text))


def possible_hits(figure, images):
    return [hits for hits in range(images + 1) if Fraction(hits, images) in figure.range]


def rounded(value, digits):
    return round(Decimal(value.numerator) / Decimal(value.denominator) * 100, digits)


def find(paper, variant, classes, model=None):
    named = [row.entry.model for row in read_papers()[paper].rows if row.entry.variant == variant]
    model = model or named[0] or "any"
    return find_row(paper, variant=variant, model=model, classes=classes)


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


@pytest.mark.parametrize("text", ["35.470", "98.347", "71.2", "66.67", "100.0", "100", "0.83", "0.00"])
def test_fits_agrees_with_trying_every_share(text):
    figure = printed(text)
    for images in range(1, 130):
        assert fits(figure, images) == bool(possible_hits(figure, images))


@pytest.mark.parametrize(
    ("text", "folds"), [("96.32", 5), ("97.04", 3), ("50.0", 2), ("87.5", 4), ("79.17", 2), ("100", 3), ("0.00", 3)]
)
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


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.integers(0, 3))
def test_a_share_fits_the_images_that_it_comes_from(share, digits):
    hits, images = share
    figure = Printed(rounded(Fraction(hits, images), digits))
    if figure.scale == 100:  # a percentage of 1 or less would be read as a fraction; no paper prints one
        assert fits(figure, images)
        assert hits in possible_hits(figure, images)
        assert smallest_count([figure]) <= images


def test_first_counts_end_where_a_figure_does_not_fit_or_at_twice_the_first():
    assert first_counts([printed("50.0")]) == (2, 2)
    assert first_counts([printed("99")]) == (67, 133)  # 66/67 = 98.507 %; two digits fit every larger number


def test_all_of_chens_rows_but_one_fit_the_624_test_images():
    rows = read_papers()["chen2021"].rows
    assert [row.entry.variant for row in rows if misfits(row)] == ["resnet18"]
    wrong = misfits(find("chen2021", "resnet18", THREE, "resnet18"))
    assert {name: figure.words for name, figure in wrong.items()} == {
        "normal": "99.359 %",
        "viral": "97.647 %",
        "bacterial": "98.718 %",
        "all": "98.435 %",
    }
    assert [smallest_count([printed(text)]) for text in ("99.359", "97.647", "98.718")] == [156, 85, 78]
    assert possible_hits(printed("35.470"), 234) == [83]


def test_chens_other_rows_together_need_exactly_the_images_of_the_test_part():
    rows = [row for row in read_papers()["chen2021"].rows if not misfits(row)]
    for name, images in (("normal", 234), ("viral", 148), ("bacterial", 242)):
        assert smallest_count([row.printed("sensitivity", name) for row in rows]) == images


def changed(row, **figures):
    """Return the row with other figures, as a paper's file has them."""
    return PaperRow(row.paper, row.table, Entry.model_validate(row.entry.model_dump(exclude_none=True) | figures))


@pytest.mark.parametrize(
    ("figures", "facts", "implied"),
    [
        ({"accuracy": "72.300"}, ["72.300 %", "624", any_of("whole number"), any_of("smallest")], 273),
        ({"accuracy": "72.436"}, [any_of("sensitivities"), "accuracy", "72.436 %"], 273),  # 452, not 451
        ({"accuracy": "72.300", "sensitivity": {}}, ["72.300 %", "624", any_of("whole number")], 213),
    ],
)
def test_a_row_does_not_fit_if_only_its_accuracy_is_wrong(figures, facts, implied):
    row = changed(find("chen2021", "small_cnn", THREE), **figures)
    assert list(misfits(row)) == ["all"]
    (note,) = write_footnotes(row)
    assert_tells(note, *facts)
    assert note.endswith(".")
    assert_tells(write_count_note(row, 9), at_least(implied), "624", "9")


@pytest.mark.parametrize(
    ("paper", "variant", "classes", "figures", "facts"),
    [
        ("bozickovic2021", "strategy2", FOUR, {"precision": {}, "accuracy": "87.5"}, [at_least(8), "9"]),
        ("chen2021", "small_cnn", THREE, {"sensitivity": {}}, ["624", "9"]),  # from the other rows
    ],
)
def test_rows_with_few_figures_have_a_count_too(paper, variant, classes, figures, facts):
    assert_tells(write_count_note(changed(find(paper, variant, classes), **figures), 9), *facts)


def test_vazquez_agrees_with_itself():
    for row in read_papers()["vazquez2021"].rows:
        assert misfits(row) == {}
    row = find("vazquez2021", "stage1", TWO, "resnet50")
    assert possible_hits(row.printed("accuracy"), 624) == [576]
    assert possible_hits(row.printed("sensitivity", "normal"), 234) == [191]
    (note,) = write_footnotes(row)
    assert_tells(note, "threshold", "0.9823", "test images", "optimistic", "accuracy", "92.62 %")
    (note,) = write_footnotes(find("vazquez2021", "stage2", THREE))
    assert_tells(note, "87.15 %", any_of("not an area"), "sensitivity", "specificity")
    assert note.count("87.15 %") == 2  # as printed, and as computed from its other figures


def test_what_stage_two_of_vazquez_calls_auc_is_computed_from_its_precisions_and_sensitivities():
    two, three = find("vazquez2021", "stage1", TWO, "resnet50"), find("vazquez2021", "stage2", THREE)
    low, high = implied_mean(three)
    assert low == high == pytest.approx(0.87154, abs=5e-6)
    assert low in three.printed("mean_sensitivity_specificity").range
    assert three.printed("auc") is None
    assert implied_mean(two)[0] == pytest.approx(0.9017, abs=5e-5)  # stage one's 97.81 is an area
    assert two.value("auc") == pytest.approx(0.9781) and two.printed("mean_sensitivity_specificity") is None
    assert implied_mean(find("chen2021", "resnet18", THREE)) is None  # impossible figures


def test_bozickovics_folds_have_about_137_images_of_each_class():
    rows = read_papers()["bozickovic2021"].rows
    right = [row.printed("sensitivity", name) for row in rows for name in row.table.classes]
    assert first_counts(right, 5) == (136, 139)
    as_printed = [row.printed("precision", name) for row in rows for name in row.table.classes]
    for images in range(136, 140):  # the column called sensitivity is not a share of these folds
        assert not all(fits(figure, images, 5) for figure in as_printed)
    assert_tells(write_count_note(rows[0], 548), "544 to 556", "548")


def test_bozickovics_mean_sensitivity_is_the_accuracy_in_10_of_12_cells():
    """On balanced test folds they must be equal; with the columns as printed, they are in no cell."""
    rows = read_papers()["bozickovic2021"].rows
    distances = {
        metric: [
            abs(sum(100 * row.value(metric, name) for name in row.table.classes) / 4 - 100 * row.value("accuracy"))
            for row in rows
        ]
        for metric in ("sensitivity", "precision")
    }
    assert sum(distance <= 0.0051 for distance in distances["sensitivity"]) == 10
    assert max(distances["sensitivity"]) < 0.1
    assert sum(distance <= 0.0051 for distance in distances["precision"]) == 0
    (note,) = write_footnotes(rows[0])
    assert_tells(note, "10 of 12", "mean", "precision")


@pytest.mark.parametrize(
    ("variant", "facts"),
    [
        (
            "plain",
            [
                "sensitivity (96.3 %)",
                "specificity (90.0 %)",
                "93.15 %",
                "balanced accuracy",
                "94.9 %",
                "81.0 to 82.3 %",
                "pneumonia",
                "586",
                "72.7 ± 1.7 %",
                "416 of 432 pneumonia",
                "144 of 154 normal",
                "73.7 % pneumonia",
            ],
        ),
        (
            "weighted",
            [
                "sensitivity (99.2 %)",
                "specificity (98.1 %)",
                "98.65 %",
                "balanced accuracy",
                "90.7 %",
                "17.1 to 18.7 %",
                "pneumonia",
                "precision of normal",
                "3.0 standard deviations",
                "72.7 ± 1.7 %",
                "586",
            ],
        ),
    ],
)
def test_novokshanovs_figures_contradict_each_other(variant, facts):
    row = find("novokshanov2022", variant, TWO)
    (note,) = write_footnotes(row)
    assert_tells(note, *facts)
    assert ("standard deviations" in note) == (variant == "weighted")  # 73.7 % is 0.6 standard deviations away
    assert_tells(write_count_note(row, 580), "586", "10 % of 5,863", "580")


def test_the_matrix_in_the_footnote_has_the_papers_figures():
    shares = {"96.3": (416, 432), "97.7": (416, 426), "90.0": (144, 160)}
    for text, (part, whole) in shares.items():
        assert Fraction(part, whole) in printed(text).range
    assert (Fraction(416, 432) + Fraction(144, 154)) / 2 in printed("94.9").range


def test_figures_that_agree_get_no_footnote():
    row = find("novokshanov2022", "plain", TWO)
    assert write_footnotes(changed(row, specificity={"pneumonia": "93.5"})) == []  # 2 * 94.9 - 96.3
