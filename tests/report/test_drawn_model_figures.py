"""Figures of filters, coefficients and feature maps: titles, colour scales, places of tiles."""

import numpy as np
import pytest

from pxr_tf.explain.model_figures_file import Maps, Tiles
from pxr_tf.report.model_figures import draw_coefficients, draw_feature_maps, draw_filters

GENERATOR = np.random.default_rng(0)
NOTE = "Synthetic phantoms, not patients"


def values(count: int, size: int = 60) -> np.ndarray:
    return GENERATOR.normal(size=(count, size, size)).astype(np.float32)


def pixels(axes) -> np.ma.MaskedArray:
    return axes.images[0].get_array()


MAPS = Maps(np.zeros((8, 8), np.uint8), {"convolution_1": Tiles(values(3), 3), "feature_map": Tiles(values(12), 99)})


@pytest.mark.parametrize("synthetic", [True, False])
@pytest.mark.parametrize(
    "draw",
    [
        lambda synthetic: draw_filters(Tiles(values(2), 2), "A run", synthetic),
        lambda synthetic: draw_coefficients({"viral": values(1)[0]}, "A run", synthetic),
        lambda synthetic: draw_feature_maps("a.jpeg", MAPS, "A run", synthetic),
    ],
    ids=["filters", "coefficients", "feature maps"],
)
def test_a_figure_names_its_run_and_says_if_pictures_are_synthetic(draw, synthetic):
    title = draw(synthetic).get_suptitle()
    assert title.startswith("A run\n")
    assert (NOTE in title) == synthetic


@pytest.mark.parametrize(("scale", "total", "words"), [(1, 10, "all 10"), (-3, 64, "the 10 of 64 with the largest")])
def test_filters_are_in_rows_of_eight_on_one_scale_around_zero(scale, total, words):
    filters = Tiles(values(10) * scale, total)
    figure = draw_filters(filters, "A run", synthetic=False)
    assert f"60 x 60: {words}" in figure.get_suptitle()
    sheet, image = pixels(figure.axes[0]), figure.axes[0].images[0]
    assert sheet.shape == (2 * 63 - 3, 8 * 63 - 3)  # gaps of 3
    np.testing.assert_array_equal(sheet[:60, :60], filters.values[0])
    np.testing.assert_array_equal(sheet[63:, 63:123], filters.values[9])
    assert sheet.mask[:60, 60:63].all() and sheet.mask[63:, 126:].all()
    assert image.norm.vmin == -image.norm.vmax
    assert image.norm.vmax == pytest.approx(np.percentile(np.abs(filters.values), 99.5))


def test_small_filters_are_enlarged_pixel_by_pixel():
    filters = Tiles(values(2, size=3), 2)
    sheet = pixels(draw_filters(filters, "A run", synthetic=False).axes[0])
    assert sheet.shape == (48, 48 + 2 + 48)
    np.testing.assert_array_equal(sheet[:48:16, :48:16], filters.values[0])
    assert (sheet[:16, :16] == filters.values[0, 0, 0]).all()


def test_filters_that_are_all_zero_can_be_drawn():
    draw_filters(Tiles(np.zeros((2, 3, 3), np.float32), 2), "A run", synthetic=False)


def test_each_class_has_its_coefficient_image_on_one_scale():
    images = {name: values(1)[0] * number for number, name in enumerate(("normal", "viral", "bacterial"), start=1)}
    *axes, bar = draw_coefficients(images, "A run", synthetic=False).axes
    assert [place.get_title() for place in axes] == list(images)
    assert len({place.images[0].norm.vmax for place in axes}) == 1
    assert axes[0].images[0].norm.vmin == -axes[0].images[0].norm.vmax
    assert bar.get_ylabel() == "logit per unit of grey (-1 … 1)"


def test_feature_maps_are_below_the_picture_each_with_its_own_scale():
    layers = {**MAPS.layers, "dead": Tiles(np.full((1, 4, 4), 7, np.float32), 1)}
    picture, first, last, dead = draw_feature_maps("set/a.jpeg", MAPS._replace(layers=layers), "A run", False).axes
    assert picture.get_title("left") == "set/a.jpeg, 8 x 8"
    assert first.get_title("left") == "convolution_1: 3 channels, 60 x 60"
    assert last.get_title("left") == "feature_map: the first 12 of 99 channels, 60 x 60"
    for number in range(3):
        tile = pixels(first)[:60, 63 * number : 63 * number + 60]
        assert (tile.min(), tile.max()) == (0, 1)
        assert tile.argmax() == MAPS.layers["convolution_1"].values[number].argmax()
    assert pixels(dead)[:48, :48].max() == 0  # a constant map does not divide by zero
