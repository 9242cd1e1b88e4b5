"""The frozen-feature cache: the same training as without it, nothing computed twice, nothing lost to a kill."""

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
SAMPLES = pd.DataFrame(
    {
        "image_id": [f"i{number}" for number in range(21)],
        "copy": [0] * 20 + [1],
        "content": [*"abcdefghijklmnopqrst", "a"],
    }
)


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


class FakeExtractor:
    """Gives each picture's first pixels as its features, and fails after so many batches."""

    def __init__(self, batches: float = float("inf")) -> None:
        self.batches, self.pictures = batches, 0

    def predict_on_batch(self, pictures):
        self.batches -= 1
        if self.batches < 0:
            raise Stopped
        self.pictures += len(pictures)
        return pictures[:, :2] * 1.5


def load_fake(samples: pd.DataFrame):
    """Give as a sample's picture the code of its content's first letter and its copy number."""
    pixels = np.column_stack([[ord(content[0]) for content in samples.content], samples["copy"]])
    return lambda index, epoch: pixels[index]


def extract_fake(folder, samples, extractor) -> None:
    features.extract_features(folder, extractor, load_fake(samples), samples, lambda done, total: None)


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(features, "PART", 6)
    monkeypatch.setattr(features, "BATCH", 4)


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


@pytest.mark.parametrize("batches", range(7))
def test_a_killed_extraction_keeps_whole_parts_and_goes_on(tmp_path, small_parts, batches):
    with stopped():
        extract_fake(tmp_path, SAMPLES, FakeExtractor(batches))
    kept = batches // 2 * 6  # a part of six is two batches
    missing = features.missing_samples(tmp_path, SAMPLES)
    assert len(missing) == len(SAMPLES) - kept
    second = FakeExtractor()
    extract_fake(tmp_path, missing, second)
    assert second.pictures == len(SAMPLES) - kept
    assert features.missing_samples(tmp_path, SAMPLES).empty
    expected = [[1.5 * ord(name[0]), 1.5 * copy] for name, copy in zip(SAMPLES.content, SAMPLES["copy"], strict=True)]
    np.testing.assert_array_equal(features.read_features(tmp_path, SAMPLES), np.array(expected, np.float32))


def test_a_kill_between_a_part_and_its_index_loses_that_part_only(tmp_path, small_parts, monkeypatch):
    with monkeypatch.context() as patch, stopped():
        patch.setattr(features.files, "write_json", lambda path, value: (_ for _ in ()).throw(Stopped()))
        extract_fake(tmp_path, SAMPLES, FakeExtractor())
    assert len(features.missing_samples(tmp_path, SAMPLES)) == len(SAMPLES)
    extract_fake(tmp_path, SAMPLES, FakeExtractor())
    assert features.missing_samples(tmp_path, SAMPLES).empty


def test_features_come_in_the_order_that_is_asked_for(tmp_path, small_parts):
    extract_fake(tmp_path, SAMPLES, FakeExtractor())
    wanted = SAMPLES.sample(frac=1, random_state=0).reset_index(drop=True)
    whole = features.read_features(tmp_path, SAMPLES)
    np.testing.assert_array_equal(
        features.read_features(tmp_path, wanted), whole[[int(i[1:]) for i in wanted.image_id]]
    )
    with pytest.raises(KeyError):
        features.read_features(tmp_path, SAMPLES.assign(copy=5))


def test_the_same_picture_under_two_names_is_computed_once(tmp_path):
    twice = SAMPLES.assign(content="same", copy=0)
    assert len(features.missing_samples(tmp_path, twice)) == 1
    assert len(features.missing_samples(tmp_path, twice.assign(copy=1))) == len(twice)  # each copy has its own seed
