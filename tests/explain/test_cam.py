"""Class activation maps, against tf-keras-vis and against cases worked out by hand."""

import warnings

import keras
import numpy as np
import pytest
from tiny import SIZE
from tiny_networks import PICTURES, TARGETS, scratch, transfer

from pxr_tf.explain.logits import open_logits
from pxr_tf.explain.methods import explain

with warnings.catch_warnings():  # tf-keras-vis 0.8.7 imports SciPy's zoom from where it used to be
    warnings.simplefilter("ignore", DeprecationWarning)
    from tf_keras_vis.gradcam import Gradcam, GradcamPlusPlus
    from tf_keras_vis.layercam import Layercam
    from tf_keras_vis.utils.scores import CategoricalScore

LIBRARY = {"grad_cam": Gradcam, "grad_cam_plus_plus": GradcamPlusPlus, "layer_cam": Layercam}
FLAT = {
    "transfer": transfer,
    "small_cnn": lambda: scratch("small_cnn", hidden_units=(6,)),
    "leaky_cnn": lambda: scratch("leaky_cnn", channels=(2, 3, 4), hidden_units=(6,)),
}


def pixels(pictures: np.ndarray = PICTURES) -> np.ndarray:
    return pictures[..., None].astype(np.float32)


def by_library(method: str, logits: keras.Model, layer: str = "feature_map") -> np.ndarray:
    with warnings.catch_warnings():  # of inputs given as a list
        warnings.simplefilter("ignore", UserWarning)
        return LIBRARY[method](logits)(
            CategoricalScore(TARGETS.tolist()),
            pixels(),
            penultimate_layer=layer,
            seek_penultimate_conv_layer=False,
            expand_cam=False,
            normalize_cam=False,
        )


@pytest.mark.parametrize("build", FLAT.values(), ids=FLAT)
@pytest.mark.parametrize("method", LIBRARY)
def test_maps_are_those_of_tf_keras_vis(method, build):
    logits = open_logits(build())
    expected = np.asarray(by_library(method, logits))
    if method == "grad_cam_plus_plus":  # its score is exp(logit)
        expected = expected / np.exp(np.take_along_axis(np.asarray(logits(pixels())), TARGETS[:, None], 1))[..., None]
    assert expected.max() > 1e-4
    np.testing.assert_allclose(
        explain(logits, PICTURES, TARGETS, method) / expected.max(), expected / expected.max(), atol=1e-5
    )


def by_hand() -> keras.Model:
    """Return a 2 x 2 convolution of two filters, ReLU, global average, two classes: few enough numbers for a head."""
    image = keras.Input((3, 3, 1), name="image")
    x = keras.layers.Conv2D(2, 2, activation="relu", name="convolution")(image)
    x = keras.layers.GlobalAveragePooling2D(name="pooling")(x)
    model = keras.Model(image, keras.layers.Dense(2, name="logits")(x), name="by_hand")
    top_left, difference = [[1, 0], [0, 0]], [[1, -1], [0, 0]]
    kernel = np.stack([top_left, difference], axis=-1)[:, :, None, :].astype(np.float32)
    model.set_weights([kernel, np.array([0.0, 2.0]), np.array([[4.0, -8.0], [8.0, 4.0]]), np.zeros(2)])
    return model


def test_grad_cam_of_one_convolution_pooling_and_one_dense_layer_is_what_paper_and_pencil_say():
    """Feature maps [[1, 2], [4, 5]] and max(0, left - right + 2) = [[1, 1], [1, 1]]; gradients weight / 4 each.

    Class 0: weights 4 / 4 = 1 and 8 / 4 = 2. Class 1: -8 / 4 = -2 and 4 / 4 = 1: -1 at the most, so nothing is left.
    """
    picture = np.arange(1, 10, dtype=np.uint8).reshape(1, 3, 3)
    model = by_hand()
    np.testing.assert_array_equal(explain(model, picture, [0], "grad_cam"), [[[3, 4], [6, 7]]])
    np.testing.assert_array_equal(explain(model, picture, [1], "grad_cam"), [[[0, 0], [0, 0]]])
    np.testing.assert_array_equal(explain(model, picture, [0], "layer_cam"), [[[3, 4], [6, 7]]])
    # One gradient for all places of a map, so that each has the same share: the mean, cut off below 0 by channel.
    np.testing.assert_array_equal(explain(model, picture, [0], "grad_cam_plus_plus"), [[[3, 4], [6, 7]]])
    np.testing.assert_array_equal(explain(model, picture, [1], "grad_cam_plus_plus"), [[[1, 1], [1, 1]]])


def test_grad_cam_plus_plus_stands_logits_whose_exponential_overflows():
    model = by_hand()
    weights = model.get_weights()
    model.set_weights([*weights[:3], np.array([500.0, 0.0])])
    picture = np.arange(1, 10, dtype=np.uint8).reshape(1, 3, 3)
    np.testing.assert_array_equal(explain(model, picture, [0], "grad_cam_plus_plus"), [[[3, 4], [6, 7]]])


def test_any_layer_with_a_height_and_a_width_can_be_named():
    logits = open_logits(FLAT["leaky_cnn"]())
    maps = explain(logits, PICTURES, TARGETS, "grad_cam", layer="pooling_1")
    assert maps.shape == (len(PICTURES), SIZE // 2, SIZE // 2)
    expected = np.asarray(by_library("grad_cam", logits, "pooling_1"))
    np.testing.assert_allclose(maps / expected.max(), expected / expected.max(), atol=1e-5)
