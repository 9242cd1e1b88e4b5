"""Figures drawn with matplotlib and written to files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pxr_tf.files import written_whole
from pxr_tf.report.fonts import fit_letters, show_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SYNTHETIC_NOTE = "Synthetic phantoms, not patients"
CARD = 3.48  # inches: TensorBoard scales a picture, letters too, to the 348 pixels of its cards
PNG = ("png",)  # always written: TensorBoard shows it
_WITHOUT_TIME = {"png": {}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}  # format -> metadata
CELL, LARGEST = 0.75, 60.0  # inches of a class in a confusion matrix, and of the whole; PNGs end at 65,535 pixels
SHORT_NAME, NAME_LETTERS, TITLE_LETTERS = 12, 28, 60  # letters of a name that need little turning; per line
MOST_NAMED_FOLDS = 10  # folds in the legend; with the two line styles they fill two rows of six


def new_figure(width: float, height: float, layout: str | None = None) -> "Figure":
    """Return an empty figure of this size in inches, without pyplot: threads share its state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def draw_confusion_matrix(counts: pd.DataFrame, title: str, synthetic: bool, *, card: bool = False) -> "Figure":
    """Return a figure of counts, for a file or a `card`; the colour is the share of the true class (row).

    The figure of a file grows with the classes; on a card, letters shrink.
    """
    names = [wrap_name(name) for name in show_names(counts.columns)]
    side = CARD if card else min(max(5.0, CELL * len(names)), LARGEST)
    size = min(10.0, 10.0 * side / (CELL * len(names)))  # points
    figure = new_figure(side if card else side + 0.2, side, layout="constrained")
    axes = figure.add_subplot()
    shares = counts / counts.sum(axis=1).clip(lower=1).to_numpy()[:, None]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    short = len(names) < 6 and max(map(len, names)) <= SHORT_NAME
    turned = {"rotation": 20} if short else {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(len(names)), names, fontsize=size, **turned)
    axes.set_yticks(range(len(names)), names, fontsize=size)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    lines = [*title.splitlines(), *([SYNTHETIC_NOTE] if synthetic else [])]
    axes.set_title("\n".join(fill(line, TITLE_LETTERS) for line in lines), fontsize=9 if card else 11)
    for row in range(len(names)):
        for column in range(len(names)):
            share = shares.iat[row, column]
            words = f"{counts.iat[row, column]}\n{share:.0%}"
            colour = "white" if share > 0.5 else "black"
            axes.text(column, row, words, ha="center", va="center", color=colour, fontsize=size)
    return figure


def figure_files(path: Path, formats: Sequence[str]) -> list[Path]:
    """Return the files of a figure whose PNG is `path`, one per format."""
    return [path.with_suffix(f".{kind}") for kind in formats]


def write_figure(path: Path, figure: "Figure", formats: Sequence[str] = PNG) -> None:
    """Write a figure to `path`, a PNG, and next to it in the other formats, each whole or not at all.

    The page is as large as all that is drawn, so no title or name is cut.
    """
    from matplotlib import rc_context

    fit_letters(figure)
    for file in figure_files(path, formats):
        kind = file.suffix[1:]
        with written_whole(file) as partial, rc_context({"svg.hashsalt": file.name}):  # the same bytes every time
            figure.savefig(partial, format=kind, dpi=120, bbox_inches="tight", metadata=_WITHOUT_TIME[kind])


def figure_pixels(figure: "Figure") -> np.ndarray:
    """Return a figure as uint8 [height, width, 3]."""
    fit_letters(figure)
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()


def wrap_name(name: str) -> str:
    """Return a class name in short lines, broken after underscores where possible."""
    return fill(name.replace("_", "_ "), NAME_LETTERS).replace("_ ", "_")


def picture_sheet(pictures: np.ndarray, columns: int = 8, gap: int = 2, blank: float = 255) -> np.ndarray:
    """Return pictures [n, height, width] in rows as one picture of their type, with `blank` pixels in the gaps."""
    count, height, width = pictures.shape
    rows = -(-count // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), blank, pictures.dtype)
    for number, picture in enumerate(pictures):
        top, left = number // columns * (height + gap), number % columns * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def draw_curves(
    histories: Mapping[str, pd.DataFrame], title: str, synthetic: bool, losses: Mapping[str, str] | None = None
) -> "Figure":
    """Return a figure with a colour per fold (name -> its ``history.csv``); training is solid, validation dashed.

    Epochs are numbered across phases. A dotted line marks where a phase begins, in the colour of the fold if folds
    differ. `losses`: phase -> what its loss adds to the cross-entropy; the loss is named where it changes, as values on
    both sides cannot be compared.
    """
    figure = new_figure(9.0, 4.4)  # inches
    figure.subplots_adjust(left=0.08, right=0.98, bottom=0.24, top=0.83, wspace=0.2)  # the layout engine takes 0.1 s
    figure.suptitle(f"{title}\n{SYNTHETIC_NOTE}" if synthetic else title, fontsize=11)
    for place, metric in enumerate(("loss", "accuracy"), start=1):
        draw_epochs(figure.add_subplot(1, 2, place), histories, metric, losses or {})
    _add_legend(figure, validates=any("val_loss" in history for history in histories.values()))
    return figure


def draw_epochs(
    axes: "Axes",
    histories: Mapping[str, pd.DataFrame],
    metric: str,
    losses: Mapping[str, str],
    colours: Sequence[str] = (),
) -> None:
    """Draw one metric of all folds over the epochs, as `draw_curves` does; `colours` of the folds, else "C0", ..."""
    axes.set(xlabel="epoch", ylabel=metric, xlim=(0.5, max(map(len, histories.values())) + 0.5))
    for number, (fold, history) in enumerate(histories.items()):
        _draw_fold(axes, history, metric, fold, colours[number % len(colours)] if colours else f"C{number}")
    _mark_phases(axes, histories, losses if metric == "loss" else {})
    axes.locator_params(axis="x", integer=True)
    axes.grid(alpha=0.25)


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


def _mark_phases(axes: "Axes", histories: Mapping[str, pd.DataFrame], losses: Mapping[str, str]) -> None:
    """Mark where each phase begins, with its name, and its loss if it is not that of the phase before."""
    starts = [
        history.reset_index(drop=True).drop_duplicates("phase").reset_index().set_index("phase")["index"]
        for history in histories.values()
    ]
    alike = len({tuple(one.items()) for one in starts}) == 1
    named: set[str] = set()
    for number, one in enumerate(starts[:1] if alike else starts):
        colour = "grey" if alike else f"C{number}"
        for start in one if len(one) > 1 else ():
            axes.axvline(start + 0.5, color=colour, linestyle=":", linewidth=1)
        _name_phases(axes, one[~one.index.isin(named)] if len(one) > 1 else one[:0], losses, list(one.index))
        named |= set(one.index) if len(one) > 1 else set()


def _name_phases(axes: "Axes", starts: pd.Series, losses: Mapping[str, str], order: list[str]) -> None:
    place = axes.get_xaxis_transform()  # x in epochs, y as a share of the axes
    for phase, start in starts.items():
        axes.text(start + 0.55, 1.015, phase, transform=place, fontsize=8, color="dimgrey")
        before = order[order.index(phase) - 1] if order.index(phase) else phase
        if losses.get(phase, "") != losses.get(before, ""):
            words = f"new loss:\n{losses.get(phase) or 'cross-entropy'}"
            axes.text(start + 0.55, 0.98, words, transform=place, fontsize=7, color="dimgrey", va="top")
