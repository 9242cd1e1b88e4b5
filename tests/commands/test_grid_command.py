"""``pxr grid``: one failed cell does not stop the others, and nothing runs if a name is unknown."""

from pathlib import Path

import pytest
from messages import UNKNOWN, any_of, assert_says, assert_tells, nearest

from pxr_tf.studies.run_all import Outcome

GRID = ["grid", "--models", "two_layers", "--strategies", "1,3"]


def test_a_cell_that_fails_is_reported_and_the_rest_continues(pxr, monkeypatch, tmp_path):
    asked = []

    def run_all(requests, executor, on_event, complete, on_outcome):
        asked.extend((request.experiment.backbone, request.experiment.variant) for request in requests)
        outcomes = [Outcome(request, failure="no luck") for request in requests]
        for outcome in outcomes:
            on_outcome(outcome)
        return outcomes

    monkeypatch.setattr("pxr_tf.studies.run_all.run_all", run_all)
    monkeypatch.setattr("pxr_tf.commands.grid._announce", lambda requests, console: None)
    words = [
        "grid",
        "--config",
        "phantom",
        "--data",
        tmp_path,
        "--models",
        "xception,resnet50",
        "--strategies",
        "1,3,1",
    ]
    code, said, _ = pxr(*words)
    assert code == 1
    assert asked == [
        ("xception", "strategy1"),
        ("xception", "strategy3"),
        ("resnet50", "strategy1"),
        ("resnet50", "strategy3"),
    ]
    assert said.count("no luck") == 4  # once for each cell, when it fails
    end = said[said.index("4 of 4 runs failed") :]
    assert_tells(end, "strategy1-xception", "strategy3-resnet50")


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--models", "xception,xcepton", [nearest("'xception'")]),
        ("--models", ",", ["--models", "','"]),
        ("--strategies", "1,two", ["--strategies", "'1,two'"]),
        ("--strategies", "1,4", [UNKNOWN, "variant", "'strategy4'"]),
        ("--set", "model.kind=transfr", [nearest("'transfer'")]),
    ],
)
def test_a_grid_with_unknown_names_is_refused_before_anything_runs(refuse, option, value, expected):
    assert_says(refuse("grid", option, value), *expected)
    assert not Path("runs").exists()


@pytest.mark.slow
def test_a_grid_estimates_its_time_and_fills_up(pxr, data, recipe):
    words = [*GRID, "--config", recipe, "--data", data, "--runs", "runs", "--epochs", 1]
    code, said, wrong = pxr(*words)
    assert (code, wrong) == (0, "")
    assert_tells(said, any_of("timing"), "two_layers")
    assert_tells(said, any_of("to be done", "to do"))
    assert said.count("to do") == 1  # only the first of two tables has an unfinished cell
    cells = {"strategy1-two_layers", "strategy3-two_layers"}
    assert {folder.name for folder in Path("runs/phantom").iterdir()} == cells | {"grid"}
    assert_tells(said, "runs/phantom/grid/report.html")
    page = Path("runs/phantom/grid/report.html").read_text()
    assert "two_layers, strategy3 (B) compared with two_layers, strategy1 (A)." in page
    code, again, _ = pxr(*words)
    assert code == 0
    assert "To be done" not in again
    assert again.count("Nothing to do: ") == 2


def test_too_many_folds_are_refused_before_anything_is_timed(refuse, data, recipe):
    said = refuse("grid", "--config", recipe, "--data", data, "--models", "two_layers", "--strategies", 2, "--folds", 9)
    assert_tells(said, "covid19", "4 patients", "9 folds")
