"""A run that is stopped after epochs and continued ends like a run that was never stopped."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny import Recorder, Stopped, request_of, run_here, stopped, tiny_experiment

from pxr_tf.training.checkpoint import load_checkpoint, save_checkpoint

# Early stopping, dropout, copies of training rows, new pictures in every epoch of a phase that trains all layers.
RECIPE = {
    "variant": "strategy3",
    "augmentation__epochs": "practical",
    "phases__0__patience": 1,
    "phases__1__patience": 1,
    "phases__0__learning_rate": 0.02,
}
ONE_FOLD = {
    "variant": "strategy1",
    "model__head__dropout": 0.5,
    "phases__0__patience": 2,
    "splits__nested": True,
    "augmentation__epochs": "practical",
}


def finish_in_steps(experiment, data, folder: Path) -> tuple[Path, list[str]]:
    """Start again after every epoch; return (run directory, "task phase epoch" of each stop)."""
    stops: list[str] = []
    while True:
        recorder = Recorder(stop_after=1)
        try:
            return run_here(experiment, data, folder, on_event=recorder), stops
        except Stopped:
            stops += [f"{row['task']} {row['phase']} {row['epoch']}" for row in recorder.of("epoch")]


def history(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "history.csv").drop(columns="seconds")


def stops_of(folder: Path) -> list[str]:
    return [f"{folder.name} {row.phase} {row.epoch}" for row in history(folder).itertuples()]


@pytest.mark.parametrize(
    ("recipe", "places"),
    [
        pytest.param(
            {"phases__0__max_epochs": 1}, ["holdout", "fold-0", "fold-1"], id="hold-out", marks=pytest.mark.slow
        ),
        pytest.param({"splits__nested": True}, ["fold-0", "fold-1"], id="nested", marks=pytest.mark.slow),
        pytest.param(
            {"splits__scheme": "random", "splits__test": 0.3}, ["random"], id="random", marks=pytest.mark.slow
        ),
    ],
)
def test_stopping_after_every_epoch_changes_nothing(phantoms, two_layers, tmp_path, recipe, places):
    experiment = tiny_experiment(**RECIPE, **recipe)
    expected = run_here(experiment, phantoms, tmp_path / "undisturbed")
    folder, stops = finish_in_steps(experiment, phantoms, tmp_path / "stopped")
    assert stops == [stop for place in places for stop in stops_of(expected / place)]
    for place in places:
        pd.testing.assert_frame_equal(history(folder / place), history(expected / place))  # no gap, no double row
        assert not (folder / place / "checkpoint.npz").exists()
        for name in ("epochs.json", "predictions.csv"):
            assert (folder / place / name).read_bytes() == (expected / place / name).read_bytes()
    for name in ("predictions.csv", "samples.csv", "warnings.json"):
        assert (folder / name).read_bytes() == (expected / name).read_bytes()


@pytest.fixture(scope="module")
def whole_fold(phantoms, tmp_path_factory):
    """Return a function that returns the history of an unstopped fold of `ONE_FOLD`, made once."""
    made: list[pd.DataFrame] = []

    def run() -> pd.DataFrame:
        if not made:
            made.append(train_one_fold(phantoms, tmp_path_factory.mktemp("whole")))
        return made[0]

    return run


def first_fold(data, folder: Path) -> Path:
    return request_of(tiny_experiment(**ONE_FOLD), data, folder).folder / "fold-0"


def train_one_fold(data, folder: Path) -> pd.DataFrame:
    with stopped():
        run_here(tiny_experiment(**ONE_FOLD), data, folder, on_event=Recorder(stop_before="fold-1"))
    return history(first_fold(data, folder))


def forget(checkpoint: Path, what: str) -> None:
    """Remove something from a checkpoint."""
    state, arrays = load_checkpoint(checkpoint)
    if what == "epoch":
        state["done"] -= 1
    if what == "optimizer":
        arrays["optimizer"] = [0 * array for array in arrays["optimizer"]]
    if what == "dropout":
        seeds = [array.dtype != np.float32 for array in arrays["model"]]  # weights are float32, random states are not
        assert any(seeds)
        arrays["model"] = [array * (not seed) for array, seed in zip(arrays["model"], seeds, strict=True)]
    save_checkpoint(checkpoint, state, arrays)


@pytest.mark.parametrize(
    "forgotten",
    ["nothing", "optimizer", *(pytest.param(what, marks=pytest.mark.slow) for what in ("dropout", "epoch"))],
)
def test_a_checkpoint_that_forgets_something_is_noticed(phantoms, two_layers, tmp_path, whole_fold, forgotten):
    """Plant a fault in the checkpoint of a stopped fold: its history then differs from that of an undisturbed fold."""
    expected = whole_fold()
    with stopped():
        run_here(tiny_experiment(**ONE_FOLD), phantoms, tmp_path, on_event=Recorder(stop_after=1))
    forget(first_fold(phantoms, tmp_path) / "checkpoint.npz", forgotten)
    assert train_one_fold(phantoms, tmp_path).equals(expected) == (forgotten == "nothing")
