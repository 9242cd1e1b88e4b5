"""Tasks, performed in this process."""

import json

import keras
import pytest
import tensorflow as tf
from messages import any_of, refused
from tiny import RUN_DEPTH, Recorder, request_of, run_here, stopped, tiny_experiment

from pxr_tf import files
from pxr_tf.executors.perform import perform
from pxr_tf.experiments.plan import InEnvironment, OfRecipe
from pxr_tf.models.model_file import load_classifier
from pxr_tf.tasks import Task


def task_of(folder, name, kind, **options):
    return Task(
        name,
        kind,
        options=InEnvironment(),
        run=str(folder),
        cache=str(folder.parents[RUN_DEPTH - 1] / "cache"),
        **options,
    )


def test_weights_that_fit_are_accepted_and_others_refused(two_layers, tmp_path):
    def check(weights: str) -> dict:
        options = OfRecipe(tiny_experiment(model__weights=weights).model_dump_json(), tmp_path / "weights.json")
        perform(Task("weights", "weights", options=options), Recorder())
        return files.read_json(options.to)

    assert check("none") == {"identity": "random-0"}
    (tmp_path / "w.h5").write_text("no weights")
    with refused(any_of("fit", "match")):
        check(str(tmp_path / "w.h5"))


def test_a_fold_reports_its_device_and_epochs_and_is_deterministic(own_copy, monkeypatch):
    asked = []
    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: asked.append(True))
    (own_copy / "fold-1" / "predictions.csv").unlink()
    stale = [own_copy / "fold-1" / name for name in ("inside.npz", "filters.png", "feature_maps-a.png")]
    for file in stale:
        file.touch()
    recorder = Recorder()
    perform(task_of(own_copy, "fold-1", "fit", fold="1"), recorder)
    assert not any(file.exists() for file in stale)  # they were drawn from the old model
    gpu = bool(keras.distribution.list_devices("gpu"))
    assert recorder.of("device")[0]["name"] == ("GPU" if gpu else "CPU")
    rows = recorder.of("epoch")
    assert [(row["phase"], row["epoch"], row["epochs"]) for row in rows] == [
        (phase, epoch, 2) for phase in ("head", "all") for epoch in (1, 2)
    ]
    json.dumps(recorder.events)  # events are sent as JSON
    assert (own_copy / "fold-1" / "predictions.csv").exists()
    assert asked


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_a_run_has_the_requested_precision(phantoms, two_layers, tmp_path, precision):
    experiment = tiny_experiment(training__precision=precision, phases__1__max_epochs=1)
    recorder = Recorder(stop_before="fold-1")
    with stopped():
        run_here(experiment, phantoms, tmp_path, on_event=recorder)
    keras.config.set_dtype_policy("float32")
    assert recorder.of("device")[0]["precision"] == precision
    model, _ = load_classifier(request_of(experiment, phantoms, tmp_path).folder / "fold-0" / "model.keras")
    assert model.get_layer("convolution").dtype_policy.name == precision


def test_cached_features_are_not_extracted_again(own_copy):
    recorder = Recorder()
    perform(task_of(own_copy, "features", "features"), recorder)
    assert not recorder.of("progress")


def test_a_calibration_writes_a_speed(two_layers, tmp_path):
    options = OfRecipe(tiny_experiment().model_dump_json(), tmp_path / "speed.json")
    perform(Task("calibrate", "calibrate", options=options), Recorder())
    speed = files.read_json(options.to)
    assert all(speed[name] > 0 for name in ("train", "predict", "parameters", "channels", "memory"))
    assert speed["channels"] == 8
