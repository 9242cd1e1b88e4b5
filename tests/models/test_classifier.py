"""The classifier: its graph, its initial weights, and refused input. `test_saved_classifier.py` tests its file."""

import keras
import numpy as np
import pytest
from messages import MISSING, assert_tells, matching
from tiny import SIZE, TWO_LAYERS, build_two_layers

from pxr_tf.errors import PxrError
from pxr_tf.models.backbones import BACKBONES
from pxr_tf.models.classifier import batchnorm_layers, build_classifier, feature_extractor
from pxr_tf.vocabulary.model import Head

PAPERS_BACKBONES = ("resnet50", "inception_v3", "inception_resnet_v2", "xception")
PICTURES = np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 1)).astype(np.uint8)


def build(backbone=TWO_LAYERS, **changes) -> keras.Model:
    return build_classifier(backbone, **{"num_classes": 4, "image_size": SIZE, "weights": "none", **changes})


def values_of(model: keras.Model) -> list[np.ndarray]:
    return [np.array(weight.numpy()) for weight in model.weights]


def equal(ours: list[np.ndarray], theirs: list[np.ndarray]) -> bool:
    return all(np.array_equal(one, other) for one, other in zip(ours, theirs, strict=True))


def test_the_graph_has_our_names_and_takes_raw_grey_pixels():
    model = build(head=Head(hidden_units=(6, 5), dropout=0.5))
    names = [layer.name for layer in model.layers]
    ours = ["image", "grey_to_rgb", "scaling", "feature_map", "features", "head"]
    assert [name for name in names if name in ours] == ours
    head = [layer.name for layer in model.get_layer("head").layers]
    assert head == ["pooled", "dropout", "fully_connected_1", "fully_connected_2", "logits", "probabilities"]
    assert model.input.dtype == "uint8"
    assert model.input_shape == (None, SIZE, SIZE, 1)
    assert model.output_shape == (None, 4)


def test_a_head_without_hidden_units_or_dropout_is_only_a_softmax():
    head = build(head=Head(hidden_units=())).get_layer("head")
    assert [layer.name for layer in head.layers] == ["pooled", "logits", "probabilities"]


def test_a_sigmoid_head_has_one_output_between_0_and_1():
    model = build(num_classes=2, head=Head(hidden_units=(), output="sigmoid"))
    assert model.output_shape == (None, 1)
    logits = keras.Model(model.get_layer("head").input, model.get_layer("head").get_layer("logits").output)
    raw = logits.predict_on_batch(feature_extractor(model).predict_on_batch(PICTURES))
    np.testing.assert_allclose(model.predict_on_batch(PICTURES), 1 / (1 + np.exp(-raw)), rtol=1e-5)


@pytest.mark.parametrize(("policy", "inside"), [("float32", "float32"), ("mixed_bfloat16", "bfloat16")])
def test_the_policy_is_kept_and_probabilities_are_float32(policy, inside):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = build()
    finally:
        keras.config.set_dtype_policy(before)
    assert model.get_layer("convolution").compute_dtype == inside
    assert model.get_layer("features").output.dtype == inside
    probabilities = model.predict_on_batch(PICTURES)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-6)


def test_features_are_the_feature_maps_mean():
    model = build()
    maps = keras.Model(model.input, model.get_layer("feature_map").output).predict_on_batch(PICTURES)
    features = feature_extractor(model).predict_on_batch(PICTURES)
    np.testing.assert_allclose(features, maps.mean((1, 2)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        model.get_layer("head").predict_on_batch(features), model.predict_on_batch(PICTURES), atol=1e-6
    )


def test_the_same_seed_gives_the_same_weights_after_any_other_model():
    first = values_of(build(seed=3))
    build(seed=8, head=Head(hidden_units=(50, 50), dropout=0.3))
    np.random.default_rng().random(7)
    keras.layers.Dense(3).build((None, 2))
    assert equal(values_of(build(seed=3)), first)
    assert not equal(values_of(build(seed=4)), first)


@pytest.mark.parametrize(
    "change",
    [
        {"head": Head(dropout=0.5)},
        {"head": Head(hidden_units=(3, 3))},
        {"num_classes": 2},
        {"num_classes": 2, "head": Head(output="sigmoid")},
    ],
)
def test_another_head_does_not_change_the_backbones_weights(change):
    plain, changed = (values_of(feature_extractor(build(**options))) for options in ({}, change))
    assert equal(plain, changed)  # strategies share their cached features


def test_batchnorm_momentum_replaces_the_architectures_own():
    assert [layer.momentum for layer in batchnorm_layers(build())] == [0.99]
    assert [layer.momentum for layer in batchnorm_layers(build(batchnorm_momentum=0.9))] == [0.9]


def test_a_weights_file_of_the_same_architecture_is_loaded(tmp_path):
    network = build_two_layers(include_top=False, weights=None, input_tensor=keras.Input((SIZE, SIZE, 3)))
    network.save_weights(tmp_path / "two.weights.h5")
    loaded = feature_extractor(build(weights=str(tmp_path / "two.weights.h5"), seed=5))
    assert equal(values_of(loaded), values_of(network))
    assert not equal(values_of(loaded), values_of(feature_extractor(build(seed=5))))


@pytest.mark.filterwarnings("ignore:Skipping nested container:UserWarning")
@pytest.mark.parametrize("ending", [".weights.h5", ".h5"])
def test_weights_of_another_architecture_have_an_error_of_one_line(tmp_path, ending):
    network = build_two_layers(include_top=False, weights=None, input_tensor=keras.Input((SIZE, SIZE, 3)))
    path = tmp_path / f"other{ending}"
    network.save_weights(path) if ending == ".weights.h5" else network.save(path)
    fault = fault_of(BACKBONES["mobilenet_025"], weights=str(path))
    assert str(path) in fault
    assert_tells(fault, "MobileNet")


@pytest.mark.parametrize("content", [b"", b"not a weights file"])
def test_a_file_without_weights_has_an_error_of_one_line(tmp_path, content):
    (tmp_path / "broken.weights.h5").write_bytes(content)
    assert_tells(fault_of(TWO_LAYERS, weights=str(tmp_path / "broken.weights.h5")), "two_layers")


@pytest.mark.filterwarnings("ignore:.input_shape. is undefined or non-square:UserWarning")
def test_imagenet_without_a_network_has_an_error_of_one_line(offline):
    fault = fault_of(BACKBONES["mobilenet_025"], weights="imagenet", image_size=224)
    assert_tells(fault, "ImageNet", "MobileNet", matching("url fetch failure"))
    assert "WEIGHTS=none" in fault


def test_a_missing_weights_file_has_an_error_of_one_line():
    assert_tells(fault_of(TWO_LAYERS, weights="nowhere.h5"), MISSING)


def fault_of(backbone, **changes) -> str:
    with pytest.raises(PxrError) as fault:
        build(backbone, **changes)
    assert "\n" not in str(fault.value)
    return str(fault.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAPERS_BACKBONES)
def test_the_papers_backbones_equal_those_of_keras(name):
    model = build(BACKBONES[name], image_size=224)
    keras.utils.clear_session()  # restarts its automatic names
    plain = getattr(keras.applications, BACKBONES[name].application)(
        include_top=False, weights=None, input_shape=(224, 224, 3)
    )
    assert model.get_layer("feature_map").output.shape == plain.output.shape
    assert feature_extractor(model).count_params() == plain.count_params()
    assert not {layer.name for layer in plain.layers[1:]} - {layer.name for layer in model.layers}
