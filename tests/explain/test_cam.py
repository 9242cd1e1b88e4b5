"""Class activation maps, compared with tf-keras-vis and with cases worked out by hand."""

import warnings

import keras
import numpy as np
import pytest
from scipy.ndimage import zoom
from tiny import SIZE
from tiny_networks import PICTURES, TARGETS, scratch, transfer

from pxr_tf.explain.logits import open_logits
from pxr_tf.explain.methods import compute_maps

with warnings.catch_warnings():  # tf-keras-vis 0.8.7 imports SciPy's zoom from where it used to be
    warnings.simplefilter("ignore", DeprecationWarning)
    from tf_keras_vis.gradcam import Gradcam, GradcamPlusPlus
    from tf_keras_vis.layercam import Layercam
    from tf_keras_vis.scorecam import Scorecam
    from tf_keras_vis.utils.scores import CategoricalScore

LIBRARY = {"grad_cam": Gradcam, "grad_cam_plus_plus": GradcamPlusPlus, "layer_cam": Layercam}
FLAT = {
    "transfer": transfer,
    "small_cnn": lambda: scratch("small_cnn", hidden_units=(6,)),
    "leaky_cnn": lambda: scratch("leaky_cnn", channels=(2, 3, 4), hidden_units=(6,)),
}
OTHERS = ("transfer", "small_cnn")


def pixels(pictures: np.ndarray = PICTURES) -> np.ndarray:
    return pictures[..., None].astype(np.float32)


def by_library(method: str, logits: keras.Model, layer: str = "feature_map") -> np.ndarray:
    with warnings.catch_warnings():  # about inputs given as a list
        warnings.simplefilter("ignore", UserWarning)
        return LIBRARY[method](logits)(
            CategoricalScore(TARGETS.tolist()),
            pixels(),
            penultimate_layer=layer,
            seek_penultimate_conv_layer=False,
            expand_cam=False,
            normalize_cam=False,
        )


# leaky_cnn has no global pooling, so its gradients differ between positions, and so do the three methods.
@pytest.mark.parametrize("name", ["leaky_cnn", *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)])
@pytest.mark.parametrize("method", LIBRARY)
def test_maps_equal_those_from_tf_keras_vis(method, name):
    logits = open_logits(FLAT[name]())
    expected = np.asarray(by_library(method, logits))
    if method == "grad_cam_plus_plus":  # its score is exp(logit)
        expected = expected / np.exp(np.take_along_axis(np.asarray(logits(pixels())), TARGETS[:, None], 1))[..., None]
    assert expected.max() > 1e-4
    np.testing.assert_allclose(
        compute_maps(logits, PICTURES, TARGETS, method) / expected.max(), expected / expected.max(), atol=1e-5
    )


def by_hand() -> keras.Model:
    """Return a 2 x 2 convolution of two filters, ReLU, global average and two classes: small enough to do by hand."""
    image = keras.Input((3, 3, 1), name="image")
    x = keras.layers.Conv2D(2, 2, activation="relu", name="convolution")(image)
    x = keras.layers.GlobalAveragePooling2D(name="pooling")(x)
    model = keras.Model(image, keras.layers.Dense(2, name="logits")(x), name="by_hand")
    top_left, difference = [[1, 0], [0, 0]], [[1, -1], [0, 0]]
    kernel = np.stack([top_left, difference], axis=-1)[:, :, None, :].astype(np.float32)
    model.set_weights([kernel, np.array([0.0, 2.0]), np.array([[4.0, -8.0], [8.0, 4.0]]), np.zeros(2)])
    return model


def test_grad_cam_of_one_convolution_pooling_and_one_dense_layer_matches_the_calculation_by_hand():
    """Feature maps [[1, 2], [4, 5]] and max(0, left - right + 2) = [[1, 1], [1, 1]]; gradients weight / 4 each.

    Class 0: weights 4 / 4 = 1 and 8 / 4 = 2. Class 1: -8 / 4 = -2 and 4 / 4 = 1: at most -1, so nothing is left.
    """
    picture = np.arange(1, 10, dtype=np.uint8).reshape(1, 3, 3)
    model = by_hand()
    np.testing.assert_array_equal(compute_maps(model, picture, [0], "grad_cam"), [[[3, 4], [6, 7]]])
    np.testing.assert_array_equal(compute_maps(model, picture, [1], "grad_cam"), [[[0, 0], [0, 0]]])
    # All positions of a map have one gradient, so all have the same share: the mean, cut off below 0 per channel.
    np.testing.assert_array_equal(compute_maps(model, picture, [0], "grad_cam_plus_plus"), [[[3, 4], [6, 7]]])
    np.testing.assert_array_equal(compute_maps(model, picture, [1], "grad_cam_plus_plus"), [[[1, 1], [1, 1]]])


def test_grad_cam_plus_plus_survives_logits_whose_exponential_would_overflow():
    model = by_hand()
    weights = model.get_weights()
    model.set_weights([*weights[:3], np.array([500.0, 0.0])])
    picture = np.arange(1, 10, dtype=np.uint8).reshape(1, 3, 3)
    np.testing.assert_array_equal(compute_maps(model, picture, [0], "grad_cam_plus_plus"), [[[3, 4], [6, 7]]])


def test_any_layer_with_a_height_and_a_width_can_be_named():
    logits = open_logits(FLAT["leaky_cnn"]())
    maps = compute_maps(logits, PICTURES, TARGETS, "grad_cam", layer="pooling_1")
    assert maps.shape == (len(PICTURES), SIZE // 2, SIZE // 2)
    expected = np.asarray(by_library("grad_cam", logits, "pooling_1"))
    np.testing.assert_allclose(maps / expected.max(), expected / expected.max(), atol=1e-5)


def score_by_hand(
    logits: keras.Model, picture: np.ndarray, target: int, masks: np.ndarray, maps: np.ndarray
) -> np.ndarray:
    masks = (masks - masks.min((1, 2), keepdims=True)) / np.ptp(masks, axis=(1, 2))[:, None, None]
    scores = np.asarray(logits((picture * masks)[..., None]))[:, target].astype(np.float64)
    weights = np.exp(scores) / np.exp(scores).sum()
    return np.maximum((weights[:, None, None] * maps).sum(0), 0)


def test_score_cam_weighs_each_channel_by_the_logit_of_the_picture_seen_through_it():
    """The masks are from SciPy's zoom, whose grid mode has values at the cells' centres."""
    logits = open_logits(transfer())
    found = compute_maps(logits, PICTURES, TARGETS, "score_cam", batch_size=3)
    probe = keras.Model(logits.inputs[0], logits.get_layer("feature_map").output)
    for one, picture, target in zip(found, PICTURES, TARGETS, strict=True):
        maps = np.asarray(probe(pixels(picture[None])))[0].transpose(2, 0, 1)
        maps = maps[np.ptp(maps, axis=(1, 2)) > 0]
        assert len(maps) > 3
        masks = np.stack([zoom(each, SIZE / 7, order=1, mode="nearest", grid_mode=True) for each in maps])
        expected = score_by_hand(logits, picture, target, masks, maps)
        np.testing.assert_allclose(one, expected, atol=1e-5 * expected.max())


def same_size() -> keras.Model:
    """Return a network whose feature maps are as large as the picture, so that no mask is resized.

    Its first logit is about -20, its second 0: tf-keras-vis takes the softmax of both, which is then exp(first).
    """
    image = keras.Input((6, 6, 1), name="image")
    x = keras.layers.Conv2D(3, 3, padding="same", activation="relu", name="feature_map")(image)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(2, name="logits")(x))
    generator = np.random.default_rng(5)
    kernel = np.abs(generator.normal(size=(3, 3, 1, 3))) / 200
    model.set_weights([kernel, np.zeros(3), np.array([[1.0, 0], [-2, 0], [3, 0]]), np.array([-20.0, 0])])
    return model


def test_score_cam_agrees_with_tf_keras_vis_if_both_weigh_alike():
    model = same_size()
    pictures = np.random.default_rng(6).integers(0, 256, (2, 6, 6), np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        expected = Scorecam(model)(
            CategoricalScore([0, 0]),
            pixels(pictures),
            penultimate_layer="feature_map",
            seek_penultimate_conv_layer=False,
            normalize_cam=False,
        )
    found = compute_maps(model, pictures, [0, 0], "score_cam")
    for one, other in zip(found, np.asarray(expected), strict=True):
        np.testing.assert_allclose(one / one.max(), other / other.max(), atol=1e-5)


def test_score_cam_of_a_picture_without_any_contrast_is_zero():
    blank = np.full((1, SIZE, SIZE), 90, np.uint8)
    assert not compute_maps(open_logits(transfer()), blank, [0], "score_cam").any()
