"""What all methods promise: they work for all our networks, change none, give the same bits, and refuse bad input."""

import keras
import numpy as np
import pytest
from messages import UNKNOWN, any_of, matching, nearest, refused
from tiny import SIZE
from tiny_networks import NETWORKS, PICTURES, TARGETS, transfer

from pxr_tf.explain.logits import find_layer, open_logits
from pxr_tf.explain.method_table import METHODS
from pxr_tf.explain.methods import EXPLAINERS, compute_maps
from pxr_tf.models.backbones import find_backbone
from pxr_tf.models.classifier import build_classifier

OF_A_LAYER = ("grad_cam", "grad_cam_plus_plus", "layer_cam", "score_cam")  # their maps have the layer's size
OTHERS = ("second stage", "transfer", "leaky_cnn with one output", "alrelu_cnn", "linear with one output")
TWO_WAYS = ("grad_cam", "smooth_grad")  # to process pictures: many in a batch, and many variants of one
WITHOUT_MAPS = ("feed_forward", "linear", "linear with one output")


@pytest.fixture(scope="module")
def logits() -> keras.Model:
    """A backbone with a head, opened; no test changes it."""
    return open_logits(transfer())


def test_every_method_of_the_table_is_there():
    assert list(EXPLAINERS) == list(METHODS)


@pytest.mark.parametrize("name", ["feed_forward", *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)])
def test_every_method_explains_and_leaves_the_network_as_it_is(name):
    logits = open_logits(NETWORKS[name]())
    logits.layers[1].trainable = False
    before = state(logits)
    for method, seen in METHODS.items():
        if name in WITHOUT_MAPS and seen.needs_layer:
            continue
        maps = compute_maps(logits, PICTURES[:2], TARGETS[:2], method, batch_size=8)
        expected = logits.get_layer(find_layer(logits)).output.shape[1:3] if method in OF_A_LAYER else (SIZE, SIZE)
        assert (maps.dtype, maps.shape) == (np.float32, (2, *expected)), method
        assert np.isfinite(maps).all() and maps.any(), method
        assert seen.signed or maps.min() >= 0, method
    for one, other in zip(before, state(logits), strict=True):
        np.testing.assert_array_equal(one, other)


def state(model: keras.Model) -> list:
    activations = [str(getattr(layer, "activation", None)) for layer in model.layers]
    calls = [layer.call for layer in model.layers]
    return [*model.get_weights(), [layer.trainable for layer in model.layers], activations, calls]


@pytest.mark.parametrize(
    "method", [*TWO_WAYS, *(pytest.param(name, marks=pytest.mark.slow) for name in METHODS if name not in TWO_WAYS)]
)
def test_a_picture_gives_the_same_bits_with_any_other_pictures_and_progress_is_reported(logits, method):
    seen: list[tuple[int, int]] = []
    options = {"method": method, "batch_size": 4, "seed": 3}
    together = compute_maps(logits, PICTURES, TARGETS, **options, on_progress=lambda *at: seen.append(at))
    assert seen in ([(4, 5), (5, 5)], [(number, 5) for number in range(1, 6)])  # per batch, or per picture
    places = [4, 2]  # another order, other neighbours, a batch that is not full
    np.testing.assert_array_equal(together[places], compute_maps(logits, PICTURES[places], TARGETS[places], **options))


@pytest.mark.parametrize("network", ["linear", "feed_forward"])
def test_a_network_without_feature_maps_names_the_methods_that_work(network):
    blind = open_logits(NETWORKS[network]())
    for method in (name for name, method in METHODS.items() if method.needs_layer):
        with refused(network, any_of("feature maps"), "saliency", "occlusion"):
            compute_maps(blind, PICTURES, TARGETS, method)


def test_without_a_layer_named_feature_map_the_last_convolution_is_used():
    image = keras.Input((SIZE, SIZE, 1), name="image")
    x = keras.layers.Conv2D(2, 3, name="first")(image)
    x = keras.layers.MaxPooling2D(name="pooled")(keras.layers.Conv2D(3, 3, name="second")(x))
    model = keras.Model(image, keras.layers.Dense(3, name="logits")(keras.layers.Flatten()(x)))
    assert compute_maps(model, PICTURES, TARGETS, "grad_cam").shape == (5, SIZE - 4, SIZE - 4)


BAD = {
    "no such layer": ({"layer": "feature_mop"}, ["classifier", "layer", "'feature_mop'", nearest("'feature_map'")]),
    "no places": (
        {"layer": "features"},
        ["layer", "'features'", "classifier", any_of("spatial size"), matching("feature_m")],
    ),
    "before a convolution": (
        {"layer": "scaling"},
        ["layer", "'scaling'", "classifier", any_of("before"), any_of("convolution")],
    ),
    "no such method": ({"method": "gradcam"}, [UNKNOWN, "'gradcam'", "grad_cam", nearest("'grad_cam'")]),
    "no such class": ({"targets": np.array([0, 1, 3, 0, 0])}, [UNKNOWN, matching("3.*3 classes"), "classifier", "0"]),
    "a class below the first": ({"targets": np.array([0, 1, -1, 0, 0])}, [UNKNOWN, "-1"]),
    "too few classes": ({"targets": np.array([0])}, ["int64", "[1]", "5 pictures"]),
    "classes by name": ({"targets": np.array(["a"] * 5)}, ["<U1", any_of("class number")]),
    "another size": ({"pictures": PICTURES[:, :20]}, ["[5, 20, 32]", "classifier", "uint8", "[n, 32, 32]"]),
    "pictures as fractions": ({"pictures": PICTURES / 255}, ["picture", "float64"]),
    "no pictures": ({"pictures": PICTURES[:0], "targets": TARGETS[:0]}, [any_of("one picture", "1 picture")]),
}


@pytest.mark.parametrize(("changed", "facts"), BAD.values(), ids=BAD)
def test_bad_input_is_reported_in_one_line(logits, changed, facts):
    given = {"pictures": PICTURES, "targets": TARGETS, "method": "grad_cam", **changed}
    with refused(*facts):
        compute_maps(logits, **given)


@pytest.mark.slow
def test_a_real_backbone_is_explained_by_every_method():
    backbone = find_backbone("mobilenet_025")
    model = build_classifier(backbone, num_classes=3, image_size=backbone.smallest * 2, weights="none")
    logits = open_logits(model)
    pictures = np.random.default_rng(0).integers(0, 256, (3, 64, 64), np.uint8)
    for method in METHODS:
        maps = compute_maps(logits, pictures, [0, 1, 2], method)
        assert maps.shape == ((3, 2, 2) if method in OF_A_LAYER else (3, 64, 64))
        assert np.isfinite(maps).all() and maps.any(), method
        np.testing.assert_array_equal(maps, compute_maps(logits, pictures, [0, 1, 2], method))
