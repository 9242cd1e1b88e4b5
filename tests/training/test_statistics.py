"""BatchNorm's statistics equal NumPy's for the same pictures; an unfolded network gives the same output as before."""

import keras
import numpy as np
import pytest
from messages import refused

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


def test_they_are_means_over_batches_without_dropout(pictures, monkeypatch):
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
    np.testing.assert_allclose(second.moving_variance, 1, rtol=1e-2)  # of the first layer's output
    assert (first.momentum, second.momentum, model.layers[1].rate) == (0.9, 0.9, 0.5)


def test_a_frozen_layer_keeps_its_statistics(pictures):
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


def test_the_seed_chooses_some_of_many_pictures(pictures):
    first, second = (numbers_taken(np.repeat(pictures, 30, axis=0), seed) for seed in (0, 1))
    assert len(first) == len(set(first)) == 1024
    assert first != second


def build_folded(**options):
    """Return two convolutions and a fully connected layer with BatchNorm folded; the epsilon is MobileNetV2's."""
    keras.utils.set_random_seed(0)
    random, epsilon = np.random.default_rng(0), 1e-3
    image = x = keras.Input((8, 8, 1))
    for number, layer in enumerate([keras.layers.Conv2D(4, 3), keras.layers.Conv2D(6, 3), None, keras.layers.Dense(3)]):
        if layer is None:
            x = keras.layers.GlobalAveragePooling2D()(x)
            continue
        normalization = keras.layers.BatchNormalization(epsilon=epsilon, name=f"normalization_{number}", **options)
        x = keras.layers.ReLU()(normalization(layer(x)))
        normalization.moving_variance.assign(np.full(layer.kernel.shape[-1], 1 - epsilon))
        if normalization.beta is not None:
            normalization.beta.assign(random.normal(2, 1, layer.kernel.shape[-1]))
    return keras.Model(image, x)


@pytest.fixture
def large_pictures():
    return np.random.default_rng(0).normal(3, 2, (SAMPLES, 8, 8, 1)).astype(np.float32)


def unfold(model, pictures, **options):
    statistics.unfold_batchnorm(model, lambda index, epoch: pictures[index], len(pictures), seed=0, **options)


def test_an_unfolded_network_gives_the_same_output(large_pictures):
    """Inference is unchanged within float error. With batch statistics, which used to destroy it, it nearly is."""
    model = build_folded()
    before, destroyed = model(large_pictures), np.asarray(model(large_pictures, training=True))
    model = build_folded()
    unfold(model, large_pictures)
    spread = np.std(before)
    np.testing.assert_allclose(model(large_pictures), before, atol=1e-5 * spread, rtol=1e-5)
    assert np.abs(destroyed - before).mean() > 0.5 * spread
    assert np.abs(np.asarray(model(large_pictures, training=True)) - before).max() < 1e-4 * spread


def test_its_statistics_describe_each_layers_input(large_pictures):
    model = build_folded()
    first, *_, last = statistics.folded_layers(model)
    inputs = [np.asarray(keras.Model(model.input, layer.input)(large_pictures)) for layer in (first, last)]
    beta = np.asarray(first.beta)
    unfold(model, large_pictures)
    for layer, values in zip((first, last), inputs, strict=True):
        axes = tuple(range(values.ndim - 1))
        np.testing.assert_allclose(layer.moving_mean, values.mean(axes), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(layer.moving_variance, values.var(axes), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(first.gamma, np.sqrt(np.asarray(first.moving_variance) + 1e-3), rtol=1e-6)
    np.testing.assert_allclose(first.beta, beta + np.asarray(first.moving_mean), rtol=1e-5)
    assert statistics.folded_layers(model) == []
    values = [np.asarray(variable) for variable in model.variables]
    unfold(model, large_pictures)  # the second call changes nothing
    assert all(np.array_equal(variable, value) for variable, value in zip(model.variables, values, strict=True))


def test_initial_and_trained_layers_are_not_folded(pictures):
    model, nested = build()
    assert statistics.folded_layers(model) == []
    layer = nested.get_layer("second")
    layer.moving_variance.assign([1 - layer.epsilon])
    assert statistics.folded_layers(model) == [layer]
    for variable, value in ((layer.moving_mean, 0.1), (layer.gamma, 0.9), (layer.moving_variance, 0.99)):
        before = np.asarray(variable)
        variable.assign([value])
        assert statistics.folded_layers(model) == []
        variable.assign(before)


@pytest.mark.parametrize("missing", ["scale", "center"])
def test_the_error_for_a_layer_that_cannot_be_unfolded_says_what_to_do(large_pictures, missing):
    with refused("normalization_0", "gamma", "beta", "batchnorm: frozen"):
        unfold(build_folded(**{missing: False}), large_pictures)
