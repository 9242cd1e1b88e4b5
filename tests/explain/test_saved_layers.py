"""The layers in a model file's configuration: the same as in the loaded model, without Keras."""

import keras
import numpy as np
import pytest
from messages import any_of, refused
from tiny_networks import NETWORKS

from pxr_tf.explain.guided import FUNCTIONS, LAYERS, guided_copy
from pxr_tf.explain.layer_names import LayerPlaces, spatial_names
from pxr_tf.explain.logits import open_logits, spatial_layers
from pxr_tf.explain.methods import compute_maps
from pxr_tf.models.model_file import save_classifier
from pxr_tf.models.saved_layers import CONVOLUTIONS, RECTIFIERS, has_rectifier, read_saved_layers


@pytest.mark.parametrize("name", ["transfer", "alrelu_cnn", "second stage"])
def test_a_saved_network_has_the_layers_of_the_loaded_one(tmp_path, name):
    model = NETWORKS[name]()
    save_classifier(model, tmp_path / "model.keras", {})
    saved = read_saved_layers(tmp_path / "model.keras")
    logits = open_logits(model)
    places = [LayerPlaces(layer.name, layer.places, layer.kind in CONVOLUTIONS) for layer in saved]
    assert spatial_names(places) == spatial_layers(logits) != []
    assert has_rectifier(saved)
    guided_copy(logits)  # raises without a rectifier


@pytest.mark.parametrize("activation", ["swish", "relu6", keras.layers.LeakyReLU(0.1)])
def test_a_rectifier_is_recognised_in_any_form(tmp_path, activation):
    image = keras.Input((8, 8, 1))
    outputs = keras.layers.Conv2D(2, 3, activation=activation)(image)
    keras.Model(image, outputs).save(tmp_path / "model.keras")
    assert has_rectifier(read_saved_layers(tmp_path / "model.keras")) == (activation != "swish")


def test_a_rectifier_in_the_head_does_not_guide_feature_maps(tmp_path):
    """As in EfficientNet: swish throughout, and a head with a ReLU."""
    image = keras.Input((8, 8, 1))
    maps = keras.layers.Conv2D(2, 3, activation="swish", name="feature_map")(image)
    hidden = keras.layers.Dense(3, activation="relu")(keras.layers.GlobalAveragePooling2D()(maps))
    model = keras.Model(image, keras.layers.Dense(2)(hidden), name="swishing")
    model.save(tmp_path / "model.keras")
    assert not has_rectifier(read_saved_layers(tmp_path / "model.keras"))
    with refused(any_of("rectifier"), "swishing"):
        compute_maps(model, np.zeros((1, 8, 8), np.uint8), np.zeros(1, int), "guided_grad_cam")


def test_the_names_of_rectifiers_match_the_guided_functions_and_layers(tmp_path):
    assert set(RECTIFIERS) == {one.__name__ for one in (*FUNCTIONS, *LAYERS)}
    (tmp_path / "model.keras").write_bytes(b"PK not ours")
    assert read_saved_layers(tmp_path / "model.keras") == read_saved_layers(tmp_path / "none.keras") == []
