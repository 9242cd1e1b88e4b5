"""A copy that ends in logits, compared with the saved classifier's output."""

import keras
import numpy as np
import pytest
from messages import refused
from scipy.special import expit, softmax
from tiny import SIZE
from tiny_networks import NETWORKS, PICTURES, scratch, second_stage, transfer

from pxr_tf.explain.logits import open_logits
from pxr_tf.models.classifier import both_columns
from pxr_tf.models.model_file import load_classifier, save_classifier


@pytest.mark.parametrize("build", NETWORKS.values(), ids=NETWORKS)
def test_logits_give_the_probabilities_of_the_classifier_in_the_order_of_its_classes(build):
    model = build()
    expected = both_columns(np.asarray(model(PICTURES[..., None])))
    logits = np.asarray(open_logits(model)(PICTURES[..., None].astype(np.float32)))
    assert logits.dtype == np.float32
    one_output = model.outputs[0].shape[-1] == 1
    found = expit(logits) if one_output else softmax(logits, axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.ptp(expected, axis=0).max() > 1e-3  # the pictures differ
    if one_output:
        np.testing.assert_array_equal(logits[:, 0], -logits[:, 1])


def test_a_saved_and_loaded_classifier_gives_the_same_logits(tmp_path):
    model = transfer()
    save_classifier(model, tmp_path / "model.keras", {"classes": list("abc"), "image": {"size": SIZE, "resize": "x"}})
    loaded, _ = load_classifier(tmp_path / "model.keras")
    pixels = PICTURES[..., None].astype(np.float32)
    np.testing.assert_array_equal(open_logits(loaded)(pixels), open_logits(model)(pixels))


def test_every_layer_is_in_one_flat_graph_and_has_one_output():
    logits = open_logits(transfer())
    assert not any(isinstance(layer, keras.Model) for layer in logits.layers)
    names = ["convolution", "feature_map", "features", "fully_connected_1", "logits"]
    assert [layer.name for layer in logits.layers if layer.name in names] == names
    assert logits.get_layer("feature_map").output.shape == (None, 7, 7, 8)


def test_a_layer_of_the_head_is_renamed_if_the_network_below_has_its_name():
    names = [layer.name for layer in open_logits(second_stage()).layers]
    assert names.index("fully_connected_1") < names.index("head_fully_connected_1") < names.index("logits")


def test_the_classifier_stays_as_it_is_and_its_copy_does_not_follow_it():
    model = scratch("small_cnn", hidden_units=(6,))
    model.get_layer("logits").trainable = False
    before = [weight.copy() for weight in model.get_weights()], model.get_config(), model(PICTURES[..., None])
    copy = open_logits(model)
    copy.set_weights([weight * 0 for weight in copy.get_weights()])
    after = model.get_weights(), model.get_config(), model(PICTURES[..., None])
    for one, other in zip(before[0], after[0], strict=True):
        np.testing.assert_array_equal(one, other)
    assert before[1] == after[1]
    np.testing.assert_array_equal(before[2], after[2])
    assert model.get_layer("feature_map").output is not copy.get_layer("feature_map").output


def test_lower_precision_stays_except_for_the_logits():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = transfer()
    finally:
        keras.config.set_dtype_policy(policy)
    logits = open_logits(model)
    assert logits.get_layer("convolution").compute_dtype == "bfloat16"
    values = np.asarray(logits(PICTURES[..., None].astype(np.float32)))
    assert values.dtype == np.float32
    np.testing.assert_allclose(softmax(values, axis=1), model(PICTURES[..., None]), atol=1e-6)


def test_a_network_that_is_not_a_classifier_is_refused():
    image = keras.Input((SIZE, SIZE, 1))
    with refused("unknown", "'logits'", "layer"):
        open_logits(keras.Model(image, keras.layers.Flatten()(image), name="unknown"))
