"""The check of a paper's figures finds the faults of the four papers, and faults planted in tables, by itself."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from made_papers import CLASSES, COUNTS, EXCHANGED, exchanged_figures, of_classes, paper_of, random_matrices
from messages import any_of, assert_tells, refused
from printed_figures import measure, print_figures

from pxr_tf.evaluation.published import read_papers
from pxr_tf.evaluation.published.check import check_paper
from pxr_tf.evaluation.published.feasibility import Figure
from pxr_tf.evaluation.published.interpretations import (
    IMPOSSIBLE,
    OPEN,
    POSSIBLE,
    Interpretation,
    judge_row,
    prove,
    read_figures,
)
from pxr_tf.evaluation.published.papers import PaperRow, read_paper
from pxr_tf.evaluation.published.printed import Printed
from pxr_tf.evidence.paper import overall_words

EXAMPLES = Path(__file__).parents[2] / "docs" / "published"


def rows_of(name):
    return read_papers()[name].rows


def judge(paper):
    return [judge_row(row) for row in paper.rows]


def assert_matrix_fits(row, finding):
    found = measure(finding.matrix, row.table.classes)
    for figure in read_figures(row, finding.interpretation):
        assert found[figure.metric, figure.name] in figure.printed.range


def test_table_two_of_bozickovic_has_exchanged_columns_and_is_a_mean_of_folds():
    rows, states = rows_of("bozickovic2021"), []
    for row in rows[:5]:  # the fifth is one of the two cells that differ
        findings = judge_row(row)
        assert all(one.state == IMPOSSIBLE for one in findings if one.as_printed)
        pooled, mean = (one for one in findings if one.interpretation.columns == EXCHANGED)
        assert pooled.state == IMPOSSIBLE  # a checker of single matrices finds both interpretations wrong
        states.append(mean.state)
    assert states == [OPEN] * 4 + [IMPOSSIBLE]
    assert_tells(
        prove(rows[4], mean.interpretation), "sensitivity of bacterial 72.46 %", "accuracy", "86.008 %", "86.07 %"
    )


def test_resnet18_of_chen_is_the_row_that_no_matrix_gives():
    checks = check_paper(read_papers()["chen2021"])[0].rows
    states = {check.row.entry.variant: check.findings[0][0].state for check in checks}
    assert [name for name, state in states.items() if state != POSSIBLE] == ["resnet18"]
    assert_tells(checks[3].findings[0][1], "99.359 %", "99.1453 %", "99.5726 %", "97.647 %", "98.718 %", "98.435 %")
    for check in checks:
        ((finding, proof),) = check.findings
        assert bool(proof) != bool(finding.matrix)
        if finding.matrix:
            assert list(map(sum, finding.matrix)) == [234, 148, 242]
            assert_matrix_fits(check.row, finding)


def test_both_balanced_accuracies_of_novokshanov_are_contradicted():
    (table,) = check_paper(read_papers()["novokshanov2022"])
    for check, facts in zip(
        table.rows, (["96.3 %", "90.0 %", "93.25 %", "94.9 %"], ["98.60 %", "90.7 %"]), strict=True
    ):
        (printed, proof), (other, _) = check.findings
        assert printed.state == IMPOSSIBLE and other.state == POSSIBLE
        assert_tells(proof, "balanced accuracy", *facts)
        assert_tells(other.interpretation.words, "specificity", "negative predictive value")
    assert table.rows[0].findings[1][0].matrix == [[144, 10], [16, 416]]  # as in the footnote of a run
    assert_tells(" ".join(table.notes), "0 of 2", "2 of 2", "586")


def test_the_auc_of_vazquez_is_a_mean_of_sensitivity_and_specificity_in_stage_two_only():
    one, two = (table.rows[0] for table in check_paper(read_papers()["vazquez2021"]))
    assert one.findings[0][0].state == two.findings[0][0].state == POSSIBLE
    assert_tells(two.notes[0], "87.154 %", "87.15 %", any_of("may be this mean"))
    assert_tells(one.notes[0], "90.171 %", "97.81 %", any_of("not this mean"))


def test_the_examples_for_reviewers():
    checks = {file.stem: check_paper(read_paper(file)) for file in EXAMPLES.glob("*.yaml")}
    narrow = {
        one.interpretation.words for row in checks["togacar2020"][0].rows for one, _ in row.findings if one.matrix
    }
    assert len(narrow) == 1 and "other classes' hits" in narrow.pop()
    assert_tells(" ".join(checks["togacar2020"][0].notes), "136", "88 covid19, 19 normal, 29 pneumonia")
    assert_tells(" ".join(checks["covidnet2020"][1].notes), "231", "100 normal, 100 pneumonia, 31 covid19")
    four, three = (table.rows[0].findings[0][1] for table in checks["covidaid2020"])
    assert_tells(four, "sensitivity of bacterial", "95.87 %", "96.28 %", "0.961")
    assert_tells(three, "sensitivity of bacterial 0.995", "precision of bacterial", "86.70 %", "87.00 %", "0.868")
    states = [one.state for row in checks["rajaraman2020"][0].rows for one, _ in row.findings]
    assert states == [OPEN, IMPOSSIBLE, OPEN] * 3  # macro, micro, weighted
    assert all(
        one.state == POSSIBLE for table in checks["covidnet2020"] for row in table.rows for one, _ in row.findings
    )


def test_exchanged_columns_are_found():
    paper = paper_of([exchanged_figures(matrix) for matrix in random_matrices(8)], COUNTS)
    for row, findings in zip(paper.rows, judge(paper), strict=True):
        (fitting,) = (one for one in findings if one.state != IMPOSSIBLE)
        assert fitting.interpretation.columns == EXCHANGED and fitting.state == POSSIBLE
        assert_matrix_fits(row, fitting)


def test_the_kind_of_average_is_found():
    keys = [*of_classes("sensitivity", "precision"), ("accuracy", "all")]
    for kind in ("macro", "weighted"):
        matrix = next(random_matrices(1, seed=3))
        paper = paper_of([print_figures(measure(matrix, CLASSES), [*keys, ("f1", kind)])], COUNTS)
        (findings,) = judge(paper)
        assert [one.interpretation.average for one in findings if one.state == POSSIBLE] == [kind]


def test_true_negatives_that_are_only_hits_of_other_classes_are_found():
    matrix = np.array(next(random_matrices(1)))
    found, hits = measure(matrix, CLASSES), matrix.diagonal()
    for place, name in enumerate(CLASSES):
        right, wrong = int(hits.sum() - hits[place]), int(matrix[:, place].sum() - hits[place])
        found["specificity", name] = Fraction(right, right + wrong)
    keys = [*of_classes("sensitivity", "specificity"), ("accuracy", "all")]
    (findings,) = judge(paper_of([print_figures(found, keys)], COUNTS))
    assert findings[0].state == IMPOSSIBLE
    assert "narrow_specificity" in {
        one.interpretation.columns.get("specificity") for one in findings if one.state == POSSIBLE
    }


def test_figures_of_folds_may_be_of_all_folds_in_one_matrix():
    keys = [*of_classes("sensitivity", "precision", "f1"), ("accuracy", "all")]
    figures = print_figures(measure(next(random_matrices(1)), CLASSES), keys)
    (findings,) = judge(paper_of([figures], COUNTS, folds=5))
    assert [(one.state, isinstance(one.matrix, list)) for one in findings] == [(POSSIBLE, True), (OPEN, False)]
    assert_tells(findings[0].interpretation.words, "5 folds in one confusion matrix")
    assert_tells(findings[1].interpretation.words, "mean of 5 folds")


def test_folds_may_differ_by_an_image_per_class():
    """Folds of 4 or 5, 8 or 9 and 12 or 13 images: the classes' shares are not those of all 127 images."""
    random, keys = np.random.default_rng(2), [*of_classes("sensitivity", "precision", "f1"), ("accuracy", "all")]
    folds = []
    for sizes in zip((5, 5, 4, 4, 4), (8, 8, 9, 9, 8), (12, 12, 13, 13, 13), strict=True):
        rows = [random.multinomial(n, [0.7, 0.2, 0.1]) for n in sizes]
        folds.append(measure([np.roll(row, place) for place, row in enumerate(rows)], CLASSES))
    means = {key: sum(one[key] for one in folds) / 5 for key in keys}
    (findings,) = judge(paper_of([print_figures(means, keys)], {"a": 22, "b": 42, "c": 63}, folds=5))
    assert [one.state for one in findings if one.as_printed][1] == OPEN
    means["accuracy", "all"] += Fraction(1, 5)
    (findings,) = judge(paper_of([print_figures(means, keys)], {"a": 22, "b": 42, "c": 63}, folds=5))
    assert {one.state for one in findings if one.as_printed} == {IMPOSSIBLE}


def test_rows_of_different_test_sets_are_told_apart():
    matrices = [[[81, 19], [27, 92]], [[62, 38], [12, 107]], [[60, 36], [14, 109]]]
    keys = [("sensitivity", "a"), ("specificity", "a"), ("precision", "a"), ("accuracy", "all")]
    figures = [print_figures(measure(matrix, CLASSES[:2]), keys) for matrix in matrices]
    (table,) = check_paper(paper_of(figures, classes=CLASSES[:2]))
    assert_tells(" ".join(table.notes), "219 images (100 a, 119 b)", "2 of 3", any_of("not model 2"))
    assert [sum(row.findings[0][0].matrix[0]) for row in table.rows] == [100, 100, 96]


def test_a_figure_with_a_final_zero_is_another_figure():
    """13 of 40 are 32.5 %: printed 33, but never 33.0."""
    figures = [[Figure("accuracy", "all", Printed(Decimal(text)))] for text in ("33.0", "33")]
    states = [findings[0].state for findings in judge(paper_of(figures, {"a": 20, "b": 20}, CLASSES[:2]))]
    assert states == [IMPOSSIBLE, POSSIBLE]


ZERO = [("sensitivity", "a", "0.0"), ("sensitivity", "b", "100.0"), ("accuracy", "all", "50.0")]


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({}, POSSIBLE),
        ({("accuracy", "all"): "100.0"}, IMPOSSIBLE),  # not if the 0 of a were dropped
        ({("accuracy", "all"): "0.0"}, IMPOSSIBLE),
        ({("balanced_accuracy", "all"): "0.0"}, IMPOSSIBLE),
        ({("sensitivity", "macro"): "0.0"}, IMPOSSIBLE),
    ],
)
def test_a_printed_zero_is_a_figure(changed, state):
    figures = {(metric, name): text for metric, name, text in ZERO} | changed
    figures = [Figure(*key, Printed(Decimal(text))) for key, text in figures.items()]
    ((first, *_),) = judge(paper_of([figures], {"a": 10, "b": 10}, CLASSES[:2]))
    assert first.state == state
    assert state == IMPOSSIBLE or first.matrix == [[0, 10], [0, 10]]


def test_a_row_of_which_only_zeros_are_printed_is_checked_and_its_auc_gets_its_note():
    zero = Printed(Decimal("0.000"))  # less than 0.001 if it is a fraction, so of 20 images none
    paper = paper_of([[Figure("accuracy", "all", zero), Figure("auc", "all", zero)]], {"a": 10, "b": 10}, CLASSES[:2])
    ((check,),) = (table.rows for table in check_paper(paper))
    assert check.findings[0][0].matrix == [[0, 10], [10, 0]]
    assert_tells(" ".join(check.notes), "0.000 %", "printed AUC is 0.000", any_of("may be this mean"))
    (row,) = paper.rows
    assert (row.value("accuracy"), row.printed_auc) == (0.0, zero)
    assert overall_words(row) == "0.000, AUC 0.000"


def test_a_row_without_figures_to_check_is_refused():
    paper = paper_of([[], []], COUNTS)
    with refused("Row 1", "model 0", any_of("no figure"), "sensitivity", "accuracy"):
        check_paper(paper)
    area = (
        read_papers()["vazquez2021"]
        .tables[0]
        .rows[0]
        .model_copy(update={"accuracy": None, "precision": {}, "f1": {}, "sensitivity": {}})
    )
    table = read_papers()["vazquez2021"].tables[0].model_copy(update={"rows": (area,)})
    with refused("Row 1", any_of("no figure")):
        check_paper(read_papers()["vazquez2021"].model_copy(update={"tables": (table,)}))


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({}, ["as printed"]),
        (EXCHANGED, ["precision", "sensitivity", "exchanged"]),
        ({"class_accuracy": "sensitivity"}, ["class accuracy is sensitivity"]),
    ],
)
def test_an_interpretation_in_words(columns, words):
    row = rows_of("chen2021")[0]
    assert isinstance(row, PaperRow)
    assert_tells(Interpretation(columns, None, judge_row(row)[0].interpretation.model, 1).words, *words)
