"""Gradients with respect to the pixels, for networks whose gradient is known."""

import keras
import numpy as np
import pytest
from tiny import SIZE
from tiny_networks import PICTURES, TARGETS, linear, scratch, transfer

from pxr_tf.explain.gradients import INTEGRATION_STEPS, compile_gradients, compile_path, make_complete
from pxr_tf.explain.logits import open_logits
from pxr_tf.explain.methods import compute_maps


def weights_of(logits: keras.Model, targets: np.ndarray) -> np.ndarray:
    """Return the linear network's weights per grey level, which it scales to -1 … 1: [targets, size, size]."""
    return np.asarray(logits.get_layer("logits").kernel).T[targets].reshape(-1, SIZE, SIZE) / 127.5


@pytest.mark.parametrize("method", ["saliency", "smooth_grad"])
def test_a_linear_network_has_its_absolute_weights(method):
    logits = open_logits(linear())
    np.testing.assert_allclose(
        compute_maps(logits, PICTURES, TARGETS, method), np.abs(weights_of(logits, TARGETS)), rtol=1e-5, atol=1e-9
    )


def test_with_one_output_both_classes_have_the_same_weights_with_opposite_signs():
    logits = open_logits(linear(1))
    maps = compute_maps(logits, PICTURES[:2].repeat(2, axis=0), [0, 1, 0, 1], "integrated_gradients")
    weights = weights_of(logits, np.array([0]))[0]
    np.testing.assert_allclose(maps[1::2], weights * PICTURES[:2], rtol=1e-4, atol=1e-7)
    np.testing.assert_array_equal(maps[::2], -maps[1::2])


def test_integrated_gradients_of_a_linear_network_are_weight_times_pixel():
    logits = open_logits(linear())
    expected = weights_of(logits, TARGETS) * PICTURES
    np.testing.assert_allclose(
        compute_maps(logits, PICTURES, TARGETS, "integrated_gradients"), expected, rtol=1e-5, atol=1e-7
    )


@pytest.mark.parametrize(
    "build",
    [lambda: scratch("leaky_cnn", "sigmoid", channels=(2, 3, 4)), pytest.param(transfer, marks=pytest.mark.slow)],
)
def test_integrated_gradients_sum_to_the_difference_of_the_logits(build):
    logits = open_logits(build())
    maps = compute_maps(logits, PICTURES, TARGETS, "integrated_gradients")
    values = np.asarray(logits(PICTURES[..., None].astype(np.float32)))
    black = np.asarray(logits(np.zeros((1, SIZE, SIZE, 1), np.float32)))
    difference = (values - black)[np.arange(len(TARGETS)), TARGETS]
    assert np.abs(difference).min() > 0.02
    np.testing.assert_allclose(maps.sum((1, 2)), difference, rtol=1e-3)


def hinge(slopes: list[float], bias: float) -> keras.Model:
    """Return a network of one ReLU on a weighted sum of four pixels; its logits are 1 and -2 times the ReLU."""
    image = keras.Input((2, 2, 1), name="image")
    hidden = keras.layers.Dense(1, activation="relu", name="hidden")
    logits = keras.layers.Dense(2, name="logits")
    model = keras.Model(image, logits(hidden(keras.layers.Flatten()(image))))
    hidden.set_weights([np.array(slopes)[:, None], np.array([bias])])
    logits.set_weights([np.array([[1.0, -2.0]]), np.zeros(2)])
    return model


def test_integrated_gradients_follow_the_path_and_not_the_gradient_at_its_end():
    """A ReLU opens after a third of the path, so each pixel has weight times grey level times two thirds."""
    picture = np.array([[[100, 50], [0, 200]]], np.uint8)
    slopes = np.array([2.0, 2, 7, 0])
    found = compute_maps(hinge(list(slopes), -100), picture, [1], "integrated_gradients")
    expected = -2 * slopes.reshape(2, 2) * picture[0] * (1 - 100 / 300)
    np.testing.assert_allclose(found.sum(), -400, rtol=1e-6)
    np.testing.assert_allclose(found[0], expected, atol=0.02 * 400)  # one of 64 steps holds the kink
    assert found[0, 1, 0] == 0  # a black pixel


def test_a_black_picture_has_integrated_gradients_of_zero():
    assert not compute_maps(open_logits(transfer()), PICTURES[:1] * 0, [0], "integrated_gradients").any()


def test_the_darkest_picture_that_is_not_black_has_a_complete_map():
    picture = np.uint8([[0, 1], [0, 0]])
    assert make_complete(np.zeros((2, 2)), picture, 3.0).tolist() == [[0, 3], [0, 0]]
    assert make_complete(np.zeros((2, 2)), picture * 0, 3.0).tolist() == [[0, 0], [0, 0]]


@pytest.fixture(scope="module")
def smooth() -> keras.Model:
    """A network without kinks, curved enough that the gradient at the picture is far from the mean on the path."""
    keras.utils.set_random_seed(4)
    image = keras.Input((SIZE, SIZE, 1), name="image")
    x = keras.layers.Rescaling(1 / 64)(image)
    x = keras.layers.Conv2D(3, 5, strides=2, activation="tanh", name="first")(x)
    x = keras.layers.Conv2D(3, 3, activation="sigmoid", name="feature_map")(x)
    return keras.Model(image, keras.layers.Dense(3, name="logits")(keras.layers.Flatten()(x)))


def test_the_steps_alone_follow_the_path_closely(smooth):
    """The projection makes any map's sum complete. Without it, a wrong path or a wrong mean shows."""
    few, many = (compile_path(smooth, 32, steps) for steps in (INTEGRATION_STEPS, 8 * INTEGRATION_STEPS))
    black = np.asarray(smooth(np.zeros((1, SIZE, SIZE, 1))))[0]
    logits = np.asarray(smooth(PICTURES[..., None].astype(np.float32)))
    at_its_end = compile_gradients(smooth)(PICTURES[..., None].astype(np.float32), TARGETS) * PICTURES
    for number, (picture, target) in enumerate(zip(PICTURES[:2], TARGETS, strict=False)):
        exact, found = many(picture, target), few(picture, target)
        assert np.linalg.norm(found - exact) < 0.01 * np.linalg.norm(exact)
        assert exact.sum() == pytest.approx(logits[number, target] - black[target], rel=1e-3, abs=1e-4)
        assert np.linalg.norm(at_its_end[number] - exact) > 0.2 * np.linalg.norm(exact)  # else this test shows nothing


def test_the_projection_moves_maps_little_and_no_further_from_the_truth(smooth):
    few, many = (compile_path(smooth, 32, steps) for steps in (8, 8 * INTEGRATION_STEPS))
    for picture, target in zip(PICTURES[:2], TARGETS, strict=False):
        exact, found = many(picture, target), few(picture, target)
        moved = make_complete(found, picture, exact.sum())
        assert moved.sum() == pytest.approx(exact.sum())
        assert 0 < np.linalg.norm(moved - found) < 0.05 * np.linalg.norm(exact)
        away = [np.linalg.norm((one - exact)[picture > 0] / picture[picture > 0]) for one in (found, moved)]
        assert away[1] <= away[0]  # distances of the mean gradients, which are projected
    maps = compute_maps(smooth, PICTURES, TARGETS, "integrated_gradients")
    steps = compile_path(smooth, 32)
    for one, picture, target in zip(maps, PICTURES, TARGETS, strict=True):
        assert np.linalg.norm(one - steps(picture, target)) < 0.01 * np.linalg.norm(one)


def test_smooth_grad_is_the_mean_gradient_under_noise_that_depends_on_the_seed():
    """One ReLU on the sum of two pixels: its gradient is on or off, so the mean is the share of draws with it on."""
    model = hinge([1, 1, 0, 0], -100)
    picture = np.array([[[50, 55], [0, 200]]], np.uint8)
    maps = {seed: compute_maps(model, picture, [1], "smooth_grad", seed=seed, batch_size=5)[0] for seed in (0, 1)}
    for seed, found in maps.items():
        noise = np.stack(
            [np.random.default_rng([seed, draw]).standard_normal((2, 2), np.float32) for draw in range(32)]
        )
        share = ((picture + 30 * noise)[:, 0].sum(1) > 100).mean()  # 15 % of 0 to 200
        assert 0.3 < share < 0.9
        np.testing.assert_allclose(found, 2 * share * np.array([[1, 1], [0, 0]]), rtol=1e-6)
    assert not np.array_equal(maps[0], maps[1])
