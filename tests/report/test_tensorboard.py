"""TensorBoard from hand-written events: read back with TensorBoard's own reader, without training a network."""

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from pxr_tf import files
from pxr_tf.data.predictions import read_predictions
from pxr_tf.data.splits import read_splits
from pxr_tf.evaluation import metrics
from pxr_tf.report.tensorboard import About, Boards, undrawn_tasks
from pxr_tf.runs.finished import open_directory

SYNTHETIC = "(synthetic phantoms, not patients)"
CLASSES = ("covid19", "normal")
HYPERPARAMETERS = {"backbone": "two_layers", "batch_size": 32, "head_learning_rate": 1e-3, "xla": False, "cap": None}


def sheet(task: str) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 24, 24), np.uint8)


def about(**changes) -> About:
    return About(HYPERPARAMETERS, synthetic=True, warnings=(), reading="balanced", sheet=sheet)._replace(**changes)


def epoch(task: str, number: int, phase: str = "head", **values) -> dict:
    row = {"event": "epoch", "task": task, "phase": phase, "epoch": number, "epochs": 2, "seconds": 0.5}
    return row | {"learning_rate": 1e-3, "loss": 1 / number, "accuracy": 0.5, **values}


def events_of_a_fold(task: str = "fold-0") -> list[dict]:
    return [
        {"event": "note", "text": "no task"},
        {"event": "start", "task": "features"},
        {"event": "progress", "what": "features", "done": 1, "total": 2},
        {"event": "end", "task": "features"},
        {"event": "start", "task": task},
        {"event": "resume", "task": task, "history": []},
        {"event": "device", "name": "CPU", "xla": False, "precision": "float32"},
        epoch(task, 1),
        {"event": "step", "task": task, "phase": "head", "epoch": 2, "epochs": 2, "step": 3, "steps": 9},
        epoch(task, 2, val_loss=0.25),
        epoch(task, 1, "all"),
        {"event": "end", "task": task},
    ]


@pytest.fixture
def run(tmp_path) -> Path:
    """The files of a run with one fold: 3 of 4 balanced rows and 3 of 6 held-out rows are right."""
    folder = tmp_path / "recipe" / "run"
    rows = [
        ("a", "covid19", "covid19", "test_balanced"),
        ("b", "covid19", "normal", "test_balanced"),
        ("c", "normal", "normal", "test_balanced"),
        ("d", "normal", "normal", "test_balanced"),
        ("e", "normal", "covid19", "test"),
        ("f", "normal", "covid19", "test"),
        ("g", "normal", "covid19", "val"),
    ]
    table = pd.DataFrame(rows, columns=["image_id", "label", "predicted", "role"]).assign(fold="0")
    for name in CLASSES:
        table[f"p_{name}"] = np.where(table.predicted == name, 0.75, 0.25)
    files.write_csv(folder / "splits.csv", table[["image_id", "fold", "role"]])
    for path in (folder / "fold-0", folder):
        files.write_csv(path / "predictions.csv", table)
    return folder


def show(run: Path, *events: dict, **changes) -> None:
    with Boards(open_directory(run), about(**changes)) as boards:
        for event in events:
            boards.show(event)


def read_events(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder), size_guidance={TENSORS: 0})
    events.Reload()
    return events


def steps_of(events: EventAccumulator, tag: str) -> list[int]:
    return [event.step for event in events.Tensors(tag)]


def values_of(events: EventAccumulator, tag: str) -> list[float]:
    return [event.tensor_proto.float_val[0] for event in events.Tensors(tag)]


def text_of(events: EventAccumulator, tag: str) -> str:
    return events.Tensors(tag)[0].tensor_proto.string_val[0].decode()


def hyperparameters(events: EventAccumulator) -> dict[str, object]:
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    values = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    return {name: getattr(value, value.WhichOneof("kind")) for name, value in values.items()}


def test_losses_accuracies_and_learning_rates_are_numbered_across_phases(run):
    show(run, *events_of_a_fold())
    events = read_events(run / "fold-0")
    for name in ("loss", "accuracy", "learning_rate", "seconds"):
        assert steps_of(events, f"epoch/{name}") == [1, 2, 3]
    assert values_of(events, "epoch/loss") == [1, 0.5, 1]
    assert (steps_of(events, "epoch/val_loss"), values_of(events, "epoch/val_loss")) == ([2], [0.25])
    assert not {"epoch/epoch", "epoch/epochs", "epoch/phase"} & set(events.Tags()["tensors"])


def test_tasks_that_do_not_train_have_no_board(run):
    show(run, *events_of_a_fold())
    assert not (run / "features").exists()


@pytest.mark.parametrize("reading", ["balanced", "all"])
def test_the_final_metrics_equal_metrics_csv(run, reading):
    """4 balanced or 6 held-out rows count, never the validation row; `support` is not a curve."""
    show(run, *events_of_a_fold(), reading=reading)
    events = read_events(run / "fold-0")
    predictions = metrics.select_rows(
        read_predictions(run / "predictions.csv"), read_splits(run / "splits.csv"), reading
    )
    table = metrics.score_folds(predictions)
    for name in ("accuracy", "balanced_accuracy"):
        expected = metrics.value_of(table, "0", "all", name)
        assert values_of(events, f"final/{name}") == [pytest.approx(expected)]
        assert steps_of(events, f"final/{name}") == [3]
    assert values_of(events, "final/accuracy") == [{"balanced": 0.75, "all": 0.5}[reading]]
    assert "final/support" not in events.Tags()["tensors"]


def test_every_picture_is_a_png_and_its_tag_says_what_it_shows(run):
    show(run, *events_of_a_fold())
    events = read_events(run / "fold-0")
    for what in ("training pictures as augmented", "confusion matrix", "ROC curve of normal"):
        tag = f"{what} {SYNTHETIC}"
        width, height, *pictures = events.Tensors(tag)[0].tensor_proto.string_val
        assert pictures[0].startswith(b"\x89PNG")
        assert 60 < int(width) <= 348  # TensorBoard would scale a wider one down, with its letters
    width, height, _ = events.Tensors(f"training pictures as augmented {SYNTHETIC}")[0].tensor_proto.string_val
    assert (int(width), int(height)) == (4 * 26 - 2, 4 * 26 - 2)  # 16 of the 40 pictures


def test_a_run_is_named_by_its_fold_and_has_one_file(run):
    show(run, *events_of_a_fold())
    show(run, *events_of_a_fold())
    (file,) = run.rglob("*tfevents*")
    assert file.parent == run / "fold-0"


def test_the_text_has_the_origin_of_the_pictures_and_the_warnings(run):
    show(run, *events_of_a_fold(), warnings=["Sources and classes coincide.", "The split leaks."])
    events = read_events(run / "fold-0")
    assert text_of(events, "pictures").split("\n\n") == [
        "Synthetic phantoms, not patients",
        "Warning: Sources and classes coincide.",
        "Warning: The split leaks.",
    ]


def test_a_warning_during_a_task_is_shown_with_its_curves(run):
    start, *rest = events_of_a_fold()[4:]
    show(run, start, {"event": "warning", "task": "fold-0", "text": "Another processor."}, *rest)
    assert text_of(read_events(run / "fold-0"), "environments") == "Warning: Another processor."


def test_real_pictures_are_not_called_synthetic(run):
    show(run, *events_of_a_fold(), synthetic=False)
    events = read_events(run / "fold-0")
    assert text_of(events, "pictures") == "Real X-rays"
    assert hyperparameters(events)["origin"] == "real"
    assert {"training pictures as augmented", "confusion matrix", "ROC curve of normal"} <= set(
        events.Tags()["tensors"]
    )


def test_hyperparameters_keep_their_types(run):
    show(run, *events_of_a_fold())
    assert hyperparameters(read_events(run / "fold-0")) == {
        "backbone": "two_layers",
        "batch_size": 32,
        "head_learning_rate": 1e-3,
        "xla": False,
        "cap": "None",
        "task": "fold-0",
        "origin": "synthetic",
    }


def test_every_kind_of_data_reaches_its_page_of_tensorboard(run):
    show(run, *events_of_a_fold())
    events = read_events(run / "fold-0")
    pages = {tag: events.SummaryMetadata(tag).plugin_data.plugin_name for tag in events.Tags()["tensors"]}
    assert pages["epoch/loss"] == pages["final/accuracy"] == "scalars"
    assert pages[f"confusion matrix {SYNTHETIC}"] == "images"
    assert pages["pictures"] == "text"
    assert pages["_hparams_/session_start_info"] == "hparams"


def test_a_resumed_task_has_no_gap_and_no_double_point(run):
    started = [event for event in events_of_a_fold() if event["event"] != "end"]
    show(run, *started[:-1])  # killed after two epochs
    assert steps_of(read_events(run / "fold-0"), "epoch/loss") == [1, 2]
    history = [{key: value for key, value in epoch("", n).items() if key not in ("event", "task")} for n in (1, 2)]
    resumed = {"event": "resume", "task": "fold-0", "history": history}
    show(
        run,
        {"event": "start", "task": "fold-0"},
        resumed,
        epoch("fold-0", 1, "all"),
        {"event": "end", "task": "fold-0"},
    )
    events = read_events(run / "fold-0")
    assert steps_of(events, "epoch/loss") == [1, 2, 3]
    assert steps_of(events, "final/accuracy") == [3]
    assert len(events.Tensors("pictures")) == 1


def test_two_tasks_at_once_keep_to_their_own_folders(run):
    start = [{"event": "start", "task": task} for task in ("fold-0", "holdout")]
    show(run, *start, epoch("fold-0", 1), epoch("holdout", 1), epoch("fold-0", 2))
    assert steps_of(read_events(run / "fold-0"), "epoch/loss") == [1, 2]
    assert steps_of(read_events(run / "holdout"), "epoch/loss") == [1]


def test_an_error_is_raised_once_at_the_end(run):
    def broken(task: str) -> np.ndarray:
        raise OSError("the disk is gone")

    boards = Boards(open_directory(run), about(sheet=broken))
    for event in events_of_a_fold():
        boards.show(event)  # the run continues
    with pytest.raises(OSError, match="the disk is gone"):
        boards.close()
    boards.close()


def test_an_error_of_the_run_itself_is_not_replaced(run):
    def broken(task: str) -> np.ndarray:
        raise OSError("the disk is gone")

    def fail() -> None:
        with Boards(open_directory(run), about(sheet=broken)) as boards:
            boards.show({"event": "start", "task": "fold-0"})
            raise ValueError("diverged")

    with pytest.raises(ValueError, match="diverged"):
        fail()


def test_showing_an_event_does_not_wait_for_the_drawing(run):
    drawn = threading.Event()

    def slow(task: str) -> np.ndarray:
        assert drawn.wait(20)
        return sheet(task)

    with Boards(open_directory(run), about(sheet=slow)) as boards:
        for event in events_of_a_fold():
            boards.show(event)
        drawn.set()  # reached only if `show` returned before the sheet was drawn
    assert steps_of(read_events(run / "fold-0"), "epoch/loss") == [1, 2, 3]


def test_live_boards_have_curves_until_the_run_ends(run):
    with Boards(open_directory(run), about(), live=True) as boards:
        for event in events_of_a_fold():
            boards.show(event)
        boards._thread.submit(lambda: None).result()
        events = read_events(run / "fold-0")
        assert steps_of(events, "epoch/loss") == [1, 2, 3]
        assert all(tag.startswith("epoch/") for tag in events.Tags()["tensors"])
        assert undrawn_tasks(open_directory(run)) == ["fold-0"]
    assert not list((run / "fold-0").glob("events.*"))


def test_live_boards_leave_what_a_task_has_drawn(run):
    show(run, *events_of_a_fold())
    with Boards(open_directory(run), about(), live=True) as boards:
        for event in events_of_a_fold():  # late
            boards.show(event)
    assert undrawn_tasks(open_directory(run)) == []
    assert steps_of(read_events(run / "fold-0"), "final/accuracy")


def test_no_tensorflow_is_loaded(run):
    code = f"""
import sys
from pathlib import Path
import numpy as np
from pxr_tf.report.tensorboard import About, Boards, undrawn_tasks
from pxr_tf.runs.finished import open_directory
run = Path({str(run)!r})
about = About({{"a": 1}}, False, ["A warning."], "balanced", lambda task: np.zeros((32, 8, 8), np.uint8))
with Boards(open_directory(run), about) as boards:
    boards.show({{"event": "start", "task": "fold-0"}})
    boards.show({{"event": "epoch", "task": "fold-0", "phase": "head", "epoch": 1, "epochs": 1, "loss": 0.5}})
    boards.show({{"event": "end", "task": "fold-0"}})
assert not {{"tensorflow", "keras"}} & set(sys.modules), "TensorFlow was imported"
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert len(list((run / "fold-0").glob("events.*"))) == 1


def test_the_next_command_draws_what_a_killed_command_trained_but_did_not_draw(run):
    *before, _ = events_of_a_fold()
    show(run, *before)  # killed after the fold's predictions, before its end event
    assert "final/accuracy" not in read_events(run / "fold-0").Tags()["tensors"]
    assert undrawn_tasks(open_directory(run)) == ["fold-0"]
    history = pd.DataFrame([{"phase": "head", "loss": 1.0}, {"phase": "head", "loss": 0.5, "val_loss": 0.25}])
    files.write_csv(run / "fold-0" / "history.csv", history.assign(origin="real"))
    with Boards(open_directory(run), about()) as boards:
        boards.catch_up(undrawn_tasks(open_directory(run)))
    events = read_events(run / "fold-0")
    assert values_of(events, "epoch/loss") == [1, 0.5]
    assert steps_of(events, "epoch/val_loss") == [2]  # an empty cell is not a value
    assert len(values_of(events, "final/accuracy")) == 1
    assert undrawn_tasks(open_directory(run)) == []


def test_runs_of_two_recipes_have_their_own_names(run, tmp_path):
    other = tmp_path / "another" / "run"
    shutil.copytree(run, other)
    for folder in (run, other):
        show(folder, *events_of_a_fold())
    trials = set()
    for folder in (run, other):
        content = read_events(folder / "fold-0").SummaryMetadata("_hparams_/session_start_info").plugin_data.content
        trials.add(plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.group_name)
    assert len(trials) == 2
