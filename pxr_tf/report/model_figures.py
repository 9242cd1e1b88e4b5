"""Figures of what a model has learned: its first filters, its coefficients, and feature maps of a picture."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from pxr_tf.errors import count_words
from pxr_tf.explain.model_figures_file import Maps, Tiles
from pxr_tf.report.figures import SYNTHETIC_NOTE, new_figure, picture_sheet, wrap_name
from pxr_tf.report.fonts import show_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 8  # tiles in a row
_TILE = 1.15  # inches; 138 pixels in the file
SMALLEST = 48  # pixels; smaller tiles are enlarged, or the gaps would be as wide as the tiles
_BAR = {"aspect": 30, "shrink": 0.9}  # shape of the colour bar
EXTREMES = 99.5  # percentile of absolute values with the full colour, so that a few pixels do not pale all others


def draw_filters(filters: Tiles, title: str, synthetic: bool) -> "Figure":
    """Return a figure of filters on one colour scale; white is 0."""
    from matplotlib import colormaps

    count = len(filters.values)
    rows, columns = -(-count // _COLUMNS), min(count, _COLUMNS)
    figure = new_figure(max(columns, 4) * _TILE + 1.0, rows * _TILE + 1.0, layout="constrained")
    axes = figure.add_subplot()
    sheet = _sheet(filters.values, columns)
    colours = colormaps["RdBu_r"].with_extremes(bad="0.3")  # gaps: white means 0, so filters would run together
    shown = axes.imshow(sheet, cmap=colours, **_around_zero(filters.values))
    figure.colorbar(shown, ax=axes, label="weight", extend="both", **_BAR)
    height, width = filters.values.shape[1:]
    which = f"all {count}" if count == filters.total else f"the {count} of {filters.total} with the largest weights"
    _head(figure, [axes], f"{title}\nfilters of the first layer, {height} x {width}: {which}", synthetic)
    return figure


def draw_coefficients(images: Mapping[str, np.ndarray], title: str, synthetic: bool) -> "Figure":
    """Return a figure with a coefficient image per class, on one colour scale; white is 0."""
    count = len(images)
    columns = min(count, 4)
    rows = -(-count // columns)
    figure = new_figure(columns * 3.0 + 1.2, rows * 3.2 + 0.9, layout="constrained")
    limits = _around_zero(np.stack(list(images.values())))
    axes = []
    for place, (name, image) in enumerate(zip(show_names(list(images)), images.values(), strict=True), start=1):
        axes.append(figure.add_subplot(rows, columns, place))
        shown = axes[-1].imshow(image, cmap="RdBu_r", **limits)
        axes[-1].set_title(wrap_name(name), fontsize=10)
    figure.colorbar(shown, ax=axes, label="logit per unit of grey (-1 … 1)", extend="both", **_BAR)
    words = "coefficients: a bright pixel counts for the class where red, against it where blue"
    _head(figure, axes, f"{title}\n{words}", synthetic)
    return figure


def draw_feature_maps(name: str, maps: Maps, title: str, synthetic: bool) -> "Figure":
    """Return a figure: the picture as the model receives it, and below it each layer's maps, dark to bright.

    Each map has its own scale, from its smallest to its largest value: on a shared scale, weak maps would be black.
    """
    rows = [-(-len(tiles.values) // _COLUMNS) for tiles in maps.layers.values()]
    heights = [2.2, *(_TILE * count for count in rows)]
    figure = new_figure(_COLUMNS * _TILE + 0.3, sum(heights) + 0.35 * len(heights) + 0.7, layout="constrained")
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    axes = [figure.add_subplot(grid[place]) for place in range(len(heights))]
    axes[0].imshow(maps.picture, cmap="gray", vmin=0, vmax=255)
    axes[0].set_title(f"{name}, {maps.picture.shape[0]} x {maps.picture.shape[1]}", fontsize=9, loc="left")
    for place, (layer, tiles) in zip(axes[1:], maps.layers.items(), strict=True):
        place.imshow(_sheet(_stretched(tiles.values), _COLUMNS), cmap="viridis", vmin=0, vmax=1)
        place.set_title(_describe_maps(layer, tiles), fontsize=9, loc="left")
    for place in axes:
        place.set_anchor("W")
    _head(figure, axes, f"{title}\nfeature maps, each scaled from its smallest to its largest value", synthetic)
    return figure


def _describe_maps(layer: str, tiles: Tiles) -> str:
    count, height, width = tiles.values.shape
    which = count_words(count, "channel") if count == tiles.total else f"the first {count} of {tiles.total} channels"
    return f"{layer}: {which}, {height} x {width}"


def _sheet(tiles: np.ndarray, columns: int) -> np.ndarray:
    """Return float tiles [n, height, width] in rows, with white (NaN) between them."""
    repeat = -(-SMALLEST // min(tiles.shape[1:]))
    tiles = tiles.repeat(repeat, axis=1).repeat(repeat, axis=2)
    missing = -len(tiles) % columns if len(tiles) > columns else columns - len(tiles)
    full = np.concatenate([tiles, np.full((missing, *tiles.shape[1:]), np.nan, tiles.dtype)])
    return picture_sheet(full, columns, gap=max(1, tiles.shape[1] // 20), blank=np.nan)


def _stretched(maps: np.ndarray) -> np.ndarray:
    """Return each map scaled to 0-1; a constant map becomes 0."""
    low, high = maps.min((1, 2), keepdims=True), maps.max((1, 2), keepdims=True)
    return (maps - low) / np.where(high > low, high - low, 1)


def _around_zero(values: np.ndarray) -> dict[str, float]:
    """Return the limits of a colour scale with 0 in its middle."""
    limit = float(np.percentile(np.abs(values), EXTREMES)) or 1.0
    return {"vmin": -limit, "vmax": limit}


def _head(figure: "Figure", axes: list["Axes"], title: str, synthetic: bool) -> None:
    for place in axes:
        place.set_axis_off()
    figure.suptitle(f"{title}\n{SYNTHETIC_NOTE}" if synthetic else title, fontsize=10)
