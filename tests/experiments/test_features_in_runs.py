"""The feature cache in whole runs: training is the same as without it, and only new features are computed."""

import shutil

import keras
import numpy as np
import pandas as pd
import pytest
from tiny import SIZE, TWO_LAYERS, Recorder, build_two_layers, run_here, stopped, tiny_experiment

from pxr_tf import arrays
from pxr_tf.experiments.parts import make_part, make_parts, open_training, settings_of
from pxr_tf.models.backbones import BACKBONES
from pxr_tf.models.classifier import feature_extractor
from pxr_tf.pictures.stream import make_training_stream, num_batches
from pxr_tf.training import network
from pxr_tf.training.device import set_up
from pxr_tf.training.part import TEST, TRAIN
from pxr_tf.training.phases import compile_phase, run_phases

RECIPE = {"variant": "strategy3", "phases__0__learning_rate": 0.02, "balance__oversample": "all"}


def extract(experiment, data, runs_folder) -> int:
    """Run the extraction alone; return how many pictures went through the network."""
    recorder = Recorder(stop_before="fold-0")
    with stopped():
        run_here(experiment, data, runs_folder, on_event=recorder)
    return max((event["done"] for event in recorder.of("progress") if event["what"] == "features"), default=0)


@pytest.fixture(scope="module")
def prepared_once(phantoms, tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BACKBONES, "two_layers", TWO_LAYERS)
        extract(tiny_experiment(**RECIPE), phantoms, folder)
    return folder


@pytest.fixture
def prepared(prepared_once, two_layers, tmp_path):
    """A run with cached features whose folds are not trained yet."""
    shutil.copytree(prepared_once, tmp_path, dirs_exist_ok=True)
    return open_training(tmp_path / "phantom" / "strategy3-two_layers" / "folds" / "seed-0", tmp_path / "cache")


def all_samples(run) -> pd.DataFrame:
    return network.samples_for_features(make_parts(run), settings_of(run))


def predict_after_head_phase(run, tmp_path) -> np.ndarray:
    """Train the head on cached features, as a fold does, and predict the fold's test rows."""
    part, settings, phase = make_part(run, "0"), settings_of(run), run.recipe.phases[0]
    model = network.build_network(part, settings)
    data = network.phase_data(part, settings, phase, set_up("auto", "float32"))
    options = {"epochs": None, "checkpoint": tmp_path / "c.npz", "xla": False, "emit": lambda event: None}
    run_phases(model, [phase], lambda phase: data, **options)
    return predict(part, model)


def predict_after_plain_training(run, order_seed: int) -> np.ndarray:
    """Train the head by passing every picture through the frozen network in every epoch."""
    part, settings, phase = make_part(run, "0"), settings_of(run), run.recipe.phases[0]
    model, samples = network.build_network(part, settings), part.of(TRAIN)
    assert samples["copy"].max() > 0
    steps = num_batches(len(samples), settings.training.batch_size)
    compile_phase(model, phase, steps=steps, xla=False)
    stream = make_training_stream(
        part.inputs(samples),
        part.one_hot(samples),
        batch_size=settings.training.batch_size,
        seed=order_seed,
        phase="0 head",
    )
    model.fit(stream, steps_per_epoch=steps, epochs=phase.max_epochs, shuffle=False, verbose=0)
    return predict(part, model)


def predict(part, model: keras.Model) -> np.ndarray:
    return network.predict_pictures(model, part.pixels, part.of(TEST).row.to_numpy(), mirror=False)


def test_a_head_trained_on_the_cache_equals_a_head_trained_through_the_frozen_network(prepared, tmp_path):
    cached = predict_after_head_phase(prepared, tmp_path)
    assert np.ptp(cached, axis=0).max() > 0.01  # it learned something
    np.testing.assert_allclose(cached, predict_after_plain_training(prepared, prepared.recipe.seed), atol=1e-5)
    assert np.abs(cached - predict_after_plain_training(prepared, order_seed=99)).max() > 1e-4


def test_cached_features_are_the_frozen_networks_own(prepared):
    part, settings, samples = make_part(prepared, "0"), settings_of(prepared), all_samples(prepared)
    pictures = part.inputs(samples).load(np.arange(len(samples)), 0)
    direct = feature_extractor(network.build_network(part, settings)).predict_on_batch(pictures)
    np.testing.assert_allclose(
        network.read_part_features(part, settings, set_up("auto", "float32"), samples), direct, atol=1e-6
    )


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({"variant": "strategy2"}, "none"),
        ({"variant": "strategy2", "model__head__dropout": 0.2, "model__head__hidden_units": [4]}, "none"),
        ({"phases__1__learning_rate": 0.5, "training__batch_size": 4, "name": "another"}, "none"),
        ({"splits__folds": 3, "balance__oversample": [], "name": "another"}, "none"),  # fewer copies, of the same kind
        ({"training__class_weights": "balanced", "name": "another"}, "none"),
        ({"augmentation__copies": "practical", "name": "another"}, "copies"),
        ({"image__resize": "pad", "name": "another"}, "all"),
        ({"image__size": 36, "name": "another"}, "all"),
    ],
)
def test_features_are_computed_again_only_if_they_would_differ(prepared, phantoms, change, again):
    samples = all_samples(prepared)
    computed = extract(tiny_experiment(**(RECIPE | change)), phantoms, prepared.directory.cache.parent)
    assert computed == {"none": 0, "copies": (samples["copy"] > 0).sum(), "all": len(samples)}[again]


def test_other_weights_have_their_own_features(phantoms, two_layers, tmp_path):
    computed = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        network_weights = build_two_layers(include_top=False, weights=None, input_tensor=keras.Input((SIZE, SIZE, 3)))
        network_weights.save_weights(tmp_path / f"{seed}.weights.h5")
        weights = {"model__weights": str(tmp_path / f"{seed}.weights.h5")}
        computed.append(extract(tiny_experiment(**RECIPE, **weights, name=f"weights{seed}"), phantoms, tmp_path))
        assert extract(tiny_experiment(**RECIPE, **weights, name=f"weights{seed}"), phantoms, tmp_path) == 0
    assert computed[0] == computed[1] > 0


def test_nothing_is_missing_after_an_extraction(prepared):
    part, samples = make_part(prepared, "0"), all_samples(prepared)
    folder = network.part_features_folder(part, settings_of(prepared), set_up("auto", "float32"))
    assert arrays.missing_keys(folder, network.names_of(part, samples)) == []
    new = samples.assign(copy=samples["copy"] + 7)
    both = pd.concat([samples, new], ignore_index=True)
    assert arrays.missing_keys(folder, network.names_of(part, both)) == network.names_of(part, new)
