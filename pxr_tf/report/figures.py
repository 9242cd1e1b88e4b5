"""Figures drawn with matplotlib and written to files."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pxr_tf.files import written_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SYNTHETIC_NOTE = "Synthetic phantoms, not patients"
CARD = 3.48  # inches: TensorBoard scales a picture, letters too, to the 348 pixels of its cards
MOST_NAMED_FOLDS = 10  # folds in the legend; with the two line styles they fill two rows of six


def new_figure(width: float, height: float, layout: str | None = None) -> "Figure":
    """Return an empty figure of this size in inches, without pyplot: threads share its state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def draw_confusion_matrix(counts: pd.DataFrame, title: str, synthetic: bool, *, card: bool = False) -> "Figure":
    """Return a figure of counts, for a file or a `card`; the colour is the share of the true class (row)."""
    size = (CARD, CARD) if card else (5.2, 5.0)  # four classes and three lines of title fit
    figure = new_figure(*size, layout="constrained")
    axes = figure.add_subplot()
    shares = counts / counts.sum(axis=1).clip(lower=1).to_numpy()[:, None]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = list(counts.columns)
    axes.set_xticks(range(len(names)), names, rotation=20)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(f"{title}\n{SYNTHETIC_NOTE}" if synthetic else title, fontsize=9 if card else 11)
    for row in range(len(names)):
        for column in range(len(names)):
            share = shares.iat[row, column]
            words = f"{counts.iat[row, column]}\n{share:.0%}"
            axes.text(column, row, words, ha="center", va="center", color="white" if share > 0.5 else "black")
    return figure


def write_figure(path: Path, figure: "Figure") -> None:
    """Write a figure as PNG, whole or not at all."""
    with written_whole(path) as partial:
        figure.savefig(partial, format="png", dpi=120)


def figure_pixels(figure: "Figure") -> np.ndarray:
    """Return a figure as uint8 [height, width, 3]."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()


def picture_sheet(pictures: np.ndarray, columns: int = 8, gap: int = 2, blank: float = 255) -> np.ndarray:
    """Return pictures [n, height, width] in rows as one picture of their type, with `blank` pixels in the gaps."""
    count, height, width = pictures.shape
    rows = -(-count // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), blank, pictures.dtype)
    for number, picture in enumerate(pictures):
        top, left = number // columns * (height + gap), number % columns * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def draw_curves(histories: Mapping[str, pd.DataFrame], title: str, synthetic: bool) -> "Figure":
    """Return a figure with a colour per fold (name -> its ``history.csv``); training is solid, validation dashed.

    Epochs are numbered across phases. A dotted line marks where a phase begins.
    """
    figure = new_figure(9.0, 4.4)  # inches
    figure.subplots_adjust(left=0.08, right=0.98, bottom=0.24, top=0.83, wspace=0.2)  # the layout engine takes 0.1 s
    figure.suptitle(f"{title}\n{SYNTHETIC_NOTE}" if synthetic else title, fontsize=11)
    for place, metric in enumerate(("loss", "accuracy"), start=1):
        axes = figure.add_subplot(1, 2, place, xlabel="epoch", ylabel=metric)
        for number, (fold, history) in enumerate(histories.items()):
            _draw_fold(axes, history, metric, fold, f"C{number}")
        _mark_phases(axes, next(iter(histories.values())))
        axes.set_xlim(0.5, max(map(len, histories.values())) + 0.5)
        axes.locator_params(axis="x", integer=True)
        axes.grid(alpha=0.25)
    _add_legend(figure, validates=any("val_loss" in history for history in histories.values()))
    return figure


def _draw_fold(axes: "Axes", history: pd.DataFrame, metric: str, fold: str, colour: str) -> None:
    epochs = np.arange(1, len(history) + 1)
    axes.plot(epochs, history[metric], color=colour, marker=".", label=fold)
    if f"val_{metric}" in history:
        axes.plot(epochs, history[f"val_{metric}"], "--", color=colour, marker=".", markerfacecolor="white")


def _add_legend(figure: "Figure", validates: bool) -> None:
    from matplotlib.lines import Line2D

    handles, names = figure.axes[0].get_legend_handles_labels()
    styles = {"training": "-", "validation": "--"} if validates else {"training": "-"}
    handles = [
        *(Line2D([], [], color="grey", linestyle=style) for style in styles.values()),
        *handles[:MOST_NAMED_FOLDS],
    ]
    figure.legend(handles, [*styles, *names[:MOST_NAMED_FOLDS]], loc="lower center", ncols=6, fontsize=8, frameon=False)


def _mark_phases(axes: "Axes", history: pd.DataFrame) -> None:
    """Mark where each phase of this history begins, with its name; a single phase gets no mark."""
    starts = history.reset_index(drop=True).drop_duplicates("phase")
    if len(starts) < 2:
        return
    for start, phase in zip(starts.index, starts.phase, strict=True):
        axes.axvline(start + 0.5, color="grey", linestyle=":", linewidth=1)
        place = axes.get_xaxis_transform()  # x in epochs, y as a share of the axes
        axes.text(start + 0.55, 1.015, phase, transform=place, fontsize=8, color="dimgrey")
