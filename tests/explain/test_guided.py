"""Guided backpropagation, compared with tf-keras-vis and with the chain rule written out."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
from messages import any_of, refused
from tiny import SIZE
from tiny_networks import ALRELU, LEAKY, NETWORKS, PICTURES, TARGETS, scratch, transfer

from pxr_tf.explain.gradients import compile_gradients
from pxr_tf.explain.guided import guided_copy, is_relu
from pxr_tf.explain.logits import find_layer, open_logits
from pxr_tf.explain.maps import at_picture_size
from pxr_tf.explain.methods import compute_maps
from pxr_tf.models.layers import ALReLU, alrelu, run_copies

with warnings.catch_warnings():  # tf-keras-vis 0.8.7 imports SciPy's zoom from where it used to be
    warnings.simplefilter("ignore", DeprecationWarning)
    from tf_keras_vis.saliency import Saliency
    from tf_keras_vis.utils.model_modifiers import GuidedBackpropagation
    from tf_keras_vis.utils.scores import CategoricalScore

PIXELS = PICTURES[..., None].astype(np.float32)


LAST = ("convolution_3", "feature_map")  # of leaky_cnn: the convolution, and its LeakyReLU
LAYERS = ("hidden_1", "hidden_2", "logits")


class Form(NamedTuple):
    """How a rectifier is written down, and what it does."""

    function: Callable[[np.ndarray], np.ndarray]
    activation: Any = None  # in the fully connected layer
    layer: Callable[[], keras.layers.Layer] | None = None  # or a layer of its own


def leaky(slope: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.where(x > 0, x, slope * x)


def up_to_six(x: np.ndarray) -> np.ndarray:
    return np.clip(x, 0, 6)


FORMS = {
    "ReLU by name": Form(leaky(0), "relu"),
    "ReLU as a function": Form(leaky(0), keras.activations.relu),
    "ReLU as a layer": Form(leaky(0), layer=keras.layers.ReLU),
    "ReLU as an activation layer": Form(leaky(0), layer=lambda: keras.layers.Activation("relu")),
    "ReLU as an instance": Form(leaky(0), keras.layers.ReLU()),
    "ReLU6 by name": Form(up_to_six, "relu6"),
    "ReLU6 as a layer": Form(up_to_six, layer=lambda: keras.layers.ReLU(6.0)),
    "LeakyReLU by name": Form(leaky(0.2), "leaky_relu"),
    "LeakyReLU as a layer": Form(leaky(0.3), layer=lambda: keras.layers.LeakyReLU(0.3)),
    "LeakyReLU as an instance": Form(leaky(0.1), keras.layers.LeakyReLU(0.1)),
    "ALReLU as a function": Form(leaky(-0.01), alrelu),
    "ALReLU as an activation layer": Form(leaky(-0.01), layer=lambda: keras.layers.Activation(alrelu)),
    "ALReLU as a layer": Form(leaky(-0.2), layer=lambda: ALReLU(0.2)),
    "ALReLU as an instance": Form(leaky(-0.3), ALReLU(0.3)),
}


def two_hidden_layers(form: Form) -> keras.Model:
    image = keras.Input((3, 3, 1), name="image")
    x = keras.layers.Flatten()(image)
    for number in (1, 2):
        x = keras.layers.Dense(8, activation=form.activation, name=f"hidden_{number}")(x)
        x = form.layer()(x) if form.layer else x
    model = keras.Model(image, keras.layers.Dense(2, name="logits")(x), name="dense")
    generator = np.random.default_rng(4)
    model.set_weights([generator.normal(size=weight.shape) for weight in model.weights])
    return model


def rectified(incoming: np.ndarray) -> np.ndarray:
    return np.maximum(incoming, 0)


def chain_rule(model: keras.Model, pixels: np.ndarray, target: int, function, passed=rectified) -> np.ndarray:
    """Return the gradient of one picture; a rectifier passes on `passed` of it, times its own derivative.

    The derivative is a difference quotient.
    """
    layers = [model.get_layer(name).get_weights() for name in LAYERS]
    inputs, x = [], pixels.reshape(-1).astype(np.float64)
    for kernel, bias in layers[:2]:
        inputs.append(x @ kernel + bias)
        x = function(inputs[-1])
    incoming, step = layers[2][0][:, target].astype(np.float64), 1e-5
    for (kernel, _), at in zip(layers[1::-1], inputs[::-1], strict=True):
        assert (np.abs(at) > step).all()  # no kink between the two points
        slope = (function(at + step) - function(at - step)) / (2 * step)
        incoming = kernel @ (passed(incoming) * slope)
    return incoming.reshape(3, 3)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_guided_gradients_are_the_chain_rule_with_positive_gradients_at_rectifiers(form):
    model = two_hidden_layers(form)
    pixels = np.random.default_rng(7).uniform(-2, 2, (4, 3, 3, 1)).astype(np.float32)
    targets = np.array([0, 1, 0, 1], np.int32)
    copy = guided_copy(model)
    np.testing.assert_allclose(copy(pixels), model(pixels), rtol=1e-6)
    expected = [chain_rule(model, *one, form.function) for one in zip(pixels, targets, strict=True)]
    np.testing.assert_allclose(compile_gradients(copy)(pixels, targets), expected, rtol=1e-3, atol=1e-5)
    plain = [chain_rule(model, *one, form.function, lambda all: all) for one in zip(pixels, targets, strict=True)]
    assert not np.allclose(plain, expected, rtol=0.01, atol=0.01)


@pytest.mark.parametrize("gate", ["sigmoid", "swish", "tanh"])
def test_gates_keep_their_gradients(gate):
    """A gate below a rectifier: only the rectifier's incoming gradient is cut."""
    gated = two_hidden_layers(Form(leaky(0), gate))
    with refused(any_of("rectifier"), "ReLU, ReLU6, LeakyReLU", "ALReLU", "dense"):
        guided_copy(gated)
    function = keras.activations.get(gate)
    gated.get_layer("hidden_2").activation = keras.activations.relu
    pixels = np.random.default_rng(7).uniform(-1, 1, (1, 3, 3, 1)).astype(np.float32)
    (first, bias), (second, bias_2), (last, _) = (gated.get_layer(name).get_weights() for name in LAYERS)
    at = pixels.reshape(-1) @ first + bias
    alive = np.asarray(function(at)) @ second + bias_2 > 0
    incoming = second @ (np.maximum(last[:, 0], 0) * alive)
    assert (incoming < 0).any()
    slope = np.asarray(function(at + 0.01) - function(at - 0.01)) / 0.02
    expected = (first @ (incoming * slope)).reshape(1, 3, 3)
    found = compile_gradients(guided_copy(gated))(pixels, np.array([0], np.int32))
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize(
    "build", [lambda: scratch("small_cnn", hidden_units=(6,)), pytest.param(transfer, marks=pytest.mark.slow)]
)
def test_guided_gradients_equal_those_from_tf_keras_vis_if_rectifiers_are_relu_by_name(build):
    logits = open_logits(build())
    with warnings.catch_warnings():  # about inputs given as a list
        warnings.simplefilter("ignore", UserWarning)
        visible = Saliency(logits, model_modifier=GuidedBackpropagation())
        expected = visible(CategoricalScore(TARGETS.tolist()), PIXELS, gradient_modifier=None, normalize_map=False)
    assert np.abs(expected).max() > 0
    found = compile_gradients(guided_copy(logits))(PIXELS, TARGETS.astype(np.int32))
    np.testing.assert_allclose(found / np.abs(expected).max(), expected / np.abs(expected).max(), atol=1e-5)


@pytest.mark.parametrize("name", ["leaky_cnn", pytest.param("alrelu_cnn", marks=pytest.mark.slow)])
def test_guided_grad_cam_is_guided_gradients_times_grad_cam_at_the_pictures_size(name):
    logits = open_logits(scratch(name, channels=(2, 3, 4, 4, 5)[: 5 if name == "alrelu_cnn" else 3], hidden_units=(6,)))
    guided = compile_gradients(guided_copy(logits))(PIXELS, TARGETS.astype(np.int32))
    cams = at_picture_size(compute_maps(logits, PICTURES, TARGETS, "grad_cam"), SIZE)
    found = compute_maps(logits, PICTURES, TARGETS, "guided_grad_cam")
    np.testing.assert_allclose(found, guided * cams, rtol=1e-4, atol=1e-6 * np.abs(found).max())
    assert (found > 0).any() and (found < 0).any()


def own_output(logits: keras.Model, layer: str, target: int, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a convolution's output before its activation, and the logit's gradient there, by the layers after it."""
    names = [one.name for one in logits.layers]
    after = logits.layers[names.index(layer) + 1 :]
    convolution = logits.get_layer(layer)
    before = keras.Model(logits.inputs[0], convolution.input)(picture[None])
    with tf.GradientTape() as tape:
        at = tf.nn.conv2d(before, convolution.kernel, 1, convolution.padding.upper()) + convolution.bias
        tape.watch(at)
        x = convolution.activation(at)
        for one in after:
            x = one(x, training=False)
        score = x[0, target]
    return at.numpy()[0], tape.gradient(score, at).numpy()[0]


CAPTUM = {
    "leaky_cnn": ("convolution_3", lambda: scratch("leaky_cnn", **LEAKY)),  # the paper's
    "alrelu_cnn": ("convolution_5", lambda: scratch("alrelu_cnn", **ALRELU)),
    "small_cnn": ("feature_map", lambda: scratch("small_cnn", hidden_units=(6,))),  # a convolution with a ReLU in it
}


@pytest.mark.parametrize(("layer", "build"), CAPTUM.values(), ids=CAPTUM)
def test_captums_map_is_gradients_times_the_nearest_grad_cam_of_the_convolutions_own_output(layer, build):
    logits = open_logits(build())
    assert find_layer(logits, at_convolution=True) == layer
    found = compute_maps(logits, PICTURES, TARGETS, "captum_guided_grad_cam")
    guided = guided_copy(logits) if layer == "feature_map" else logits  # LeakyReLU and ALReLU are not guided
    gradients = compile_gradients(guided)(PIXELS, TARGETS.astype(np.int32))
    for number, (picture, target) in enumerate(zip(PIXELS, TARGETS, strict=True)):
        at, gradient = own_output(logits, layer, target, picture)
        cam = np.maximum((at * gradient.mean((0, 1))).sum(-1), 0)
        cells = np.arange(SIZE) * len(cam) // SIZE
        expected = gradients[number] * cam[cells][:, cells]
        np.testing.assert_allclose(found[number], expected, rtol=1e-3, atol=1e-5 * np.abs(found).max())
    assert found.any()


RELU = {
    "ReLU by name", "ReLU as a function", "ReLU as a layer", "ReLU as an activation layer", "ReLU as an instance",
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_captum_guides_relu_and_no_other_rectifier(form):
    dense = two_hidden_layers(FORMS[form])
    image = keras.Input((3, 3, 1), name="image")
    maps = keras.layers.Conv2D(1, 1, use_bias=False, name="seen")(image)
    model = keras.Model(image, run_copies(dense, maps), name="dense")
    model.get_layer("seen").set_weights([np.ones((1, 1, 1, 1))])
    pictures = np.random.default_rng(7).integers(0, 3, (6, 3, 3)).astype(np.uint8)
    targets = np.array([0, 1, 0, 1, 0, 1], np.int32)
    found = compute_maps(model, pictures, targets, "captum_guided_grad_cam")
    pixels = pictures[..., None].astype(np.float32)
    guided, plain = (compile_gradients(one)(pixels, targets) for one in (guided_copy(model), model))
    cams = np.maximum(pixels[..., 0] * plain.mean((1, 2), keepdims=True), 0)
    assert not np.allclose(guided * cams, plain * cams, rtol=0.01)
    np.testing.assert_allclose(found, (guided if form in RELU else plain) * cams, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("options", [{"negative_slope": 0.1}, {"threshold": 0.1}, {"max_value": 6.0}])
def test_captum_does_not_guide_a_relu_with_a_slope_a_threshold_or_a_limit(options):
    assert not is_relu(keras.layers.ReLU(**options))
    assert is_relu(keras.layers.ReLU())


def test_captums_method_explains_a_network_without_a_rectifier_and_takes_a_layer():
    logits = open_logits(NETWORKS["leaky_cnn with one output"]())
    chosen = [compute_maps(logits, PICTURES, TARGETS, "captum_guided_grad_cam", layer=name) for name in LAST]
    assert not np.allclose(*chosen, rtol=0.01, atol=1e-6 * np.abs(chosen[0]).max())
    image = keras.Input((SIZE, SIZE, 1))
    maps = keras.layers.Conv2D(2, 3, activation="swish", name="convolution")(image)
    pooled = keras.layers.GlobalAveragePooling2D()(maps)
    swish = keras.Model(image, keras.layers.Dense(3, name="logits")(pooled), name="swish")
    assert compute_maps(swish, PICTURES, TARGETS, "captum_guided_grad_cam").any()
