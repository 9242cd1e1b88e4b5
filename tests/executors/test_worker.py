"""The worker's tasks, done in this process."""

import json

import keras
import pytest
import tensorflow as tf
from tiny import SIZE, Recorder, run_here, stopped, tiny_experiment

from pxr_tf.errors import PxrError
from pxr_tf.executors.worker import perform
from pxr_tf.models.classifier import load_classifier


def test_weights_that_fit_pass_and_others_are_told(two_layers, tmp_path):
    job = {"task": "weights", "backbone": two_layers, "size": SIZE, "weights": "none"}
    perform(job, Recorder())
    (tmp_path / "w.h5").write_text("no weights")
    with pytest.raises(PxrError, match="do not fit"):
        perform(job | {"weights": str(tmp_path / "w.h5")}, Recorder())


def test_a_fold_tells_its_device_and_its_epochs_and_is_deterministic(own_copy, monkeypatch):
    asked = []
    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: asked.append(True))
    (own_copy / "fold-1" / "predictions.csv").unlink()
    recorder = Recorder()
    perform({"task": "1", "run": str(own_copy), "cache": str(own_copy.parent.parent / "cache")}, recorder)
    gpu = bool(keras.distribution.list_devices("gpu"))
    assert recorder.of("device")[0]["name"] == ("GPU" if gpu else "CPU")
    rows = recorder.of("epoch")
    assert [(row["phase"], row["epoch"], row["epochs"]) for row in rows] == [
        (phase, epoch, 2) for phase in ("head", "all") for epoch in (1, 2)
    ]
    json.dumps(recorder.events)  # events travel as JSON
    assert (own_copy / "fold-1" / "predictions.csv").exists()
    assert asked


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_a_run_has_the_precision_that_was_asked_for(phantoms, two_layers, tmp_path, precision):
    experiment = tiny_experiment(training__precision=precision, strategies__2__phases__1__max_epochs=1)
    recorder = Recorder(stop_before="1")
    with stopped():
        run_here(experiment, phantoms, tmp_path, on_event=recorder)
    keras.config.set_dtype_policy("float32")
    assert recorder.of("device")[0]["precision"] == precision
    model, _ = load_classifier(tmp_path / "phantom" / "two_layers-strategy2" / "fold-0" / "model.keras")
    assert model.get_layer("convolution").dtype_policy.name == precision


def test_features_that_are_there_are_not_extracted_again(own_copy):
    recorder = Recorder()
    perform({"task": "features", "run": str(own_copy), "cache": str(own_copy.parent.parent / "cache")}, recorder)
    assert not recorder.of("progress")


def test_a_calibration_gives_a_speed(two_layers):
    recorder = Recorder()
    perform({"task": "calibrate", "experiment": tiny_experiment().model_dump(mode="json")}, recorder)
    speed = recorder.of("speed")[0]
    assert all(speed[name] > 0 for name in ("train", "predict", "parameters", "channels", "memory"))
    assert speed["channels"] == 8
