"""The weights that a run starts from: identified by content, the same in every fold, whatever their source."""

import os
import shutil
import socket
from pathlib import Path

import keras
import pandas as pd
import pytest
from messages import any_of, matching, refused
from tiny import SIZE, TWO_LAYERS, Recorder, build_two_layers, request_of, run_here, stopped, tiny_experiment

from pxr_tf import files
from pxr_tf.experiments import weights
from pxr_tf.models.backbones import BACKBONES
from pxr_tf.models.classifier import build_classifier

NAME = "two_layers_no_top.weights.h5"
QUICK = {"phases": [{"name": "head", "train": "head", "learning_rate": 0.01, "max_epochs": 1}]}


def save_weights(path: Path, seed: int) -> Path:
    keras.utils.set_random_seed(seed)
    build_two_layers(include_top=False, weights=None, input_tensor=keras.Input((SIZE, SIZE, 3))).save_weights(path)
    return path


@pytest.fixture
def published(two_layers, keras_models, tmp_path, monkeypatch):
    """Give the two layers "ImageNet" weights, which Keras downloads from the file that this returns."""
    source = save_weights(tmp_path / "published.weights.h5", seed=5)

    def build(*, include_top, weights, input_tensor):
        network = build_two_layers(include_top=include_top, weights=None, input_tensor=input_tensor)
        if weights == "imagenet":
            network.load_weights(keras.utils.get_file(NAME, source.as_uri(), cache_subdir="models"))
        return network

    monkeypatch.setitem(BACKBONES, "two_layers", TWO_LAYERS._replace(application=build, imagenet=NAME))
    return source


def prepare(experiment, data, runs) -> int:
    """Run an experiment up to its first fold; return how many features were computed."""
    recorder = Recorder(stop_before="fold-0")
    with stopped():
        run_here(experiment, data, runs, on_event=recorder)
    return max((event["done"] for event in recorder.of("progress") if event["what"] == "features"), default=0)


def test_downloaded_weights_and_the_same_file_share_their_features(phantoms, published, keras_models, tmp_path):
    """Keras downloads before images are compared; the weights are then identified by content."""
    downloaded = tiny_experiment(model__weights="imagenet", name="downloaded", **QUICK)
    given = tiny_experiment(model__weights=str(published), name="given", **QUICK)
    assert weights.identity(downloaded) is None
    assert prepare(downloaded, phantoms, tmp_path / "runs") > 28
    assert weights.identity(downloaded) == weights.identity(given) == files.digest_file(published)
    provenance = request_of(downloaded, phantoms, tmp_path / "runs").folder / "provenance.json"
    assert files.read_json(provenance)["weights"] == files.digest_file(published)
    assert prepare(given, phantoms, tmp_path / "runs") == 0


def test_weights_that_cannot_be_downloaded_are_found_before_pictures_are_compared(phantoms, published, tmp_path):
    """The same holds for every run of a study, and nothing is written."""
    published.unlink()
    experiment = tiny_experiment(model__weights="imagenet", **QUICK)
    recorder = Recorder()
    with refused("ImageNet", any_of("downloaded"), "WEIGHTS=path", "WEIGHTS=none"):
        run_here(experiment, phantoms, tmp_path / "runs", on_event=recorder)
    assert recorder.tasks == ["weights"]
    assert recorder.of("progress") == []
    assert not request_of(experiment, phantoms, tmp_path / "runs").folder.exists()


def test_downloaded_weights_are_checked_once_and_first(phantoms, published, tmp_path):
    recorder = Recorder(stop_before="features")
    with stopped():
        run_here(tiny_experiment(model__weights="imagenet", **QUICK), phantoms, tmp_path, on_event=recorder)
    assert recorder.tasks == ["weights", "features"]
    kinds = [event["event"] for event in recorder.events]
    assert kinds.index("end") < kinds.index("progress")


def test_runs_that_start_from_the_same_network_check_it_once(phantoms, published, tmp_path):
    recorder = Recorder()
    for seed in (0, 1):
        experiment = tiny_experiment(model__weights=str(published), seed=seed, **QUICK)
        run_here(experiment, phantoms, tmp_path, on_event=recorder)
    wider = tiny_experiment(model__weights=str(published), model__head={"hidden_units": [9]}, name="wider", **QUICK)
    assert recorder.tasks.count("weights") == 1
    run_here(wider, phantoms, tmp_path, on_event=recorder)
    assert recorder.tasks.count("weights") == 2


def test_litert_and_tensorflow_have_their_own_features_and_the_fold_says_whose(phantoms, published, tmp_path):
    found = {}
    for extractor in ("tensorflow", "litert"):
        changes = {"model__weights": str(published), "training__extractor": extractor, "name": extractor}
        folder = run_here(tiny_experiment(**changes, **QUICK), phantoms, tmp_path)
        recorded = files.read_json(folder / "fold-0" / "environment.json")[0]["extractor"]
        assert recorded.startswith(extractor)
        found[extractor] = pd.read_csv(folder / "predictions.csv")
    assert len([path for path in (tmp_path / "cache").glob("features-*") if path.is_dir()]) == 2
    columns = [name for name in found["litert"] if name.startswith("p_")]
    apart = (found["litert"][columns] - found["tensorflow"][columns]).abs()
    assert apart.max(axis=None) < 1e-3


def test_a_download_does_not_wait_for_ever(phantoms, two_layers, tmp_path, monkeypatch):
    waits = []

    def build(*, include_top, weights, input_tensor):
        waits.append(socket.getdefaulttimeout())
        raise OSError("timed out")

    monkeypatch.setitem(BACKBONES, "two_layers", TWO_LAYERS._replace(application=build, imagenet=NAME))
    with refused("timed out", "WEIGHTS=none"):
        run_here(tiny_experiment(model__weights="imagenet", **QUICK), phantoms, tmp_path)
    assert len(waits) == 1 and 0 < waits[0] <= 60
    assert socket.getdefaulttimeout() is None


def test_other_weights_under_the_same_name_have_their_own_features(phantoms, published, keras_models, tmp_path):
    counts = []
    for number in (0, 1):
        save_weights(keras_models / NAME, seed=number)
        experiment = tiny_experiment(model__weights="imagenet", name=f"download{number}", **QUICK)
        counts.append(prepare(experiment, phantoms, tmp_path / "runs"))
    assert counts[0] == counts[1] > 28


@pytest.mark.parametrize("given", ["imagenet", "file"])
def test_weights_that_change_between_folds_are_noticed(phantoms, published, keras_models, tmp_path, given):
    file = keras_models / NAME if given == "imagenet" else published
    experiment = tiny_experiment(model__weights=given if given == "imagenet" else str(published), **QUICK)
    folder, old = request_of(experiment, phantoms, tmp_path / "runs").folder, published.read_bytes()

    def change(event) -> None:
        if event["event"] == "start" and event["task"] == "fold-1":
            before = file.stat()
            save_weights(file, seed=6)
            os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    with refused("weights", str(file), matching(r"\b[0-9a-f]{32}\b"), any_of("old file", "original file")):
        run_here(experiment, phantoms, tmp_path / "runs", on_event=change)
    assert (folder / "fold-0" / "predictions.csv").exists()
    assert not (folder / "fold-1" / "predictions.csv").exists()
    file.write_bytes(old)  # restored
    run_here(experiment, phantoms, tmp_path / "runs")


def test_weights_that_were_deleted_are_downloaded_again(phantoms, published, keras_models, tmp_path):
    experiment = tiny_experiment(model__weights="imagenet", **QUICK)
    prepare(experiment, phantoms, tmp_path / "runs")
    (keras_models / NAME).unlink()
    recorder = Recorder(stop_before="fold-1")
    with stopped():
        run_here(experiment, phantoms, tmp_path / "runs", on_event=recorder)
    assert recorder.of("epoch")
    (keras_models / NAME).unlink()
    save_weights(published, seed=6)  # other weights are published by now
    with refused(any_of("weights")):
        run_here(experiment, phantoms, tmp_path / "runs")


def test_a_finished_run_no_longer_needs_weights(phantoms, published, keras_models, own_copy):
    (own_copy / "experiment.yaml").write_text(
        (own_copy / "experiment.yaml").read_text().replace("weights: none", "weights: imagenet")
    )
    provenance = files.read_json(own_copy / "provenance.json")
    files.write_json(own_copy / "provenance.json", provenance | {"weights": files.digest_file(published)})
    run_here(tiny_experiment(model__weights="imagenet"), phantoms, own_copy.parents[3])
    assert not (keras_models / NAME).exists()
    shutil.copy(published, keras_models / NAME)
    run_here(tiny_experiment(model__weights="imagenet"), phantoms, own_copy.parents[3])
    files.write_json(own_copy / "provenance.json", provenance | {"weights": "another digest"})
    with refused("model.weights", "imagenet", any_of("content")):
        run_here(tiny_experiment(model__weights="imagenet"), phantoms, own_copy.parents[3])


def test_a_weights_file_is_read_once_for_its_digest(phantoms, published, tmp_path, monkeypatch):
    read, digest_file = [], files.digest_file
    monkeypatch.setattr(files, "digest_file", lambda path: read.append(path) or digest_file(path))
    experiment = tiny_experiment(model__weights=str(published), **QUICK)
    for _ in range(2):
        prepare(experiment, phantoms, tmp_path / "runs")
    assert read.count(published) == 1


def test_a_network_without_imagenet_weights_is_refused_at_once(two_layers):
    with refused("two_layers", matching("imagenet weights")):
        weights.identity(tiny_experiment(model__weights="imagenet"))


def test_weights_that_keras_keeps_elsewhere_are_refused_in_one_line(published, keras_models):
    with refused("two_layers", "ImageNet", str(keras_models / NAME)):
        weights.downloaded_identity(tiny_experiment(model__weights="imagenet"))


@pytest.mark.real
@pytest.mark.filterwarnings("ignore:.input_shape. is undefined or non-square:UserWarning")
def test_real_imagenet_weights_are_the_same_from_keras_and_from_a_file(keras_models):
    file = Path(os.environ["PXR_DATA"]) / "weights" / "mobilenet_2_5_224_tf_no_top.h5"
    shutil.copy(file, keras_models)
    tries = [tiny_experiment("mobilenet_025", model__weights=given) for given in ("imagenet", str(file))]
    assert len({weights.identity(experiment) for experiment in tries}) == 1
    options = {"num_classes": 4, "image_size": 32, "seed": 0}
    first, second = (
        build_classifier(BACKBONES["mobilenet_025"], weights=experiment.model.weights, **options).get_weights()
        for experiment in tries
    )
    assert all((one == other).all() for one, other in zip(first, second, strict=True))
