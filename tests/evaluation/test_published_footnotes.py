"""Notes on the papers' figures: counts of test images that they imply, and contradictions in the figures themselves."""

from decimal import Decimal

import pytest
from messages import any_of, assert_tells, at_least

from pxr_tf.evaluation.published import PaperRow, find_row, read_papers, write_count_note, write_footnotes
from pxr_tf.evaluation.published.footnotes import misfits
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


def changed(row, **figures):
    """Return the row with other figures, as a paper's file has them."""
    return PaperRow(row.paper, row.table, Entry.model_validate(row.entry.model_dump(exclude_none=True) | figures))


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


def test_a_table_without_sensitivities_fits_the_papers_images_and_implies_no_number():
    row = changed(find("chen2021", "small_cnn", THREE), sensitivity={})
    alone = PaperRow(row.paper, row.table.model_copy(update={"rows": (row.entry,)}), row.entry)
    note = write_count_note(alone, 9)
    assert_tells(note, any_of("fit"), "624", "9")
    assert "at least" not in note


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
