"""The papers' own networks: their layers, in the papers' order, with the papers' numbers."""

import functools
import inspect
import subprocess
import sys

import keras
import numpy as np
import pytest
from messages import UNKNOWN, nearest, refused

from pxr_tf.models import scratch
from pxr_tf.models.layers import ALReLU
from pxr_tf.models.networks import NETWORKS, all_sizes, find_network
from pxr_tf.models.scratch import FEATURE_MAP, build_scratch

SMALLEST = 32  # pixels: the smallest `image.size`
WEIGHTS_IN_A_PROCESS = """
from pxr_tf.models.scratch import build_scratch
model = build_scratch("leaky_cnn", num_classes=2, image_size=32, seed=5)
print(sum(float(weight.numpy().sum()) for weight in model.weights))
"""
BLOCK = ["Conv2D", "MaxPooling2D", "BatchNormalization", "Dropout", "ALReLU"]
LEAKY_BLOCK = ["Conv2D", "LeakyReLU", "MaxPooling2D", "Dropout"]


def build(name: str, image_size: int = SMALLEST, num_classes: int = 3, **options) -> keras.Model:
    return build_scratch(name, num_classes=num_classes, image_size=image_size, **options)


@functools.cache
def built(name: str) -> keras.Model:
    """Return the network of `build`, shared by all tests: do not change it."""
    return build(name)


def kinds(model: keras.Model) -> list[str]:
    """Return the layers' classes between the scaling and the logits."""
    names = [type(layer).__name__ for layer in model.layers]
    assert names[:2] + names[-2:] == ["InputLayer", "Rescaling", "Dense", "Activation"]
    return names[2:-2]


def slopes_of(model: keras.Model) -> list[float]:
    """Return the slope below 0 of each leaky layer, as the layer computes it."""
    leaky = [layer for layer in model.layers if isinstance(layer, keras.layers.LeakyReLU | ALReLU)]
    return [abs(round(float(layer(np.full((1, 2), -1.0, np.float32))[0, 0]), 6)) for layer in leaky]


def test_the_small_cnn_has_the_papers_127008_values():
    model = build("small_cnn", 256)
    shapes = {layer.name: layer.output.shape[1:] for layer in model.layers}
    assert shapes["convolution_1"] == (254, 254, 4)
    assert shapes[FEATURE_MAP] == (252, 252, 8)
    assert shapes["pooling"] == (126, 126, 8)
    assert shapes["flatten"] == (127_008,)
    assert (shapes["fully_connected_1"], shapes["logits"]) == ((128,), (3,))
    assert model.count_params() == (9 * 4 + 4) + (9 * 4 * 8 + 8) + (127_008 * 128 + 128) + (128 * 3 + 3)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("feed_forward", (32 * 32 * 512 + 512) + (512 * 128 + 128) + (128 * 3 + 3)),
        ("small_cnn", 40 + 296 + (8 * 14 * 14 * 128 + 128) + (128 * 3 + 3)),
        (
            "alrelu_cnn",
            (25 * 32 + 32)
            + (9 * 32 * 64 + 64)
            + (9 * 64 * 128 + 128)
            + (9 * 128 * 256 + 256)
            + (9 * 256 * 512 + 512)
            + 4 * (32 + 64 + 128 + 256 + 512 + 512)  # BatchNorm: scale, offset, mean, variance
            + (512 * 256 + 256)
            + 2 * 256  # LayerNorm
            + (256 * 3 + 3),
        ),
        (
            "leaky_cnn",
            (9 * 32 + 32) + (9 * 32 * 64 + 64) + (9 * 64 * 128 + 128) + (4 * 4 * 128 * 128 + 128) + (128 * 3 + 3),
        ),
    ],
)
def test_each_network_has_the_expected_number_of_parameters(name, count):
    assert built(name).count_params() == count


def test_chen2021s_network_has_the_papers_layers():
    model = built("alrelu_cnn")
    pooled = ["GlobalAveragePooling2D", "ALReLU", "BatchNormalization", "Dropout"]
    assert kinds(model) == 5 * BLOCK + pooled + ["Dense", "ALReLU", "LayerNormalization", "Dropout"]
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [layer.filters for layer in convolutions] == [32, 64, 128, 256, 512]
    assert [layer.kernel_size for layer in convolutions] == [(5, 5)] + 4 * [(3, 3)]
    rates = [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert rates == [0.1, 0.2, 0.3, 0.4, 0.5, 0.3, 0.4]
    assert slopes_of(model) == 7 * [0.01]
    assert model.get_layer("fully_connected_1").units == 256
    assert model.get_layer(FEATURE_MAP).output.shape[1:] == (1, 1, 512)


def test_novokshanov2022s_network_has_the_papers_layers():
    model = build("leaky_cnn", 128, num_classes=2, output="sigmoid")
    assert kinds(model) == [*(3 * LEAKY_BLOCK), "Flatten", "Dense", "LeakyReLU"]  # two linear layers, with the output
    assert model.get_layer("flatten").output.shape[1:] == (16 * 16 * 128,)
    assert (model.output_shape, model.get_layer("probabilities").activation.__name__) == ((None, 1), "sigmoid")
    assert slopes_of(model) == 4 * [0.01]  # Keras's own default is 0.3


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_one_flat_graph_from_pixels_to_probabilities(name):
    model = built(name)
    assert not [layer for layer in model.layers if isinstance(layer, keras.Model)]
    assert (model.input.dtype, model.input_shape, model.name) == ("uint8", (None, SMALLEST, SMALLEST, 1), name)
    pictures = np.random.default_rng(0).integers(0, 256, (4, SMALLEST, SMALLEST, 1)).astype(np.uint8)
    probabilities = model.predict_on_batch(pictures)
    assert (probabilities.shape, probabilities.dtype) == ((4, 3), np.float32)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    white, black = (model.get_layer("scaling")(np.full((1, 1, 1, 1), grey, np.uint8)) for grey in (255, 0))
    assert (float(white[0, 0, 0, 0]), float(black[0, 0, 0, 0])) == (1, -1)


@pytest.mark.parametrize("name", NETWORKS)
def test_its_sizes_are_the_arguments_of_its_function(name):
    taken = inspect.signature(getattr(scratch, NETWORKS[name].build)).parameters
    assert list(NETWORKS[name].sizes) == [key for key, given in taken.items() if given.kind is given.KEYWORD_ONLY]


def test_given_sizes_replace_the_networks_own():
    model = build("alrelu_cnn", sizes={"channels": (2, 3, 4, 5, 6), "negative_slope": 0.2, "batchnorm_momentum": 0.5})
    assert model.get_layer(FEATURE_MAP).output.shape[-1] == 6
    assert {layer.negative_slope for layer in model.layers if hasattr(layer, "negative_slope")} == {0.2}
    assert model.get_layer("normalization_1").momentum == 0.5
    assert len(build("feed_forward", sizes={"hidden_units": (4, 5)}).layers) == 7


@pytest.mark.parametrize(("name", "count"), [("leaky_cnn", 4), ("alrelu_cnn", 7)])
def test_every_leaky_layer_has_the_recipes_slope(name, count):
    assert slopes_of(build(name, sizes={"negative_slope": 0.2})) == count * [0.2]


def test_a_seed_decides_the_weights():
    one, again, other = (build("small_cnn", seed=seed).get_weights() for seed in (5, 5, 6))
    assert all(np.array_equal(*pair) for pair in zip(one, again, strict=True))
    assert not np.array_equal(one[0], other[0])


@pytest.mark.slow
def test_a_seed_decides_the_weights_in_another_process_too():
    here = sum(float(weight.numpy().sum()) for weight in build("leaky_cnn", num_classes=2, seed=5).weights)
    said = subprocess.run([sys.executable, "-c", WEIGHTS_IN_A_PROCESS], capture_output=True, text=True, check=True)
    assert float(said.stdout) == here


@pytest.mark.parametrize(
    ("name", "given", "facts"),
    [
        ("small_cn", {}, [UNKNOWN, "'small_cn'", "model.network", "feed_forward, small_cnn, alrelu_cnn"]),
        (
            "small_cnn",
            {"dropout": (0.1,)},
            ["model.dropout", "small_cnn", "channels, kernel_sizes"],
        ),
        ("small_cnn", {"channels": (4, 8, 16)}, ["model.channels", "3 numbers", "small_cnn", "2", "[4, 8]"]),
        ("feed_forward", {"hidden_units": ()}, ["model.hidden_units", "0 numbers", "feed_forward", "2"]),
        ("small_cnn", {"kernel_sizes": (3,)}, ["model.kernel_sizes", "1 number", "small_cnn", "2"]),
    ],
)
def test_sizes_that_do_not_fit_a_network_are_refused(name, given, facts):
    with refused(*facts):
        all_sizes(name, given)


def test_kernels_that_leave_nothing_of_an_image_are_refused():
    large = {"kernel_sizes": (31, 31)}
    assert build("small_cnn", 62, sizes=large).get_layer("pooling").output.shape[1:] == (1, 1, 8)
    with refused("1", "image.size=61", "image.size=62"):
        build("small_cnn", 61, sizes=large)


def test_a_network_is_found_by_its_name():
    assert find_network("leaky_cnn") is NETWORKS["leaky_cnn"]
    with refused(nearest("'leaky_cnn'")):
        find_network("leaky_cn")
