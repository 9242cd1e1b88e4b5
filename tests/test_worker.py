"""The worker's tasks, done in this process."""

import json

import keras
import pytest
from tiny import SIZE, Recorder, tiny_experiment

from pxr_tf.errors import PxrError
from pxr_tf.worker import perform


def test_weights_that_fit_pass_and_others_are_told(two_layers, tmp_path):
    job = {"task": "weights", "backbone": two_layers, "size": SIZE, "weights": "none"}
    perform(job, Recorder())
    (tmp_path / "w.h5").write_text("no weights")
    with pytest.raises(PxrError, match="do not fit"):
        perform(job | {"weights": str(tmp_path / "w.h5")}, Recorder())


def test_a_fold_tells_its_device_and_its_epochs(own_copy):
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
