"""The runs below a folder as a table."""

from collections.abc import Sequence

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from pxr_tf.errors import count_words
from pxr_tf.evidence.summary import RunSummary
from pxr_tf.report.clock import duration_words
from pxr_tf.report.results import plus_minus


def print_runs(runs: Sequence[RunSummary], console: Console) -> None:
    """Print a line per run; below the table, where each lies and what makes its numbers doubtful."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("#", "recipe", "variant", "model", "scheme"):
        table.add_column(name, overflow="fold")
    for name in ("seed", "acc. %", "took"):
        table.add_column(name, justify="right")
    table.add_column("state", overflow="fold")
    for number, run in enumerate(runs, start=1):
        table.add_row(str(number), *_cells(run))
    console.print(table)
    for number, run in enumerate(runs, start=1):
        console.print(f"{number}: {run.folder}", markup=False, highlight=False, soft_wrap=True)
        if run.fault:
            console.print(f"   {run.fault}", markup=False, highlight=False, soft_wrap=True)
        for warning in run.warnings:
            console.print(f"   Warning: {warning.text}", markup=False, highlight=False)


def _cells(run: RunSummary) -> list[str]:
    if run.fault:
        return ["", "", "", "", "", "", "", "cannot be opened"]
    accuracy = "" if pd.isna(run.accuracy) else plus_minus(run.accuracy, run.sd, 1).replace(" ", "")
    took = "" if pd.isna(run.minutes) else duration_words(60 * run.minutes)
    return [run.recipe, run.variant, run.model, run.scheme, str(run.seed), accuracy, took, _state(run)]


def _state(run: RunSummary) -> str:
    when = run.started[:10]
    if run.folds_done < run.folds:
        return f"{run.folds_done} of {count_words(run.folds, 'fold')}, begun {when}"
    return f"finished, {when}" + (f", {count_words(len(run.warnings), 'warning')}" if run.warnings else "")
