"""The grid's tables, and that one bad cell does not cost the others."""

import io
import sys

import pytest
from rich.console import Console

from pxr_tf import cli
from pxr_tf.config import load_experiment
from pxr_tf.errors import PxrError
from pxr_tf.experiments.estimate import Estimate
from pxr_tf.report.grid import Cell, print_cells, print_estimates


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=100)


def make_cell(backbone, strategy, **state):
    return Cell(load_experiment("bozickovic2021", {"model.backbone": backbone, "strategy": strategy}), **state)


def test_cells_to_do_show_the_papers_accuracy_and_failures_their_reason(console):
    print_cells(console, [make_cell("resnet50", 3), make_cell("xception", 1, failure="out of memory")])
    text = console.file.getvalue()
    assert "89.97" in text
    assert "to do" in text
    assert "xception, strategy 1 failed: out of memory" in text


def test_the_longest_backbone_fits_a_terminal_of_80_letters():
    narrow = Console(file=io.StringIO(), width=80)
    print_cells(narrow, [make_cell("inception_resnet_v2", 3)])
    assert "inception_resnet_v2" in narrow.file.getvalue()


def test_estimates_add_up(console):
    estimates = {("xception", 1): Estimate(3600, 2e9, 5e8, True), ("xception", 2): Estimate(1800, 1e9, 5e8, False)}
    print_estimates(console, estimates)
    text = console.file.getvalue()
    assert "at most 60 min" in text
    assert "about 30 min" in text
    assert "at most 90 min" in text.splitlines()[-2] or "at most 1.5 h" in text
    assert "2.0 GB" in text
    assert "1.0 GB" in text


def test_a_cell_that_fails_is_reported_and_the_rest_goes_on(monkeypatch, capsys, tmp_path):
    asked = []

    def run_cell(experiment, *rest):
        asked.append((experiment.model.backbone, experiment.strategy))
        raise PxrError("no luck")

    monkeypatch.setattr(cli, "_run_cell", run_cell)
    monkeypatch.setattr(cli, "_announce", lambda *rest: None)
    command = ["pxr", "grid", "--config", "phantom", "--data", str(tmp_path), "--models", "xception,resnet50"]
    monkeypatch.setattr(sys, "argv", [*command, "--strategies", "1,3"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 1
    assert asked == [("xception", 1), ("xception", 3), ("resnet50", 1), ("resnet50", 3)]
    assert capsys.readouterr().out.count("no luck") == 1 + 2 + 3 + 4


@pytest.mark.parametrize(("option", "value"), [("--models", "xception,xcepton"), ("--strategies", "1,two")])
def test_a_grid_of_unknown_things_is_refused_before_anything_runs(option, value, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["pxr", "grid", option, value, "--runs", str(tmp_path / "runs")])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith("pxr: ")
    assert not (tmp_path / "runs").exists()
