"""The layer that Keras lacks: its values and derivatives are the paper's, and a file with it can be loaded."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from pxr_tf.models.layers import ALReLU, alrelu, custom_layers
from pxr_tf.models.model_file import load_classifier, save_classifier

PACKAGE_NAME = "pxr_tf>ALReLU"
POINTS = np.array([-300.0, -2.0, -1.0, -1e-3, 0.0, 1e-3, 1.0, 2.0, 300.0], np.float32)
LOAD_BEFORE_AND_AFTER = """
import sys, keras
try:
    keras.models.load_model(sys.argv[1])
except Exception as error:
    print("ALReLU" in str(error))
import pxr_tf.models.layers
print([layer.name for layer in keras.models.load_model(sys.argv[1]).layers][-1])
"""


def by_definition(x: np.ndarray, alpha: float) -> np.ndarray:
    return np.where(x > 0, x, np.abs(alpha * x))


@pytest.fixture(params=["eager", "graph"])
def compute(request):
    """Give a function (x, alpha) -> (values, derivatives), computed eagerly or in a graph."""

    def both(x, alpha):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = ALReLU(alpha)(x)
        return y, tape.gradient(y, x)

    run = tf.function(both) if request.param == "graph" else both
    return lambda x, alpha: [np.asarray(value) for value in run(tf.constant(x), alpha)]


@pytest.mark.parametrize("alpha", [0.01, 0.3, 0.0, 1.0])
def test_it_is_the_papers_function(compute, alpha):
    values, slopes = compute(POINTS, alpha)
    np.testing.assert_allclose(values, by_definition(POINTS, alpha), rtol=1e-6)
    np.testing.assert_allclose(slopes, np.where(POINTS > 0, 1, -alpha), rtol=1e-6)  # at 0, too: -alpha


def test_its_slopes_match_its_values(compute):
    x, step = np.array([-5.0, -0.5, -0.02, 0.02, 0.5, 5.0], np.float32), np.float32(1e-2)
    (above, _), (below, _) = compute(x + step, 0.01), compute(x - step, 0.01)
    np.testing.assert_allclose((above - below) / (2 * step), compute(x, 0.01)[1], rtol=1e-3)


@pytest.mark.parametrize("before", [layers.Conv2D(5, 3), layers.Dense(5)], ids=["convolution", "dense"])
def test_it_is_unchanged_after_a_layer_that_tensorflow_may_fuse_it_with(before):
    model = keras.Sequential([keras.Input((6, 6, 2)), before, ALReLU(0.3)])
    pictures = np.random.default_rng(0).normal(size=(4, 6, 6, 2)).astype(np.float32)
    plain = np.asarray(before(pictures))
    assert (plain < 0).any()
    np.testing.assert_allclose(model.predict_on_batch(pictures), by_definition(plain, 0.3), atol=1e-5)


def test_its_config_rebuilds_it():
    config = ALReLU(0.25, name="bent").get_config()
    assert config["negative_slope"] == 0.25
    assert ALReLU.from_config(config).get_config() == config


@pytest.fixture
def saved(tmp_path):
    """A saved model with two of them: as a layer in a nested model, and by the function's name."""
    keras.utils.set_random_seed(0)
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4), ALReLU(0.2), layers.Dense(3, activation=alrelu)])
    x = image = keras.Input((4,))
    model = keras.Model(image, layers.Softmax(name="last")(inner(x)), name="small")
    card = {"classes": ["a", "b", "c"], "image": {"size": 2, "resize": "squash"}, "custom_layers": custom_layers(model)}
    save_classifier(model, tmp_path / "model.keras", card)
    return model, tmp_path / "model.keras"


def test_a_model_with_it_is_saved_and_loaded(saved):
    model, file = saved
    loaded, card = load_classifier(file)
    rows = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    np.testing.assert_array_equal(loaded.predict_on_batch(rows), model.predict_on_batch(rows))
    assert card["custom_layers"] == [PACKAGE_NAME]


def test_a_model_without_it_has_no_custom_layers():
    assert custom_layers(keras.Sequential([keras.Input((4,)), layers.Dense(2), layers.LeakyReLU()])) == []


@pytest.mark.slow
def test_plain_keras_needs_the_module_to_be_imported(saved):
    _, file = saved
    ended = subprocess.run(
        [sys.executable, "-c", LOAD_BEFORE_AND_AFTER, str(file)], capture_output=True, text=True, check=False
    )
    assert ended.stdout.split() == ["True", "last"], ended.stderr
