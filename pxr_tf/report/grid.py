"""A grid of experiments as one table: estimates for missing cells, results of finished cells."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.text import Text

from pxr_tf.evidence.deviations import deviation_note, read_deviations
from pxr_tf.evidence.files import read_readings
from pxr_tf.evidence.paper import comparable_row
from pxr_tf.evidence.seeds import name_owners
from pxr_tf.report.clock import duration_words
from pxr_tf.report.figures import SYNTHETIC_NOTE
from pxr_tf.report.fitting import FittedTable
from pxr_tf.report.results import mean_sd, print_warnings
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.runs.info import LEAKY, RunInfo

if TYPE_CHECKING:
    import pandas as pd

    from pxr_tf.studies.estimate import Estimate


class GridCell(NamedTuple):
    """One experiment of the grid and its state."""

    info: RunInfo  # without origin and warnings until the run is finished
    run: FinishedRun | None = None  # None until it is finished
    failure: str = ""


def print_estimates(console: Console, estimates: "Mapping[tuple[str, str], Estimate]") -> None:
    """Print the estimated time, memory and disk space of each missing cell, by (backbone, variant)."""
    table = FittedTable("To be done")
    for name in ("backbone", "variant", "time", "memory", "disk"):
        table.add_column(name, justify="left" if name in ("backbone", "variant") else "right")
    for (backbone, variant), estimate in estimates.items():
        time = ("at most " if estimate.at_most else "about ") + duration_words(estimate.seconds)
        table.add_row(backbone, variant, time, _bytes(estimate.memory), _bytes(estimate.disk))
    total = sum(estimate.seconds for estimate in estimates.values())
    table.add_section()
    time = ("at most " if any(estimate.at_most for estimate in estimates.values()) else "") + duration_words(total)
    memory = max(estimate.memory for estimate in estimates.values())  # one cell runs at a time
    table.add_row("all", "", time, _bytes(memory), _bytes(sum(estimate.disk for estimate in estimates.values())))
    console.print(table)


def print_cells(console: Console, cells: Sequence[GridCell]) -> None:
    """Print the grid in percent, mean ± sd over folds, then the warnings.

    Columns: accuracy on balanced folds, the paper's, then accuracy and balanced accuracy on all held-out images.
    """
    console.print(cells_table(cells))
    print_warnings(name_owners([(title_of(cell), cell.run.info.warnings) for cell in cells if cell.run]), console)
    for note in deviation_notes(cells):
        console.print(Text(note, style="dim"))


def cells_table(cells: Sequence[GridCell]) -> FittedTable:
    """Return the table of the grid."""
    cells = [cell._replace(info=cell.run.info) if cell.run else cell for cell in cells]
    finished = [cell.info for cell in cells if cell.run]
    notes = [SYNTHETIC_NOTE] if any(info.origin == "synthetic" for info in finished) else []
    notes += [f"State leaky: the run has a {LEAKY}"] if any(info.leaky for info in finished) else []
    table = FittedTable("\n".join(notes))
    table.add_column("backbone")
    table.add_column("variant")
    for name in ("balanced folds", "paper", "all images", "bal. acc."):
        table.add_column(name, justify="right")
    table.add_column("state")
    for cell in cells:
        table.add_row(*_row(cell))
    return table


def deviation_notes(cells: Sequence[GridCell]) -> list[str]:
    """Return how finished cells differ from the paper, each note once, preceded by its cells unless it is of all."""
    notes: dict[str, list[str]] = {}
    finished = [cell for cell in cells if cell.run]
    for cell in finished:
        note = deviation_note(read_deviations(cell.run))
        if note:
            notes.setdefault(note, []).append(title_of(cell))
    return [note if len(titles) == len(finished) else f"{'; '.join(titles)}: {note}" for note, titles in notes.items()]


def title_of(cell: GridCell) -> str:
    """Return the backbone and the variant of a cell."""
    return f"{cell.info.model}, {cell.info.variant}"


def _row(cell: GridCell) -> list[str]:
    paper = comparable_row(cell.info)
    accuracy = paper.value("accuracy") if paper else None
    row = [cell.info.model, cell.info.variant]
    theirs = "-" if accuracy is None else f"{100 * accuracy:.2f}"
    if cell.run is None:
        return [*row, "", theirs, "", "", "failed" if cell.failure else "to do"]
    readings = read_readings(cell.run)
    balanced = _tight(readings["balanced"], "accuracy") if "balanced" in readings else "-"
    every = [_tight(readings["all"], metric) for metric in ("accuracy", "balanced_accuracy")]
    return [*row, balanced, theirs, *every, "leaky" if cell.info.leaky else "done"]


def _tight(table: "pd.DataFrame", metric: str) -> str:
    """Return ``87.3±1.2``: with spaces, the longest backbone's row would not fit in 80 columns."""
    return mean_sd(table, "all", metric).replace(" ", "")


def _bytes(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"
