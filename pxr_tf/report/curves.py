"""The curves of a run: loss and accuracy of each epoch, of all its folds in one figure."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pxr_tf.report.figures import SYNTHETIC_NOTE, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_NAMED_FOLDS = 10  # folds in the legend, two rows of six with what the lines mean


def draw_curves(histories: Mapping[str, pd.DataFrame], title: str, synthetic: bool) -> "Figure":
    """Return a figure: each fold (name -> its ``history.csv``) in a colour, training drawn through, validation dashed.

    Epochs are counted on through the phases; a dotted line stands where a phase begins.
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
    """Name the phases where they begin in this history; one phase alone needs no mark."""
    starts = history.reset_index(drop=True).drop_duplicates("phase")
    if len(starts) < 2:
        return
    for start, phase in zip(starts.index, starts.phase, strict=True):
        axes.axvline(start + 0.5, color="grey", linestyle=":", linewidth=1)
        place = axes.get_xaxis_transform()  # in epochs across, in shares of the axes up
        axes.text(start + 0.55, 1.015, phase, transform=place, fontsize=8, color="dimgrey")
