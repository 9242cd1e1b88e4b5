"""``pxr cv`` from start to table, and again; `test_kill.py` runs the whole command in its own processes."""

from pathlib import Path

import pandas as pd
import pytest
from messages import any_of, assert_tells


def test_a_run_from_start_to_table_and_again(pxr, data, recipe):
    words = ["cv", "--config", recipe, "--data", data, "--runs", "runs", "--strategy", 1, "--epochs", 1]
    code, said, wrong = pxr(*words)
    assert (code, wrong) == (0, "")
    folder = Path("runs/phantom/strategy1-two_layers/folds/seed-0")
    assert {"metrics.csv", "confusion_matrix.png", "predictions.csv"} <= {file.name for file in folder.iterdir()}
    assert_tells(said, "synthetic phantoms")
    assert "Accuracy" in said
    assert len(pd.read_csv(folder / "fold-1" / "history.csv")) == 1
    code, again, _ = pxr(*words)
    assert code == 0
    assert_tells(again, any_of("nothing to do"), str(folder), "finished")
    assert said.split("Accuracy")[-1] == again.split("Accuracy")[-1]


def test_a_run_on_phantoms_of_which_every_class_comes_from_every_source(pxr, recipe):
    code, said, _ = pxr("phantom", "drawn", "--patients", 4, "--size", 40, "--every-source")
    assert (code, said.split()[-1]) == (0, "drawn/every-source/manifest.csv")
    words = ["--data", "drawn/every-source/manifest.csv", "--runs", "runs", "--strategy", 1, "--epochs", 1]
    code, said, wrong = pxr("cv", "--config", recipe, *words)
    assert (code, wrong) == (0, "")
    assert_tells(said, "synthetic phantoms")
    listed = pd.read_csv("runs/phantom/strategy1-two_layers/folds/seed-0/manifest.csv")
    assert set(listed.source) == {"synthetic-hospital-a", "synthetic-hospital-b"}
    assert (listed.groupby("label").source.nunique() == 2).all()


@pytest.mark.slow
def test_two_seeds_give_two_runs_and_one_table(pxr, data, recipe):
    words = ["cv", "--config", recipe, "--data", data, "--runs", "runs", "--strategy", 1, "--epochs", 1]
    code, said, wrong = pxr(*words, "--seeds", "0,1")
    assert (code, wrong) == (0, "")
    last = said.rpartition("2 seeds")[2]
    assert "mean ± sd" in last
    assert "seed 0" in last and "seed 1" in last
    assert "sensitivity covid19" in last
    for seed in (0, 1):
        folder = Path(f"runs/phantom/strategy1-two_layers/folds/seed-{seed}")
        assert f"seed {seed}" in said
        assert (folder / "metrics.csv").exists()


@pytest.mark.slow
def test_classes_can_be_merged(pxr, data, recipe):
    words = ["cv", "--config", recipe, "--data", data, "--runs", "runs", "--strategy", 1, "--epochs", 1]
    code, said, wrong = pxr(*words, "--classes", "normal,pneumonia=bacterial+viral")
    assert (code, wrong) == (0, "")
    assert_tells(said, any_of("left out"), "covid19 (")
    predictions = pd.read_csv("runs/phantom/strategy1-two_layers/folds-normal-pneumonia/seed-0/predictions.csv")
    assert set(predictions.label) == {"normal", "pneumonia"}
    assert [column for column in predictions if column.startswith("p_")] == ["p_normal", "p_pneumonia"]


def test_a_run_directory_of_another_experiment_is_refused(pxr, data, recipe, own_copy):
    runs = own_copy.parents[3]
    words = ["cv", "--config", recipe, "--data", data, "--runs", runs]
    code, _, said = pxr(*words, "--set", "training.batch_size=4")
    assert (code, said.count("\n")) == (2, 1)
    assert_tells(said, any_of("another", "other", "different"), "batch_size", "8", "4")
