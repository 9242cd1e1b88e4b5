"""Stopped at the end of epochs and continued, a run ends as one that was never stopped."""

from pathlib import Path

import pandas as pd
import pytest
from tiny import Recorder, Stopped, run_here, stopped, tiny_experiment

from pxr_tf.training import phases

# Early stopping, dropout, copies of training rows, new pictures in every epoch of a phase that trains all layers.
RECIPE = {
    "strategy": 3,
    "augmentation__epochs": "practical",
    "strategies__3__phases__0__patience": 1,
    "strategies__3__phases__1__patience": 1,
    "strategies__3__phases__0__learning_rate": 0.02,
}
ONE_FOLD = {
    "strategy": 1,
    "strategies__1__dropout": 0.5,
    "strategies__1__phases__0__patience": 2,
    "splits__nested": True,
    "augmentation__epochs": "practical",
}


def finish_in_steps(experiment, data, folder: Path) -> tuple[Path, list[str]]:
    """Start again after every epoch; return (run directory, "phase epoch" of each stop)."""
    stops: list[str] = []
    while True:
        recorder = Recorder(stop_after=1)
        try:
            return run_here(experiment, data, folder, on_event=recorder), stops
        except Stopped:
            stops += [f"{row['phase']} {row['epoch']}" for row in recorder.of("epoch")]


def history(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "history.csv").drop(columns="seconds")


def stops_of(folder: Path) -> list[str]:
    return [f"{row.phase} {row.epoch}" for row in history(folder).itertuples()]


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param({"strategies__3__phases__0__max_epochs": 1}, id="hold-out"),
        pytest.param({"splits__nested": True}, id="nested", marks=pytest.mark.slow),
    ],
)
def test_stopping_after_every_epoch_changes_nothing(phantoms, two_layers, tmp_path, recipe):
    experiment = tiny_experiment(**RECIPE, **recipe)
    expected = run_here(experiment, phantoms, tmp_path / "undisturbed")
    folder, stops = finish_in_steps(experiment, phantoms, tmp_path / "stopped")
    places = ["holdout"] * experiment.chooses_epochs + ["fold-0", "fold-1"]
    assert stops == [stop for place in places for stop in stops_of(expected / place)]
    for place in places:
        pd.testing.assert_frame_equal(history(folder / place), history(expected / place))  # no gap, no double row
        assert not (folder / place / "checkpoint.npz").exists()
    for name in ["predictions.csv"] + ["epochs.json"] * experiment.chooses_epochs:
        assert (folder / name).read_bytes() == (expected / name).read_bytes()


@pytest.fixture(scope="module")
def whole_fold(phantoms, tmp_path_factory):
    """Return the history of a fold of `ONE_FOLD` that was not stopped, made once."""
    made: list[pd.DataFrame] = []

    def run() -> pd.DataFrame:
        if not made:
            made.append(train_one_fold(phantoms, tmp_path_factory.mktemp("whole")))
        return made[0]

    return run


def train_one_fold(data, folder: Path) -> pd.DataFrame:
    with stopped():
        run_here(tiny_experiment(**ONE_FOLD), data, folder, on_event=Recorder(stop_before="1"))
    return history(folder / "phantom" / "two_layers-strategy1" / "fold-0")


@pytest.mark.parametrize(
    "forgotten",
    ["nothing", "optimizer", *(pytest.param(what, marks=pytest.mark.slow) for what in ("dropout", "epoch"))],
)
def test_a_checkpoint_that_forgets_something_is_seen(
    phantoms, two_layers, tmp_path, whole_fold, monkeypatch, forgotten
):
    """Plant a fault in what a continued fold gets back: its history is no longer that of an undisturbed one."""
    restore = phases._EpochKeeper.restore

    def forget(self, model, state, arrays):
        if forgotten == "epoch":
            state = {**state, "done": state["done"] - 1}
        if forgotten == "optimizer":
            arrays = {**arrays, "optimizer": [0 * array for array in arrays["optimizer"]]}
        if forgotten == "dropout":
            seeds = [number for number, variable in enumerate(model.variables) if "seed" in variable.path]
            assert seeds
            values = [0 * array if number in seeds else array for number, array in enumerate(arrays["model"])]
            arrays = {**arrays, "model": values}
        restore(self, model, state, arrays)

    expected = whole_fold()
    monkeypatch.setattr(phases._EpochKeeper, "restore", forget)
    with stopped():
        run_here(tiny_experiment(**ONE_FOLD), phantoms, tmp_path, on_event=Recorder(stop_after=1))
    assert train_one_fold(phantoms, tmp_path).equals(expected) == (forgotten == "nothing")
