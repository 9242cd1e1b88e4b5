"""What a model has learned, compared with what its layers really do."""

import keras
import numpy as np
import pytest
from messages import UNKNOWN, matching, refused
from tiny import SIZE, TWO_LAYERS

from pxr_tf.explain.model_figures import (
    MOST_FILTERS,
    MOST_MAPS,
    coefficient_images,
    compute_feature_maps,
    first_filters,
    make_maps,
    make_model_figures,
    what_it_has,
)
from pxr_tf.models.classifier import build_classifier
from pxr_tf.models.scratch import build_linear, build_scratch

CLASSES = ("normal", "viral", "bacterial")
ALL = ("filters", "coefficients", "feature_maps")
PICTURE = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE), np.uint8)
SCALED = PICTURE.astype(np.float64) / 127.5 - 1


def linear(outputs: int = 3) -> keras.Model:
    generator = np.random.default_rng(1)
    return build_linear(generator.normal(size=(outputs, SIZE * SIZE)), generator.normal(size=outputs), SIZE)


def scratch(name: str, **sizes) -> keras.Model:
    return build_scratch(name, num_classes=3, image_size=SIZE, sizes=sizes)


def backbone() -> keras.Model:
    return build_classifier(TWO_LAYERS, num_classes=3, image_size=SIZE, weights="none")


def logits(model: keras.Model, picture: np.ndarray) -> np.ndarray:
    return np.asarray(keras.Model(model.input, model.get_layer("logits").output)(picture[None, ..., None]))[0]


MODELS = {
    "linear": (linear, ("coefficients",)),
    "feed_forward": (lambda: scratch("feed_forward", hidden_units=(6, 4)), ("filters",)),
    "small_cnn": (lambda: scratch("small_cnn"), ("filters", "feature_maps")),
    "leaky_cnn": (lambda: scratch("leaky_cnn", channels=(2, 3, 4)), ("filters", "feature_maps")),
    "backbone": (backbone, ("filters", "feature_maps")),
}


@pytest.mark.parametrize(("build", "has"), MODELS.values(), ids=MODELS)
def test_a_model_shows_what_it_has_and_says_so_if_it_lacks_what_is_asked(build, has):
    model = build()
    assert what_it_has(model) == has
    figures = make_model_figures(model, CLASSES, {"a": PICTURE}, ALL)
    assert figures.asked == ALL
    found = {"filters": figures.filters is not None, "coefficients": figures.coefficients}
    found["feature_maps"] = figures.feature_maps
    assert {what for what in ALL if found[what]} == set(has)
    looks = {
        "filters": lambda: first_filters(model),
        "coefficients": lambda: coefficient_images(model, CLASSES),
        "feature_maps": lambda: compute_feature_maps(model, PICTURE),
    }
    for what in set(ALL) - set(has):
        with refused(model.name, matching("show=")) as fault:
            looks[what]()
        assert ",".join(has) in str(fault.value)


def test_only_what_was_asked_for_is_computed():
    figures = make_model_figures(scratch("small_cnn"), CLASSES, {"a": PICTURE}, ("filters",))
    assert figures.asked == ("filters",)
    assert figures.filters.values.shape == (4, 3, 3)
    assert not figures.feature_maps


@pytest.mark.parametrize("outputs", [3, 1])
def test_a_coefficient_is_what_a_brighter_pixel_adds_to_the_logit(outputs):
    """A sigmoid output has one logit, for the second class."""
    model = linear(outputs)
    images = coefficient_images(model, CLASSES if outputs == 3 else CLASSES[:2])
    assert list(images) == (list(CLASSES) if outputs == 3 else ["viral"])
    brighter = PICTURE.copy()
    row, column = np.argwhere(PICTURE < 128)[7]
    brighter[row, column] += 100
    added = logits(model, brighter) - logits(model, PICTURE)
    expected = [image[row, column] * 100 / 127.5 for image in images.values()]
    np.testing.assert_allclose(added, expected, atol=1e-4)


def test_the_first_feature_maps_are_the_picture_after_the_first_filters():
    model = scratch("small_cnn")
    filters, maps = first_filters(model), compute_feature_maps(model, PICTURE)
    assert list(maps) == ["convolution_1", "feature_map"]
    assert maps["convolution_1"].shape == (4, SIZE - 2, SIZE - 2)
    patch = SCALED[5:8, 11:14]
    expected = [max(0, (patch * one).sum()) for one in filters]  # ReLU; the biases are 0 before training
    assert max(expected) > 0
    np.testing.assert_allclose(maps["convolution_1"][:, 5, 11], expected, atol=1e-5)


def test_a_backbones_filters_are_summed_over_its_three_channels():
    """Its input is the picture on three channels, scaled alike, so the feature map of a grey patch shows the sum."""
    model = backbone()
    filters, maps = first_filters(model), compute_feature_maps(model, PICTURE)
    assert filters.shape == (8, 5, 5)
    assert list(maps) == ["convolution", "feature_map"]
    patch = SCALED[4:9, 8:13]  # strides of 4
    expected = [max(0, (patch * one).sum()) for one in filters]
    assert max(expected) > 0
    np.testing.assert_allclose(maps["convolution"][:, 1, 2], expected, atol=1e-4)


def test_the_filter_of_a_fully_connected_unit_has_its_weights_at_the_pixels_positions():
    model = scratch("feed_forward", hidden_units=(6, 4))
    filters = first_filters(model)
    hidden = keras.Model(model.input, model.get_layer("fully_connected_1").output)(PICTURE[None, ..., None])
    np.testing.assert_allclose(np.asarray(hidden)[0], np.maximum(0, (filters * SCALED).sum((1, 2))), atol=1e-4)


def test_only_the_units_with_the_largest_weights_are_kept_in_their_order():
    model = scratch("feed_forward", hidden_units=(MOST_FILTERS + 6, 4))
    layer = model.get_layer("fully_connected_1")
    kernel, bias = layer.get_weights()
    kernel[:, [0, 5, 10, 15, 20, 69]] *= 0.01
    layer.set_weights([kernel, bias])
    kept = make_model_figures(model, CLASSES, {}, ALL).filters
    assert kept.total == MOST_FILTERS + 6
    strong = [unit for unit in range(kept.total) if unit not in (0, 5, 10, 15, 20, 69)]
    np.testing.assert_array_equal(kept.values, first_filters(model)[strong])


def test_default_layers_are_convolutions_and_the_feature_map_and_any_other_layer_can_be_named():
    model = scratch("leaky_cnn", channels=(2, 3, MOST_MAPS + 4))
    maps = make_maps(model, PICTURE)
    assert list(maps.layers) == ["convolution_1", "convolution_2", "convolution_3", "feature_map"]
    assert maps.layers["feature_map"].total == MOST_MAPS + 4
    assert maps.layers["feature_map"].values.shape == (MOST_MAPS, SIZE // 4, SIZE // 4)
    np.testing.assert_array_equal(
        maps.layers["feature_map"].values, compute_feature_maps(model, PICTURE)["feature_map"][:MOST_MAPS]
    )
    (alone,) = make_maps(model, PICTURE, ["pooling_1"], most=1).layers.values()
    assert alone.values.shape == (1, SIZE // 2, SIZE // 2)


@pytest.mark.parametrize("name", ["convolution_9", "image", "flatten", ""])
def test_a_layer_without_feature_maps_is_refused(name):
    with refused(UNKNOWN, "layer", "small_cnn", matching("scaling, conv")) as fault:
        compute_feature_maps(scratch("small_cnn"), PICTURE, [name])
    assert ("Did you mean 'convolution_1'?" in str(fault.value)) == (name == "convolution_9")
