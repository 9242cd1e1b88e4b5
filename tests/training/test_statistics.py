"""BatchNorm's statistics, measured anew: what NumPy makes of the same pictures, with dropout out of the way."""

import keras
import numpy as np
import pytest

from pxr_tf.training import statistics

SAMPLES = 50


def build(rate=0.5):
    keras.utils.set_random_seed(0)
    image = x = keras.Input((4, 4, 1))
    x = keras.layers.Dropout(rate)(x)
    x = keras.layers.BatchNormalization(momentum=0.9, name="first")(x)
    inner = keras.Input((4, 4, 1))
    nested = keras.Model(inner, keras.layers.BatchNormalization(momentum=0.9, name="second")(inner))
    return keras.Model(image, nested(x)), nested


@pytest.fixture
def pictures():
    return np.random.default_rng(0).normal(3, 2, (SAMPLES, 4, 4, 1)).astype(np.float32)


def test_they_are_the_means_over_batches_of_what_the_pictures_are_without_dropout(pictures, monkeypatch):
    monkeypatch.setattr(statistics, "BATCH", 25)  # two batches
    (model, nested), batches = build(), []

    def load(index, epoch):
        batches.append(pictures[index])
        return pictures[index]

    statistics.measure_batchnorm(model, load, SAMPLES, seed=0)
    assert sorted(map(len, batches)) == [25, 25]
    assert len({value for batch in batches for value in batch.ravel().tolist()}) == pictures.size  # each once
    first, second = model.get_layer("first"), nested.get_layer("second")
    np.testing.assert_allclose(first.moving_mean, np.mean([batch.mean() for batch in batches]), rtol=1e-5)
    np.testing.assert_allclose(first.moving_variance, np.mean([batch.var() for batch in batches]), rtol=1e-5)
    np.testing.assert_allclose(second.moving_variance, 1, rtol=1e-2)  # of what the first one gives
    assert (first.momentum, second.momentum, model.layers[1].rate) == (0.9, 0.9, 0.5)


def test_a_frozen_layer_keeps_its_own(pictures):
    model, _ = build()
    model.get_layer("first").trainable = False
    statistics.measure_batchnorm(model, lambda index, epoch: pictures[index], SAMPLES, seed=0)
    assert model.get_layer("first").moving_mean.numpy().tolist() == [0]


def numbers_taken(pictures, seed) -> list[int]:
    taken: list[int] = []

    def load(index, epoch):
        taken.extend(index)
        return pictures[index]

    statistics.measure_batchnorm(build()[0], load, len(pictures), seed=seed)
    return taken


def test_of_many_pictures_the_seed_chooses_some(pictures):
    first, second = (numbers_taken(np.repeat(pictures, 30, axis=0), seed) for seed in (0, 1))
    assert len(first) == len(set(first)) == 1024
    assert first != second
