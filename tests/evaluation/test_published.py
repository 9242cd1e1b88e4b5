"""The papers' figures: columns put right, the best cell, nothing where nothing was published."""

import pytest

from pxr_tf.evaluation.published import best_cell, find_cell, published_results

PAPER = "bozickovic2021"
CELLS = [(model, strategy) for model, row in published_results()[PAPER]["cells"].items() for strategy in row]


def test_the_mean_sensitivity_is_the_accuracy_in_10_of_12_cells():
    """On balanced test folds it must be; with the columns as printed it is in none."""
    cells = [find_cell(PAPER, *place) for place in CELLS]
    distances = [abs(100 * sum(cell.sensitivity.values()) / 4 - 100 * cell.accuracy) for cell in cells]
    assert len(cells) == 12
    assert sum(distance <= 0.0051 for distance in distances) == 10
    assert max(distances) < 0.1
    printed = [abs(100 * sum(cell.precision.values()) / 4 - 100 * cell.accuracy) for cell in cells]
    assert sum(distance <= 0.0051 for distance in printed) == 0


@pytest.mark.parametrize(("model", "strategy"), CELLS)
def test_f1_is_the_harmonic_mean_of_both_columns(model, strategy):
    cell = find_cell(PAPER, model, strategy)
    for name in ("bacterial", "covid19", "normal", "viral"):
        harmonic = 2 / (1 / cell.precision[name] + 1 / cell.sensitivity[name])
        assert cell.f1[name] == pytest.approx(harmonic, abs=0.025)  # means over folds, and the paper cuts digits


def test_one_cell_by_hand():
    cell = find_cell(PAPER, "xception", 2)
    assert cell.accuracy == pytest.approx(0.8786)
    assert cell.sensitivity["bacterial"] == pytest.approx(0.7680)  # printed as precision
    assert cell.precision["covid19"] == pytest.approx(0.9860)  # printed as sensitivity
    assert cell.f1["viral"] == 0.80


def test_the_best_cell():
    model, strategy, accuracy = best_cell(PAPER)
    assert (model, strategy) == ("resnet50", 3)
    assert accuracy == pytest.approx(0.8997)


@pytest.mark.parametrize(
    ("paper", "model", "strategy"),
    [
        (None, "xception", 2),
        ("elsewhere", "xception", 2),
        ("unknown", "xception", 2),
        (PAPER, "mobilenet_025", 2),
        (PAPER, "xception", 4),
    ],
)
def test_no_cell_where_the_paper_has_none(paper, model, strategy):
    assert find_cell(paper, model, strategy) is None


def test_no_best_cell_without_cells():
    assert best_cell(None) is None
    assert best_cell("chen2021") is None
