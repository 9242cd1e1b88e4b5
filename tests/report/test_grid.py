"""The grid's tables: estimates for missing cells, and results with their warnings."""

import io
from pathlib import Path

import pytest
from messages import any_of, assert_says, assert_tells
from rich.console import Console
from written_runs import CLASSES, LEAK, SOURCES, write_run

from pxr_tf.report.grid import GridCell, print_cells, print_estimates
from pxr_tf.report.results import write_results
from pxr_tf.runs.finished import open_run
from pxr_tf.runs.info import RunInfo
from pxr_tf.studies.estimate import Estimate


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=100)


def make_cell(backbone: str, variant: str, **state) -> GridCell:
    return GridCell(RunInfo("bozickovic2021", backbone, variant, CLASSES, "balanced", "bozickovic2021"), **state)


def finished_cell(folder: Path, **options) -> GridCell:
    run = open_run(write_run(folder, **options))
    write_results(run)
    return make_cell("xception", "strategy2", run=run)


def test_cells_to_do_show_the_papers_accuracy_and_failed_cells_that_they_failed(console):
    cells = [make_cell("resnet50", "strategy3"), make_cell("xception", "strategy1", failure="out of memory")]
    print_cells(console, cells)
    text = console.file.getvalue()
    assert "89.97" in text
    assert "to do" in text
    assert_tells(text, "xception strategy1", any_of("failed"))
    assert "out of memory" not in text  # it was printed when the cell failed


def test_finished_cells_show_both_readings_next_to_the_papers_accuracy(console, tmp_path):
    print_cells(console, [finished_cell(tmp_path / "run")])
    words = console.file.getvalue().split()
    line = words[words.index("xception") :]
    assert line[:7] == "xception strategy2 100.0±0.0 87.86 75.0±35.4 75.0±35.4 done".split()


def test_a_finished_cell_without_balanced_rows_shows_the_other_reading(console, tmp_path):
    print_cells(console, [finished_cell(tmp_path / "run", role="test", folds=1)])
    words = console.file.getvalue().split()
    assert words[words.index("xception") :][:7] == "xception strategy2 - 87.86 75.0 75.0 done".split()


def test_leaks_warnings_and_phantoms_are_reported(console, tmp_path):
    cells = [
        finished_cell(tmp_path / "one", images="synthetic", warnings=(SOURCES, LEAK)),
        finished_cell(tmp_path / "two", images="synthetic", warnings=(SOURCES,)),
    ]
    print_cells(console, cells)
    lines = [line.strip() for line in console.file.getvalue().strip().splitlines()]
    assert_says(lines[0], any_of("synthetic phantoms"))
    assert_says(lines[1], "leaky split", any_of("state"))
    assert [line.split()[-1] for line in lines if line.startswith("xception")] == ["leaky", "done"]
    assert [line for line in lines if line.startswith("Warning: ")] == [
        f"Warning: {SOURCES['text']}",
        f"Warning: xception, strategy2: {LEAK['text']}",  # of one cell alone
    ]


def test_the_longest_backbone_fits_in_80_columns(tmp_path):
    narrow = Console(file=io.StringIO(), width=80)
    run = open_run(write_run(tmp_path / "run", model="inception_resnet_v2", warnings=(LEAK,)))
    write_results(run)
    print_cells(narrow, [make_cell("inception_resnet_v2", "strategy3", run=run)])
    row = next(line for line in narrow.file.getvalue().splitlines() if "inception" in line)
    assert row.split() == "inception_resnet_v2 strategy2 100.0±0.0 85.40 75.0±35.4 75.0±35.4 leaky".split()


def test_estimates_add_up(console):
    estimates = {
        ("xception", "strategy1"): Estimate(3600, 2e9, 5e8, True),
        ("xception", "strategy2"): Estimate(1800, 1e9, 5e8, False),
    }
    print_estimates(console, estimates)
    text = console.file.getvalue()
    assert "at most 60 min" in text
    assert "about 30 min" in text
    assert "at most 90 min" in text.splitlines()[-2] or "at most 1.5 h" in text
    assert "2.0 GB" in text
    assert "1.0 GB" in text
