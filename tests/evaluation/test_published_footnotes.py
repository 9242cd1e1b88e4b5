"""Notes on the papers' figures: counts of test images that they imply, and contradictions in the figures themselves."""

from decimal import Decimal

import pytest
from messages import any_of, assert_tells, at_least

from pxr_tf.evaluation.published import PaperRow, find_row, read_papers, write_count_note, write_footnotes
from pxr_tf.evaluation.published.consistency import (
    TwoByTwo,
    find_matrices,
    first_counts,
    fits,
    mean_range,
    possible_hits,
    smallest_count,
)
from pxr_tf.evaluation.published.footnotes import implied_mean, misfits
from pxr_tf.evaluation.published.papers import Entry
from pxr_tf.evaluation.published.printed import Printed

FOUR = ("bacterial", "covid19", "normal", "viral")
THREE = ("normal", "viral", "bacterial")
TWO = ("normal", "pneumonia")


def printed(text):
    return Printed(Decimal(text))


def find(paper, variant, classes, model=None):
    named = [row.entry.model for row in read_papers()[paper].rows if row.entry.variant == variant]
    model = model or named[0] or "any"
    return find_row(paper, variant=variant, model=model, classes=classes)


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
    assert list(possible_hits(printed("35.470"), 234)) == [83]


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
    ("paper", "variant", "classes", "facts", "not_said"),
    [
        ("chen2021", "small_cnn", THREE, ["624 test images (234 normal, 148 viral, 242 bacterial)"], "at least"),
        ("vazquez2021", "stage1", TWO, ["624 test images (234 normal, 390 pneumonia)", at_least(214)], "over"),
        ("vazquez2021", "stage2", THREE, [any_of("fit"), "148 viral", at_least(85)], "over"),
        ("chen2021", "resnet18", THREE, [at_least(575), any_of("not the paper's 624")], "fit"),
        ("bozickovic2021", "strategy1", FOUR, ["136 to 139", "5 folds", "544 to 556"], "at least"),
    ],
)
def test_a_note_says_how_many_test_images_a_paper_implies(paper, variant, classes, facts, not_said):
    note = write_count_note(find(paper, variant, classes), 9999)
    assert_tells(note, "9,999", *facts)
    assert not_said not in note


def test_figures_of_one_balanced_test_part_are_not_means_over_folds():
    row = find("bozickovic2021", "strategy1", FOUR)
    single = PaperRow(row.paper.model_copy(update={"folds": 1}), row.table, row.entry)
    note = write_count_note(single, 9)
    assert_tells(note, any_of("at least"), "9")
    assert "folds" not in note and "per class" not in note


def test_without_any_figure_a_note_says_that_nothing_is_implied():
    row = next(one for one in read_papers()["elsewhere"].rows if not one.entry.sensitivity)
    assert_tells(write_count_note(changed(row, accuracy=None), 7), any_of("not show"), "7")


def test_a_wrong_sensitivity_is_named_although_the_accuracy_fits():
    row = find("chen2021", "small_cnn", THREE)
    wrong = changed(row, sensitivity={**row.entry.sensitivity, "viral": "97.647"})
    assert {name: figure.words for name, figure in misfits(wrong).items()} == {"viral": "97.647 %"}
    (note,) = write_footnotes(wrong)
    assert_tells(note, "97.647 % of 148 viral", "624", "85 viral")
    assert misfits(changed(row, accuracy=None)) == {}


def test_the_exchanged_column_is_named_in_either_order():
    row = find("bozickovic2021", "strategy1", FOUR)
    notes = []
    for columns in (("precision", "sensitivity"), ("sensitivity", "precision")):
        paper = row.paper.model_copy(update={"exchanged": columns})
        notes += write_footnotes(PaperRow(paper, row.table, row.entry))
    assert all("printed precision" in note for note in notes) and len(notes) == 2


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
    assert list(possible_hits(row.printed("accuracy"), 624)) == [576]
    assert list(possible_hits(row.printed("sensitivity", "normal"), 234)) == [191]
    (note,) = write_footnotes(row)
    assert_tells(note, "threshold", "0.9823", "test images", "optimistic", "accuracy", "92.62 %")
    (note,) = write_footnotes(find("vazquez2021", "stage2", THREE))
    assert_tells(note, "87.15 %", any_of("not an area"), "sensitivity", "specificity")
    assert note.count("87.15 %") == 2  # as printed, and as its other figures give it
    (note,) = write_footnotes(changed(find("vazquez2021", "stage2", THREE), precision={}))
    assert note.count("87.15 %") == 1


def test_what_stage_two_of_vazquez_calls_auc_is_computed_from_its_precisions_and_sensitivities():
    two, three = find("vazquez2021", "stage1", TWO, "resnet50"), find("vazquez2021", "stage2", THREE)
    assert float(implied_mean(three)) == pytest.approx(0.87154, abs=5e-6)
    assert implied_mean(three) in three.printed("mean_sensitivity_specificity").range
    assert three.printed("auc") is None
    assert float(implied_mean(two)) == pytest.approx(0.9017, abs=5e-5)  # stage one's 97.81 is an area
    assert two.value("auc") == pytest.approx(0.9781) and two.printed("mean_sensitivity_specificity") is None
    assert implied_mean(find("chen2021", "resnet18", THREE)) is None  # no precisions


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
    balanced, sensitivity, specificity = (
        row.printed(metric, name)
        for metric, name in (("balanced_accuracy", "all"), ("sensitivity", "pneumonia"), ("specificity", "pneumonia"))
    )
    assert not mean_range(sensitivity, specificity).overlaps(balanced.range)
    wanted = {"sensitivity": sensitivity, "specificity": specificity, "balanced_accuracy": balanced}
    assert list(find_matrices(586, wanted)) == []
    assert_tells(write_count_note(row, 580), "586", "10 % of 5,863", "580")


def test_the_matrix_in_the_footnote_has_the_papers_figures():
    measured = TwoByTwo(416, 16, 10, 144).measure()
    words = {
        "sensitivity": "96.3",
        "balanced_accuracy": "94.9",
        "precision": "97.7",
        "negative_predictive_value": "90.0",
    }
    assert sum(TwoByTwo(416, 16, 10, 144)) == 586
    for name, text in words.items():
        assert measured[name] in printed(text).range


def test_notes_need_the_figures_that_they_are_about():
    row = find("novokshanov2022", "plain", TWO)
    for lacking in ("sensitivity", "specificity"):
        assert write_footnotes(changed(row, **{lacking: {}})) == []
    (note,) = write_footnotes(changed(row, precision={}))
    assert_tells(note, "93.15 %", "94.9 %")
    assert "precision" not in note
    (rare,) = write_footnotes(find("novokshanov2022", "weighted", TWO))
    assert rare.count("72.7 ± 1.7 %") == 2


@pytest.mark.parametrize("chosen_on", ["validation", None])
def test_only_a_threshold_chosen_on_test_images_is_optimistic(chosen_on):
    row = find("vazquez2021", "stage1", TWO, "resnet50")
    (note,) = write_footnotes(changed(row, threshold_from=chosen_on))
    assert "optimistic" not in note and "0.9823, the paper" in note


def test_figures_that_agree_get_no_footnote():
    row = find("novokshanov2022", "plain", TWO)
    assert write_footnotes(changed(row, specificity={"pneumonia": "93.5"})) == []  # 2 * 94.9 - 96.3
