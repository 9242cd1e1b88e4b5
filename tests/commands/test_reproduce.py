"""``pxr reproduce``: all runs of a paper from one command, one table, and one bad run that costs nothing else."""

from pathlib import Path

import pandas as pd
import pytest
import yaml
from tiny import SIZE

from pxr_tf.config import configs_folder

LINEAR = {"kind": "linear", "l2": 0.1, "max_iterations": 5}


@pytest.fixture
def paper(tmp_path) -> Path:
    """The recipe novokshanov2022 with linear models, which are fitted within a moment."""
    values = yaml.safe_load((configs_folder() / "novokshanov2022.yaml").read_text())
    values["image"]["size"] = SIZE
    values["splits"] |= {"test": 0.3, "validation": 0.3}
    values["training"].pop("learning_rate")
    values |= {"model": LINEAR, "variants": {"plain": {}, "weighted": {"training": {"class_weights": "balanced"}}}}
    (tmp_path / "paper.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    return tmp_path / "paper.yaml"


def test_a_paper_is_run_whole_and_continued(pxr, paper, official_phantoms):
    words = ["reproduce", paper, "--data", official_phantoms, "--runs", "runs", "--seeds", "0,1"]
    code, said, _ = pxr(*words)
    assert code == 0
    assert "8 runs, of plain, weighted." in said
    assert "plain, by image, seed 1: accuracy" in said
    assert "plain: by image minus by patient, not paired" in said
    assert "Tables: runs/novokshanov2022/reproduced.csv, runs/novokshanov2022/differences.csv" in said
    assert "Synthetic phantoms" in said
    folder = Path("runs/novokshanov2022")
    table = pd.read_csv(folder / "reproduced.csv")
    assert set(table.setting) == {"by image", "by patient"}
    assert (table.seeds == 2).all()
    assert set(table[table.setting == "by image"].split) == {"leaky split"}
    differences = pd.read_csv(folder / "differences.csv")
    ours = table[(table.metric == "accuracy") & (table.variant == "plain")].set_index("setting")["mean"]
    found = differences[(differences.metric == "accuracy") & (differences.variant == "plain")]
    assert found["mean"].item() == pytest.approx(ours["by image"] - ours["by patient"])
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("predictions.csv")}
    code, again, _ = pxr(*words)
    assert (code, again.count("Nothing to do")) == (0, 8)
    assert before == {file: file.stat().st_mtime_ns for file in folder.rglob("predictions.csv")}


def test_a_run_that_fails_costs_no_other(pxr, paper, official_phantoms):
    values = yaml.safe_load(paper.read_text())
    values["reproduce"] |= {"seeds": [0], "compare": {}}
    values["variants"]["plain"] = {"splits": {"validation": 5000}}
    paper.write_text(yaml.safe_dump(values))
    code, said, _ = pxr("reproduce", paper, "--data", official_phantoms, "--runs", "runs")
    assert code == 1
    assert "plain, seed 0 failed: splits.validation=5000" in said
    assert "1 of 2 runs failed, as said above: plain, seed 0." in said
    assert "weighted, seed 0: accuracy" in said
    assert set(pd.read_csv("runs/novokshanov2022/reproduced.csv").variant) == {"weighted"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            "reproduce novokshanov2022 --model plian",
            "accepted: plain, weighted, comma-separated. Did you mean 'plain'?",
        ),
        ("reproduce novokshanov2022 --model ,", "--model received ','"),
        ("reproduce novokshanov", "Did you mean 'novokshanov2022'?"),
        ("reproduce phantom", "says nothing of what to reproduce"),
        ("reproduce novokshanov2022 --seeds x", "--seeds received 'x'"),
        ("reproduce novokshanov2022 --set splits.unit=image", "Leave one of them out"),
    ],
)
def test_a_paper_of_unknown_things_is_refused_before_anything_runs(refuse, words, expected):
    assert expected in refuse(*words.split())
    assert not Path("runs").exists()
