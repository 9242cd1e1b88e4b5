"""Figures of an audit, drawn from its tables: a matrix of flips, and robustness curves."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pxr_tf.report.figures import LARGEST, SYNTHETIC_NOTE, new_figure, wrap_name
from pxr_tf.report.fonts import show_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW, COLUMN = 0.27, 1.25  # inches of a cell in the matrix of flips
NAMED = 0.05  # share that flips from which a cell names the class that gains most
PANEL = 3.1  # inches of a panel's side


def draw_flips(table: pd.DataFrame, title: str, synthetic: bool) -> "Figure":
    """Return the matrix of `audit.counterfactuals`: a row per change, a column per class.

    A cell has the share of the class whose prediction changes, and the class that gains most. The colour is what
    exceeds the control. Cells without colour are controls.
    """
    table = table.fillna({"of": "", "to": ""})  # as they are in a file
    classes = list(table["class"].unique())
    changes = list(table[["change", "of"]].drop_duplicates().itertuples(index=False, name=None))
    keys = table[["change", "of", "class", "figure", "to"]].itertuples(index=False, name=None)
    values = dict(zip(keys, table.value, strict=True))
    width, height = COLUMN * len(classes) + 2.6, min(ROW * len(changes) + 1.5, LARGEST)
    figure = new_figure(width, height, layout="constrained")
    axes = figure.add_subplot()
    more = np.array([[values[change, of, name, "more flipped", ""] for name in classes] for change, of in changes])
    own = np.array([[of == name or change == "shift" for name in classes] for change, of in changes])
    axes.imshow(np.where(own, 0, more), cmap="Reds", vmin=0, vmax=1, aspect="auto")
    shown = dict(zip(classes, show_names(classes), strict=True))
    for row, (change, of) in enumerate(changes):
        for column, name in enumerate(classes):
            words = _cell(values, change, of, name, shown)
            colour = "grey" if own[row, column] else "white" if more[row, column] > 0.5 else "black"
            axes.text(column, row, words, ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(len(classes)), [wrap_name(shown[name]) for name in classes], fontsize=9)
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(changes)), [f"{change} of {shown[of]}" if of else change for change, of in changes])
    axes.tick_params(axis="y", labelsize=8, length=0)
    for row in range(1, len(changes)):
        if changes[row][0] != changes[row - 1][0] and changes[row][1]:
            axes.axhline(row - 0.5, color="lightgrey", linewidth=0.8)
    head = [*title.splitlines(), *([SYNTHETIC_NOTE] if synthetic else [])]
    axes.set_title("\n".join([*head, "Share of each class whose prediction changes"]), fontsize=10)
    axes.set_xlabel("colour: more than under the control; grey: controls", fontsize=8)
    return figure


def _cell(values: Mapping[tuple, float], change: str, of: str, name: str, shown: Mapping[str, str]) -> str:
    """Return the words of a cell: ``12 % (normal)``."""
    share = values[change, of, name, "flipped", ""]
    if np.isnan(share):
        return "-"
    most = max(shown, key=lambda to: values[change, of, name, "called", to])
    return f"{100 * share:.0f} %" + (f" ({shown[most]})" if share >= NAMED else "")


def draw_robustness(table: pd.DataFrame, title: str, synthetic: bool) -> "Figure":
    """Return the curves of `audit.robustness`: a panel per degradation, a line per class, balanced accuracy in black.

    The band is the 95 % interval of the balanced accuracy; the dotted line marks the mild strength.
    """
    kinds = list(table.degradation.unique())
    classes = [name for name in table["class"].unique() if name != "all"]
    columns = min(3, len(kinds))
    rows = -(-(len(kinds) + 1) // columns)  # the last panel has the legend
    figure = new_figure(columns * PANEL, rows * (PANEL - 0.5) + 0.5, layout="constrained")
    head = f"{title}\n{SYNTHETIC_NOTE}" if synthetic else title
    figure.suptitle(head, fontsize=11)
    for place, kind in enumerate(kinds, start=1):
        axes = figure.add_subplot(rows, columns, place)
        _draw_panel(axes, table[table.degradation == kind], classes)
        axes.set_title(kind, fontsize=10)
    handles, _ = figure.axes[0].get_legend_handles_labels()
    legend = figure.add_subplot(rows, columns, len(kinds) + 1)
    legend.axis("off")
    names = ["balanced accuracy", "mild strength", *(f"sensitivity, {name}" for name in show_names(classes))]
    legend.legend(handles, names, loc="center", fontsize=8, frameon=False)
    return figure


def _draw_panel(axes: "Axes", table: pd.DataFrame, classes: Sequence[str]) -> None:
    balanced = table[table.figure == "balanced_accuracy"]
    axes.plot(balanced.strength, balanced.value, "k-o", markersize=3, linewidth=1.8, label="all", zorder=3)
    axes.fill_between(balanced.strength, balanced.low, balanced.high, color="black", alpha=0.12, linewidth=0)
    axes.axvline(table.strength[table.mild == "yes"].iloc[0], color="grey", linestyle=":", label="mild")
    for number, name in enumerate(classes):
        own = table[(table.figure == "sensitivity") & (table["class"] == name)]
        axes.plot(own.strength, own.value, color=f"C{number}", marker=".", linewidth=1, label=name)
    axes.set(ylim=(-0.02, 1.02), xlabel=table.unit.iloc[0])
    axes.grid(alpha=0.25)


# name of a check's table -> the function that draws it from the table, a title, and whether the images are phantoms
FIGURES = {"counterfactuals": draw_flips, "robustness": draw_robustness}
