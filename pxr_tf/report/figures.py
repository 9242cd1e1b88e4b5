"""Figures, as matplotlib draws them to files."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pxr_tf.files import written_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SYNTHETIC_NOTE = "Synthetic phantoms, not patients"


def new_figure(width: float, height: float, layout: str | None = None) -> "Figure":
    """Return an empty figure of this size in inches, without pyplot, whose state is shared between threads."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def draw_confusion_matrix(counts: pd.DataFrame, title: str, synthetic: bool) -> "Figure":
    """Return a matplotlib figure: counts, coloured by the share of each true class (rows)."""
    figure = new_figure(5.2, 5.0, layout="constrained")  # four classes and three lines of title fit
    axes = figure.add_subplot()
    shares = counts / counts.sum(axis=1).clip(lower=1).to_numpy()[:, None]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = list(counts.columns)
    axes.set_xticks(range(len(names)), names, rotation=20)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(f"{title}\n{SYNTHETIC_NOTE}" if synthetic else title, fontsize=11)
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
    """Return pictures [n, height, width] laid out in rows, as one of their kind, with `blank` pixels between them."""
    count, height, width = pictures.shape
    rows = -(-count // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), blank, pictures.dtype)
    for number, picture in enumerate(pictures):
        top, left = number // columns * (height + gap), number % columns * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet
