"""The curves of a run: loss and accuracy of each epoch, of all its folds in one figure."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pxr_tf.report.figures import SYNTHETIC_NOTE, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple", "tab:brown", "tab:pink", "tab:olive")


def draw_curves(histories: Mapping[str, pd.DataFrame], title: str, synthetic: bool) -> "Figure":
    """Return a figure: each fold (name -> its ``history.csv``) in a colour, training drawn through, validation dashed.

    Epochs are counted on through the phases; a dotted line stands where a phase begins.
    """
    figure = new_figure(9.0, 4.4)  # inches
    figure.subplots_adjust(left=0.08, right=0.98, bottom=0.22, top=0.78, wspace=0.2)  # `constrained` takes 0.1 s
    figure.suptitle(f"{title}\n{SYNTHETIC_NOTE}" if synthetic else title, fontsize=11)
    for place, (metric, words) in enumerate((("loss", "loss"), ("accuracy", "accuracy")), start=1):
        axes = figure.add_subplot(1, 2, place)
        for number, (fold, history) in enumerate(histories.items()):
            _draw_fold(axes, history, metric, fold, COLOURS[number % len(COLOURS)])
        _mark_phases(axes, histories)
        axes.set_xlabel("epoch")
        axes.set_ylabel(words)
        axes.margins(x=0.03)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.25)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=6, fontsize=8, frameon=False)
    return figure


def _draw_fold(axes: "Axes", history: pd.DataFrame, metric: str, fold: str, colour: str) -> None:
    epochs = np.arange(1, len(history) + 1)
    marker = "o" if len(history) == 1 else "."  # one epoch is no line
    axes.plot(epochs, history[metric], color=colour, marker=marker, label=f"{fold}, training")
    if f"val_{metric}" in history:
        dashed = {"linestyle": "--", "marker": marker, "markerfacecolor": "white"}
        axes.plot(epochs, history[f"val_{metric}"], color=colour, label=f"{fold}, validation", **dashed)


def _mark_phases(axes: "Axes", histories: Mapping[str, pd.DataFrame]) -> None:
    """Name the phases where they begin, those of the first fold; a run of one phase has nothing to mark."""
    history = next(iter(histories.values()))
    starts = history.reset_index(drop=True).drop_duplicates("phase")
    if len(starts) < 2:
        return
    for start, phase in zip(starts.index, starts.phase, strict=True):
        axes.axvline(start + 0.5, color="grey", linestyle=":", linewidth=1)
        place = axes.get_xaxis_transform()  # in epochs across, in shares of the axes up
        axes.text(start + 0.55, 1.01, phase, transform=place, fontsize=8, color="dimgrey")
