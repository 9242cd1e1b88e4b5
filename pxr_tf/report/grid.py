"""A grid of experiments as one table: what each cell will cost, and, as it fills up, what came out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from pxr_tf.config import Experiment
from pxr_tf.experiments.estimate import Estimate
from pxr_tf.report.figures import SYNTHETIC_NOTE
from pxr_tf.report.progress import duration_words
from pxr_tf.report.results import comparable_cell, is_synthetic_run, mean_sd, read_reading


class Cell(NamedTuple):
    """One experiment of the grid and how it stands."""

    experiment: Experiment
    folder: Path | None = None  # of a finished run
    failure: str = ""


def print_estimates(console: Console, estimates: Mapping[tuple[str, int], Estimate]) -> None:
    """Print about how long each cell that is missing will take, and what it needs."""
    table = Table(title="To be done", title_justify="left", title_style="bold")
    for name in ("backbone", "strategy", "time", "memory", "disk"):
        table.add_column(name, justify="left" if name == "backbone" else "right")
    for (backbone, strategy), estimate in estimates.items():
        table.add_row(backbone, str(strategy), _time(estimate), _bytes(estimate.memory), _bytes(estimate.disk))
    total = sum(estimate.seconds for estimate in estimates.values())
    table.add_section()
    table.add_row(
        "all",
        "",
        ("at most " if any(estimate.at_most for estimate in estimates.values()) else "") + duration_words(total),
        _bytes(max(estimate.memory for estimate in estimates.values())),
        _bytes(sum(estimate.disk for estimate in estimates.values())),
    )
    console.print(table)


def print_cells(console: Console, cells: Sequence[Cell]) -> None:
    """Print the grid, in percent, mean ± sd over folds, and below it why cells failed.

    Columns: accuracy on balanced folds beside the paper's, accuracy and balanced accuracy on all held-out images.
    """
    synthetic = any(cell.folder and is_synthetic_run(cell.folder) for cell in cells)
    table = Table(
        title=SYNTHETIC_NOTE if synthetic else None, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=0
    )
    table.add_column("backbone", no_wrap=True)
    for name in ("strategy", "balanced folds", "paper", "all images", "bal. acc."):
        table.add_column(name, justify="right")
    table.add_column("state")
    for cell in cells:
        table.add_row(*_row(cell))
    console.print(table)
    for cell in cells:
        if cell.failure:
            name = f"{cell.experiment.model.backbone}, strategy {cell.experiment.strategy}"
            console.print(f"{name} failed: {cell.failure}", markup=False)


def _row(cell: Cell) -> list[str]:
    experiment = cell.experiment
    paper = comparable_cell(experiment)
    row = [experiment.model.backbone, str(experiment.strategy)]
    theirs = f"{100 * paper.accuracy:.2f}" if paper else "-"
    if cell.folder is None:
        return [*row, "", theirs, "", "", "failed" if cell.failure else "to do"]
    balanced, every = (read_reading(cell.folder, experiment, reading) for reading in ("balanced", "all"))
    ours = [mean_sd(balanced, "all", "accuracy"), mean_sd(every, "all", "accuracy")]
    return [*row, ours[0], theirs, ours[1], mean_sd(every, "all", "balanced_accuracy"), "done"]


def _time(estimate: Estimate) -> str:
    return ("at most " if estimate.at_most else "about ") + duration_words(estimate.seconds)


def _bytes(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"
