"""Shared by the tests of commands: ``pxr`` in this process, and a recipe that takes seconds, with three variants."""

import sys
from pathlib import Path

import pytest
import yaml
from tiny import SIZE, write_tiny_phantoms

from pxr_tf import cli
from pxr_tf.config import configs_folder
from pxr_tf.executors.inline import Inline


@pytest.fixture
def pxr(monkeypatch, capsys, tmp_path):
    """Run ``pxr`` with these words in this process; return (exit code, stdout, stderr)."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["pxr", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code or 0, *capsys.readouterr()

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr("pxr_tf.executors.choose.LocalProcess", Inline)
    return run


@pytest.fixture
def refuse(pxr):
    """Run a command that must be refused (exit code 2, one line, nothing written); return the line."""

    def run(*words: object) -> str:
        code, _, said = pxr(*words, "--runs", "runs")
        assert code == 2
        assert said.startswith("pxr: ")
        assert said.count("\n") == 1
        assert "Traceback" not in said
        assert not left_behind(Path("runs"))
        return said

    return run


@pytest.fixture
def predict(pxr):
    """Run ``pxr predict`` with these words; return the table that it wrote."""
    import pandas as pd

    def run(*words: object) -> pd.DataFrame:
        code, said, wrong = pxr("predict", *words, "--out", "out.csv")
        assert (code, wrong) == (0, ""), wrong
        assert said.splitlines()[-1] == "out.csv"
        return pd.read_csv("out.csv", keep_default_na=False).set_index("image_id")

    return run


@pytest.fixture
def others(tmp_path) -> list[Path]:
    """Pictures that are not in the data of `finished_run`, of another size."""
    folder = write_tiny_phantoms(tmp_path / "others", seed=5, size=50)[0]
    return sorted(folder.rglob("*.jpeg"))[:6]


@pytest.fixture
def data(phantoms) -> str:
    return ",".join(map(str, phantoms))


@pytest.fixture
def recipe(tmp_path, two_layers) -> Path:
    """The recipe phantom, shrunk, with all its variants."""
    values = yaml.safe_load((configs_folder() / "phantom.yaml").read_text())
    values["model"] |= {"backbone": two_layers, "head": {"hidden_units": [8]}}
    values["image"]["size"] = SIZE
    values["splits"]["folds"] = 2
    values["training"]["batch_size"] = 8
    for overlay in values["variants"].values():
        for phase in overlay["phases"]:
            phase["max_epochs"] = 2
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    return tmp_path / "tiny.yaml"


def left_behind(runs: Path) -> list[Path]:
    """Return the files that a refused command wrote, except locks and the cache."""
    kept = [file for file in runs.rglob("*") if file.is_file() and not file.name.endswith(".lock")]
    return [file for file in kept if file.relative_to(runs).parts[0] != "cache"]
