"""The feature cache in whole runs: the same training as without it, and nothing computed that would not differ."""

import shutil

import keras
import numpy as np
import pandas as pd
import pytest
from tiny import SIZE, TWO_LAYERS, Recorder, Stopped, build_two_layers, perform_here, run_here, stopped, tiny_experiment

from pxr_tf.data.splits import TEST_ROLES, rows_of
from pxr_tf.models.backbones import BACKBONES
from pxr_tf.models.classifier import feature_extractor
from pxr_tf.pictures.stream import make_training_stream, num_batches
from pxr_tf.training import features, folds
from pxr_tf.training.phases import compile_phase, run_phases

RECIPE = {"strategies__3__phases__0__learning_rate": 0.02, "balance__oversample": "all", "strategy": 3}


def up_to_features(job, log, on_event):
    """Perform a run's first tasks and stop before its folds."""
    if job["task"] not in ("weights", "features"):
        raise Stopped
    perform_here(job, log, on_event)


def extract(experiment, data, runs_folder) -> int:
    """Run the extraction alone; return how many pictures went through the network."""
    recorder = Recorder()
    with stopped():
        run_here(experiment, data, runs_folder, execute=up_to_features, on_event=recorder)
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
    """A run whose features are there and whose folds are not trained yet."""
    shutil.copytree(prepared_once, tmp_path, dirs_exist_ok=True)
    return folds.open_run(tmp_path / "phantom" / "two_layers-strategy3", tmp_path / "cache")


def predict_after_head_phase(run, tmp_path) -> np.ndarray:
    """Train the head on cached features, as a fold does, and predict the fold's test rows."""
    model, phase = folds.build_network(run), run.experiment.phases[0]
    data = folds.phase_data(run, "0", phase, "float32")
    options = {"epochs": None, "checkpoint": tmp_path / "c.npz", "xla": False, "on_epoch": lambda row: None}
    run_phases(model, [phase], lambda phase: data, **options)
    return predict(run, model)


def predict_after_plain_training(run, order_seed: int) -> np.ndarray:
    """Train the head by pushing every picture through the frozen network in every epoch."""
    model, phase, samples = folds.build_network(run), run.experiment.phases[0], folds.training_samples(run, "0")
    assert samples["copy"].max() > 0
    steps = num_batches(len(samples), run.experiment.training.batch_size)
    compile_phase(model, phase, steps=steps, xla=False)
    stream = make_training_stream(
        folds.pictures_of(run, samples, every_epoch=False),
        folds.one_hot(samples.label, run.experiment.classes),
        batch_size=run.experiment.training.batch_size,
        seed=order_seed,
        phase="0 head",
    )
    model.fit(stream, steps_per_epoch=steps, epochs=phase.max_epochs, shuffle=False, verbose=0)
    return predict(run, model)


def predict(run, model: keras.Model) -> np.ndarray:
    rows = folds.describe(run, rows_of(run.splits, "0", *TEST_ROLES)).row.to_numpy()
    return folds.predict_pictures(model, run.store.images, rows, mirror=False)


def test_a_head_trained_on_the_cache_is_the_head_trained_through_the_frozen_network(prepared, tmp_path):
    cached = predict_after_head_phase(prepared, tmp_path)
    assert np.ptp(cached, axis=0).max() > 0.01  # it learned something
    np.testing.assert_allclose(cached, predict_after_plain_training(prepared, prepared.experiment.seed), atol=1e-5)
    assert np.abs(cached - predict_after_plain_training(prepared, order_seed=99)).max() > 1e-4


def test_cached_features_are_the_frozen_networks_own(prepared):
    samples = folds.samples_for_features(prepared)
    pictures = folds.pictures_of(prepared, samples, every_epoch=False).load(np.arange(len(samples)), 0)
    direct = feature_extractor(folds.build_network(prepared)).predict_on_batch(pictures)
    cached = features.read_features(folds.features_of(prepared, "float32"), samples)
    np.testing.assert_allclose(cached, direct, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({"strategy": 2}, 0),
        ({"strategy": 2, "strategies__2__dropout": 0.2, "model__hidden_units": [4]}, 0),
        ({"strategies__3__phases__1__learning_rate": 0.5, "training__batch_size": 4, "name": "another"}, 0),
        ({"name": "another", "splits__folds": 3, "balance__oversample": []}, 0),  # fewer copies, of the same kind
        ({"name": "another", "augmentation__copies": "practical"}, "all"),
        ({"name": "another", "seed": 1}, "all"),
        ({"name": "another", "image__resize": "pad"}, "all"),
        ({"name": "another", "image__size": 36}, "all"),
    ],
)
def test_features_are_computed_again_only_where_they_would_differ(prepared, phantoms, change, again):
    changed = tiny_experiment(**(RECIPE | change))
    total = len(folds.samples_for_features(prepared))
    computed = extract(changed, phantoms, prepared.cache.parent)
    assert computed == 0 if again == 0 else computed > 0.8 * total


def test_other_weights_and_other_copies_have_features_of_their_own(phantoms, two_layers, tmp_path):
    computed = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        network = build_two_layers(include_top=False, weights=None, input_tensor=keras.Input((SIZE, SIZE, 3)))
        network.save_weights(tmp_path / f"{seed}.weights.h5")
        weights = {"model__weights": str(tmp_path / f"{seed}.weights.h5")}
        computed.append(extract(tiny_experiment(**RECIPE, **weights, name=f"weights{seed}"), phantoms, tmp_path))
        assert extract(tiny_experiment(**RECIPE, **weights, name=f"weights{seed}"), phantoms, tmp_path) == 0
    other_copies = tiny_experiment(**RECIPE, **weights, name="seed", seed=1)
    assert extract(other_copies, phantoms, tmp_path) > 0.8 * computed[0]
    assert computed[0] == computed[1] > 0


def test_nothing_is_missing_after_an_extraction(prepared):
    folder, samples = folds.features_of(prepared, "float32"), folds.samples_for_features(prepared)
    assert features.missing_samples(folder, samples).empty
    new = samples.assign(copy=samples["copy"] + 7)
    assert len(features.missing_samples(folder, pd.concat([samples, new], ignore_index=True))) == len(new)
