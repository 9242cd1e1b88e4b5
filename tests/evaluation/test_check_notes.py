"""Sentences under a checked table: the interpretations that fit, the images they imply, and what an AUC may be."""

from pathlib import Path

from made_papers import CLASSES, COUNTS, EXCHANGED, exchanged_figures, paper_of, random_matrices
from messages import any_of, assert_tells
from printed_figures import measure, print_figures

from pxr_tf.evaluation.published import read_papers
from pxr_tf.evaluation.published.check import check_paper
from pxr_tf.evaluation.published.papers import read_paper

EXAMPLES = Path(__file__).parents[2] / "docs" / "published"
WORDS = "precision and sensitivity exchanged"


def test_every_interpretation_of_the_columns_that_fit_is_counted():
    """The paper's file says that the columns are exchanged; the check finds it without."""
    paper = read_papers()["bozickovic2021"]
    table = paper.tables[0].model_copy(update={"rows": paper.tables[0].rows[:2]})
    (found,) = check_paper(paper.model_copy(update={"tables": (table,), "exchanged": ()}))
    assert found.notes[:-1] == [
        "columns as printed, 5 folds in one confusion matrix: 0 of 2 rows",
        "columns as printed, mean of 5 folds: 0 of 2 rows",
        f"{WORDS}, 5 folds in one confusion matrix: 0 of 2 rows",
        f"{WORDS}, mean of 5 folds: 2 of 2 rows",
    ]
    assert_tells(found.notes[-1], "136 to 139", "544 to 556")


def test_the_implied_images_and_the_mean_are_those_of_exchanged_columns():
    figures = []
    for matrix in random_matrices(2):
        mean = print_figures(measure(matrix, CLASSES), [("mean_sensitivity_specificity", "all")])
        figures.append([*exchanged_figures(matrix), mean[0]._replace(metric="auc")])
    (table,) = check_paper(paper_of(figures, COUNTS))
    assert table.notes[:2] == ["columns as printed: 0 of 2 rows", f"{WORDS}: 2 of 2 rows"]
    assert_tells(table.notes[2], any_of("fit"), "300 test images (90 a, 60 b, 150 c)", "at least 225")
    assert_tells(table.rows[0].notes[0], "85.882 %", "85.88 %", any_of("may be this mean"))
    assert_tells(table.rows[1].notes[0], "83.926 %", "83.93 %", any_of("may be this mean"))


def test_the_images_are_implied_by_the_interpretation_of_most_rows():
    """Two rows are as printed and one is exchanged."""
    figures = [exchanged_figures(matrix) for matrix in random_matrices(3)]
    for row in figures[:2]:
        row[:] = [one._replace(metric=EXCHANGED.get(one.metric, one.metric)) for one in row]
    (table,) = check_paper(paper_of(figures, COUNTS))
    assert table.notes[:2] == ["columns as printed: 2 of 3 rows", f"{WORDS}: 1 of 3 rows"]
    assert_tells(table.notes[2], any_of("fit"), "300 test images (90 a, 60 b, 150 c)", "at least 225")


def test_a_mean_that_the_figures_leave_open_is_a_span():
    matrix = next(random_matrices(1))
    area = print_figures(measure(matrix, CLASSES), [("mean_sensitivity_specificity", "all")])[0]
    (table,) = check_paper(paper_of([[*exchanged_figures(matrix), area._replace(metric="auc")]]))
    assert_tells(table.rows[0].notes[0], "83.441 to 84.005 %", any_of("not this mean"))
    assert_tells(" ".join(table.notes), "1 of 1 row", "300 images (88 a, 83 b, 129 c)")


def notes_of_rows(paper):
    return [" ".join(row.notes) for table in check_paper(paper) for row in table.rows]


def test_other_impossible_interpretations_are_counted_if_none_fits():
    assert notes_of_rows(read_paper(EXAMPLES / "covidaid2020.yaml")) == ["Also impossible: 1 other interpretation."] * 2


def test_the_share_of_a_class_in_the_example_is_compared_with_that_of_all_images():
    first, second = notes_of_rows(read_papers()["novokshanov2022"])
    assert_tells(first, "154 normal", "27.3 ± 1.7 %", "0.6 standard deviations")
    assert_tells(second, "190 normal", "27.3 ± 1.7 %", "3.0 standard deviations")
    assert "impossible" not in first + second  # an interpretation fits, so the others are not counted


def test_accuracies_of_different_images_imply_the_least_number_of_all():
    first, second = check_paper(read_papers()["elsewhere"])
    assert_tells(" ".join(first.notes), "at least 216 test images")
    assert_tells(" ".join(second.notes), "at least 183 test images")
