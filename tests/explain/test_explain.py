"""What all methods promise: any network of ours, the network untouched, the same bits, one line for bad input."""

import keras
import numpy as np
import pytest
from tiny import SIZE
from tiny_networks import NETWORKS, PICTURES, TARGETS, transfer

from pxr_tf.errors import PxrError
from pxr_tf.explain.logits import open_logits
from pxr_tf.explain.method_table import METHODS
from pxr_tf.explain.methods import EXPLAINERS, explain, passes_per_picture
from pxr_tf.models.backbones import find_backbone
from pxr_tf.models.classifier import build_classifier

OF_A_LAYER = ("grad_cam", "grad_cam_plus_plus", "layer_cam", "score_cam")  # whose maps are of the layer's size
WITHOUT_MAPS = ("feed_forward", "linear", "linear with one output")


def test_every_method_of_the_table_is_there():
    assert list(EXPLAINERS) == list(METHODS)


@pytest.mark.parametrize("name", ["transfer", "second stage", "leaky_cnn with one output", "feed_forward"])
def test_every_method_explains_and_leaves_the_network_as_it_is(name):
    logits = open_logits(NETWORKS[name]())
    logits.layers[1].trainable = False
    before = state(logits)
    for method, (_, signed, needs_layer) in METHODS.items():
        if needs_layer and name in WITHOUT_MAPS:
            continue
        maps = explain(logits, PICTURES[:2], TARGETS[:2], method, batch_size=8)
        own_size = (
            logits.get_layer("feature_map").output.shape[1:3]
            if "cam" in method and "guided" not in method
            else (SIZE, SIZE)
        )
        assert (maps.dtype, maps.shape) == (np.float32, (2, *own_size)), method
        assert np.isfinite(maps).all() and maps.any(), method
        assert signed or maps.min() >= 0, method
    after = state(logits)
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def state(model: keras.Model) -> list:
    activations = [str(getattr(layer, "activation", None)) for layer in model.layers]
    calls = [layer.call for layer in model.layers]
    return [*model.get_weights(), [layer.trainable for layer in model.layers], activations, calls]


@pytest.mark.parametrize("method", METHODS)
def test_the_same_picture_gives_the_same_bits_in_any_company(method):
    logits = open_logits(transfer())
    together = explain(logits, PICTURES, TARGETS, method, batch_size=4, seed=3)
    reversed_order = explain(logits, PICTURES[::-1], TARGETS[::-1], method, batch_size=4, seed=3)
    np.testing.assert_array_equal(together, reversed_order[::-1])
    np.testing.assert_array_equal(
        together[4:], explain(logits, PICTURES[4:], TARGETS[4:], method, batch_size=4, seed=3)
    )


def test_progress_is_told_by_the_batch_or_by_the_picture():
    told: list[tuple[int, int]] = []
    options = {"batch_size": 2, "on_progress": lambda done, total: told.append((done, total))}
    logits = open_logits(transfer())
    explain(logits, PICTURES, TARGETS, "grad_cam", **options)
    assert told == [(2, 5), (4, 5), (5, 5)]
    told.clear()
    explain(logits, PICTURES, TARGETS, "score_cam", **options)
    assert told == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_passes_say_how_often_the_network_runs_for_a_picture():
    logits = open_logits(transfer())
    found = {method: passes_per_picture(logits, method) for method in METHODS}
    assert found["grad_cam"] == found["saliency"] == 1
    assert found["guided_grad_cam"] == 2
    assert found["score_cam"] == 8  # channels


@pytest.mark.parametrize("network", ["linear", "feed_forward"])
@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if method.needs_layer])
def test_a_network_without_feature_maps_is_offered_the_methods_that_work(network, method):
    logits = open_logits(NETWORKS[network]())
    for ask in (lambda: explain(logits, PICTURES, TARGETS, method), lambda: passes_per_picture(logits, method)):
        with pytest.raises(PxrError, match=f"The model {logits.name} has no feature maps.*saliency.*occlusion"):
            ask()


def test_without_a_layer_named_feature_map_the_last_convolution_is_taken():
    image = keras.Input((SIZE, SIZE, 1), name="image")
    x = keras.layers.Conv2D(2, 3, name="first")(image)
    x = keras.layers.MaxPooling2D(name="pooled")(keras.layers.Conv2D(3, 3, name="second")(x))
    model = keras.Model(image, keras.layers.Dense(3, name="logits")(keras.layers.Flatten()(x)))
    assert explain(model, PICTURES, TARGETS, "grad_cam").shape == (5, SIZE - 4, SIZE - 4)


BAD = {
    "no such layer": ({"layer": "feature_mop"}, "classifier has no layer 'feature_mop'. .*Did you mean 'feature_map'"),
    "no places": (
        {"layer": "features"},
        "Layer 'features' of classifier has no spatial size. Layers .*: feature_m",
    ),
    "before a convolution": ({"layer": "scaling"}, "Layer 'scaling' of classifier comes before the first convolution"),
    "no such method": ({"method": "gradcam"}, "Unknown method 'gradcam'. Known: grad_cam, .*Did you mean 'grad_cam'"),
    "no such class": ({"targets": np.array([0, 1, 3, 0, 0])}, "Unknown class number 3: classifier has 3 classes, 0 to"),
    "a class below the first": ({"targets": np.array([0, 1, -1, 0, 0])}, "Unknown class number -1: "),
    "too few classes": ({"targets": np.array([0])}, r"Targets of type int64 and shape \[1\] do not fit 5 pictures"),
    "classes by name": ({"targets": np.array(["a"] * 5)}, "Targets of type <U1 .*one class number"),
    "another size": ({"pictures": PICTURES[:, :20]}, r"shape \[5, 20, 32\] .* classifier takes uint8 \[n, 32, 32\]"),
    "pictures as fractions": ({"pictures": PICTURES / 255}, "Pictures of type float64"),
    "no pictures": ({"pictures": PICTURES[:0], "targets": TARGETS[:0]}, "one picture or more"),
}


@pytest.mark.parametrize(("changed", "says"), BAD.values(), ids=BAD)
def test_bad_input_is_told_in_one_line(changed, says):
    given = {"pictures": PICTURES, "targets": TARGETS, "method": "grad_cam", **changed}
    with pytest.raises(PxrError, match=says) as fault:
        explain(open_logits(transfer()), **given)
    assert "\n" not in str(fault.value)


@pytest.mark.slow
def test_a_real_backbone_is_explained_by_every_method():
    backbone = find_backbone("mobilenet_025")
    model = build_classifier(backbone, num_classes=3, image_size=backbone.smallest * 2, weights="none")
    logits = open_logits(model)
    pictures = np.random.default_rng(0).integers(0, 256, (3, 64, 64), np.uint8)
    for method in METHODS:
        maps = explain(logits, pictures, [0, 1, 2], method)
        assert maps.shape == ((3, 2, 2) if method in OF_A_LAYER else (3, 64, 64))
        assert np.isfinite(maps).all() and maps.any(), method
        np.testing.assert_array_equal(maps, explain(logits, pictures, [0, 1, 2], method))
    assert passes_per_picture(logits, "score_cam") == 256
