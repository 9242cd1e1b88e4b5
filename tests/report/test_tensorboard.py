"""TensorBoard: the events that a fold leaves, whether it was stopped or not."""

import json

import pytest
from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2
from tiny import Recorder, run_here, stopped, tiny_experiment

from pxr_tf.report import tensorboard as boards
from pxr_tf.training import folds

SYNTHETIC = "(synthetic phantoms, not patients)"


def read_events(folder) -> EventAccumulator:
    events = EventAccumulator(str(folder / "tensorboard"), size_guidance={TENSORS: 0})
    events.Reload()
    return events


def steps_of(events: EventAccumulator, tag: str) -> list[int]:
    return [event.step for event in events.Tensors(tag)]


def hyperparameters(events: EventAccumulator) -> dict[str, object]:
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    values = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    return {name: getattr(value, value.WhichOneof("kind")) for name, value in values.items()}


@pytest.fixture(scope="module")
def events(finished_run):
    return read_events(finished_run / "fold-0")


def test_losses_accuracies_and_learning_rates_count_on_through_the_phases(events):
    for name in ("loss", "accuracy", "learning_rate"):
        assert steps_of(events, f"epoch/{name}") == [1, 2, 3, 4]


def test_the_final_metrics_and_pictures_are_there(events):
    tags = set(events.Tags()["tensors"])
    assert {"final/accuracy", "final/balanced_accuracy", "images"} <= tags
    assert {f"training pictures as augmented {SYNTHETIC}", f"confusion matrix {SYNTHETIC}"} <= tags


def test_every_picture_is_a_picture(events):
    for tag in (tag for tag in events.Tags()["tensors"] if SYNTHETIC in tag):
        width, height, *pictures = events.Tensors(tag)[0].tensor_proto.string_val
        assert pictures[0].startswith(b"\x89PNG")
        assert min(int(width), int(height)) > 60


def test_the_words_say_that_the_images_are_synthetic(events):
    assert events.Tensors("images")[0].tensor_proto.string_val == [b"Synthetic phantoms, not patients"]
    assert hyperparameters(events)["images"] == "synthetic"


def test_the_hyperparameters_are_the_experiments(events):
    values = hyperparameters(events)
    assert (values["backbone"], values["strategy"], values["fold"]) == ("two_layers", 2, "0")
    assert values["head_learning_rate"] == 0.001
    json.dumps(values)


def test_a_continued_fold_has_no_gap_and_no_double_step(phantoms, two_layers, tmp_path):
    for _ in range(2):
        with stopped():
            run_here(tiny_experiment(), phantoms, tmp_path, on_event=Recorder(stop_after=1))
    with stopped():
        run_here(tiny_experiment(), phantoms, tmp_path, on_event=Recorder(stop_before="1"))
    events = read_events(tmp_path / "phantom" / "two_layers-strategy2" / "fold-0")
    assert steps_of(events, "epoch/loss") == [1, 2, 3, 4]
    assert steps_of(events, "final/accuracy") == [4]
    assert len(events.Tensors("images")) == 1


def test_real_images_are_not_called_synthetic(own_copy):
    run = folds.open_run(own_copy, own_copy.parent.parent / "cache")
    table = run.table.assign(source="kermany")
    board = boards.open_board(run._replace(table=table), "1")
    board.write_results()
    tags = read_events(own_copy / "fold-1").Tags()["tensors"]
    assert {"training pictures as augmented", "confusion matrix"} <= set(tags)
