"""The papers' figures: columns put right, the best cell, nothing where nothing was published."""

import pytest

from pxr_tf.evaluation.published import best_cell, find_cell, published_results

PAPER = "bozickovic2021"
CELLS = [(model, f"strategy{number}") for model, row in published_results()[PAPER]["cells"].items() for number in row]


def test_the_mean_sensitivity_is_the_accuracy_in_10_of_12_cells():
    """On balanced test folds it must be; with the columns as printed it is in none."""
    cells = [find_cell(PAPER, *place) for place in CELLS]
    distances = [abs(100 * sum(cell.sensitivity.values()) / 4 - 100 * cell.accuracy) for cell in cells]
    assert len(cells) == 12
    assert sum(distance <= 0.0051 for distance in distances) == 10
    assert max(distances) < 0.1
    printed = [abs(100 * sum(cell.precision.values()) / 4 - 100 * cell.accuracy) for cell in cells]
    assert sum(distance <= 0.0051 for distance in printed) == 0


@pytest.mark.parametrize(("model", "variant"), CELLS)
def test_f1_is_the_harmonic_mean_of_both_columns(model, variant):
    cell = find_cell(PAPER, model, variant)
    for name in ("bacterial", "covid19", "normal", "viral"):
        harmonic = 2 / (1 / cell.precision[name] + 1 / cell.sensitivity[name])
        assert cell.f1[name] == pytest.approx(harmonic, abs=0.025)  # means over folds, and the paper cuts digits


def test_one_cell_by_hand():
    cell = find_cell(PAPER, "xception", "strategy2")
    assert cell.accuracy == pytest.approx(0.8786)
    assert cell.sensitivity["bacterial"] == pytest.approx(0.7680)  # printed as precision
    assert cell.precision["covid19"] == pytest.approx(0.9860)  # printed as sensitivity
    assert cell.f1["viral"] == 0.80


def test_the_best_cell():
    model, variant, accuracy = best_cell(PAPER)
    assert (model, variant) == ("resnet50", "strategy3")
    assert accuracy == pytest.approx(0.8997)


@pytest.mark.parametrize(
    ("paper", "model", "variant"),
    [
        (None, "xception", "strategy2"),
        ("elsewhere", "xception", "strategy2"),
        ("unknown", "xception", "strategy2"),
        (PAPER, "mobilenet_025", "strategy2"),
        (PAPER, "xception", "strategy4"),
        (PAPER, "xception", "weighted"),
    ],
)
def test_no_cell_where_the_paper_has_none(paper, model, variant):
    assert find_cell(paper, model, variant) is None


def test_no_best_cell_without_cells():
    assert best_cell(None) is None
    assert best_cell("chen2021") is None
