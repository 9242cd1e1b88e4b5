"""Runs in the same RUNS share pictures and features, whatever their seeds and classes: nothing is computed twice."""

import shutil

import keras
import pytest
from tiny import SIZE, Recorder, build_two_layers, request_of, run_here, stopped, tiny_experiment, write_tiny_phantoms

from pxr_tf.experiments.parts import make_parts, open_training, settings_of
from pxr_tf.training import network

NOTHING = {"comparing images": 0, "decoding images": 0, "features": 0}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A weights file: with random weights, each seed would have its own backbone."""
    path = tmp_path_factory.mktemp("weights") / "two.weights.h5"
    keras.utils.set_random_seed(5)
    build_two_layers(include_top=False, weights=None, input_tensor=keras.Input((SIZE, SIZE, 3))).save_weights(path)
    return str(path)


def prepare(experiment, data, runs) -> dict[str, int]:
    """Run an experiment up to its first fold; return how many pictures were compared and decoded, features computed."""
    recorder = Recorder(stop_before="fold-0")
    with stopped():
        run_here(experiment, data, runs, on_event=recorder)
    done = dict(NOTHING)
    for event in recorder.of("progress"):
        done[event["what"]] = max(done[event["what"]], event["done"])
    return done


def copies_of(experiment, data, runs) -> int:
    request = request_of(experiment, data, runs)
    run = open_training(request.folder, request.cache)
    samples = network.samples_for_features(make_parts(run), settings_of(run))
    return int((samples["copy"] > 0).sum())


def test_another_seed_decodes_nothing_and_computes_only_its_own_copies(phantoms, two_layers, tmp_path, weights):
    first = prepare(tiny_experiment(model__weights=weights), phantoms, tmp_path)
    other = tiny_experiment(model__weights=weights, seed=1)
    second = prepare(other, phantoms, tmp_path)
    assert first["decoding images"] == 28 and first["features"] > 28
    assert second == NOTHING | {"features": copies_of(other, phantoms, tmp_path)}
    assert 0 < second["features"] < 28


def test_another_seed_computes_nothing_if_nothing_is_augmented(phantoms, two_layers, tmp_path, weights):
    plain = {"model__weights": weights, "balance__oversample": []}
    assert prepare(tiny_experiment(**plain), phantoms, tmp_path) == dict.fromkeys(NOTHING, 28)
    assert prepare(tiny_experiment(**plain, seed=1), phantoms, tmp_path) == NOTHING


def test_another_seed_of_random_weights_is_another_backbone(phantoms, two_layers, tmp_path):
    """A control: the tests above would detect features of the wrong network."""
    plain = {"balance__oversample": []}
    assert prepare(tiny_experiment(**plain), phantoms, tmp_path)["features"] == 28
    assert prepare(tiny_experiment(**plain, seed=1), phantoms, tmp_path) == NOTHING | {"features": 28}


@pytest.mark.parametrize(
    "classes",
    [
        {"classes": ["covid19", "normal", "viral"]},
        {"classes": ["normal", "pneumonia"], "merge": {"pneumonia": ["bacterial", "viral"]}},
        {"classes": ["normal", "ill"], "merge": {"ill": ["bacterial", "viral", "covid19"]}},
    ],
    ids=["fewer", "merged", "two"],
)
def test_another_class_list_decodes_nothing_and_computes_no_features(phantoms, two_layers, tmp_path, weights, classes):
    plain = {"model__weights": weights, "balance__oversample": []}
    prepare(tiny_experiment(**plain), phantoms, tmp_path)
    other = tiny_experiment(**plain, **classes, tag="other")
    assert prepare(other, phantoms, tmp_path) == NOTHING


def test_another_scheme_decodes_nothing_and_computes_no_features(phantoms, two_layers, tmp_path, weights):
    plain = {"model__weights": weights, "balance__oversample": []}
    prepare(tiny_experiment(**plain), phantoms, tmp_path)
    recorder = Recorder(stop_before="random")
    with stopped():
        run_here(
            tiny_experiment(**plain, splits__scheme="random", splits__test=0.3), phantoms, tmp_path, on_event=recorder
        )
    assert not recorder.of("progress")


def test_a_data_set_grown_by_ten_images_decodes_ten(phantoms, two_layers, tmp_path, weights):
    data = [tmp_path / folder.name for folder in phantoms]
    for old, new in zip(phantoms, data, strict=True):
        shutil.copytree(old, new)
    plain = {"model__weights": weights, "balance__oversample": []}
    prepare(tiny_experiment(**plain), data, tmp_path / "runs")
    more, _ = write_tiny_phantoms(
        tmp_path / "more", patients={"normal": 10, "covid19": 1}, images_per_patient=(1, 1), seed=9
    )
    for number, file in enumerate(sorted(more.rglob("*.jpeg"))):
        shutil.copy(file, data[0] / "train" / "NORMAL" / f"IM-{9000 + number}-0001.jpeg")
    grown = tiny_experiment(**plain, tag="grown")
    assert prepare(grown, data, tmp_path / "runs") == dict.fromkeys(NOTHING, 10)
