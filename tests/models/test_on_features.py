"""A new head on another classifier's features is saved as one model, and only the seed decides its weights."""

import keras
import numpy as np
import pytest
from tiny import SIZE, TWO_LAYERS

from pxr_tf.models.classifier import build_classifier, build_on_features, feature_extractor, feature_source
from pxr_tf.models.model_file import load_classifier, save_classifier
from pxr_tf.models.scratch import build_scratch
from pxr_tf.vocabulary.model import OnFeatures

PICTURES = np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 1)).astype(np.uint8)
CARD = {"classes": ["a", "b", "c"], "image": {"size": SIZE, "resize": "squash"}}
HEAD = OnFeatures(of="stage1", hidden_units=(5,), activation="sigmoid", dropout=(0.5,))
FIRST = {
    "backbone": lambda: build_classifier(TWO_LAYERS, num_classes=2, image_size=SIZE, weights="none"),
    "feed_forward": lambda: build_scratch(
        "feed_forward", num_classes=2, image_size=SIZE, sizes={"hidden_units": (6, 4)}
    ),
}


def predict(model: keras.Model) -> np.ndarray:
    return np.asarray(model.predict_on_batch(PICTURES))


@pytest.mark.parametrize(
    ("name", "channels", "source"), [("backbone", 8, "features"), ("feed_forward", 4, "input of logits")]
)
def test_the_head_uses_the_features_of_stage_one_and_is_saved_with_them(tmp_path, name, channels, source):
    first = FIRST[name]()
    assert feature_source(first) == source
    features = predict(feature_extractor(first))
    assert features.shape == (3, channels)
    model = build_on_features(first, num_classes=3, head=HEAD, seed=1)
    np.testing.assert_array_equal(predict(feature_extractor(model)), features)
    head = model.get_layer("head")
    assert [layer.name for layer in head.layers[1:4]] == ["fully_connected_1", "dropout_1", "logits"]
    np.testing.assert_allclose(predict(model), head.predict_on_batch(features), rtol=1e-5)
    save_classifier(model, tmp_path / "model.keras", CARD)
    loaded, _ = load_classifier(tmp_path / "model.keras")
    np.testing.assert_array_equal(predict(loaded), predict(model))
    assert [layer.name for layer in loaded.layers if isinstance(layer, keras.Model)] == ["head"]
    again = build_on_features(loaded, num_classes=3, head=HEAD, seed=1)  # a third stage, from a file
    for ours, theirs in zip(again.get_layer("head").get_weights(), head.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    other = build_on_features(FIRST[name](), num_classes=3, head=HEAD, seed=2)
    assert not np.array_equal(other.get_layer("head").get_weights()[0], head.get_weights()[0])
