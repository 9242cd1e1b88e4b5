"""The grid command: one bad cell does not cost the others, and nothing runs where a name is unknown."""

import sys

import pytest

from pxr_tf import cli
from pxr_tf.errors import PxrError


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
