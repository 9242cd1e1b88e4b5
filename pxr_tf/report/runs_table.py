"""The runs below a folder, a few lines each: a table of their long names would not fit a terminal."""

from collections.abc import Iterator, Sequence

import pandas as pd
from rich.console import Console

from pxr_tf.errors import count_words
from pxr_tf.evidence.summary import RunSummary
from pxr_tf.report.clock import duration_words
from pxr_tf.report.fitting import print_indented, print_paths
from pxr_tf.report.results import plus_minus


def print_runs(runs: Sequence[RunSummary], console: Console) -> None:
    """Print each run: its name, state, folder and warnings."""
    for run in runs:
        console.print(_title(run), style="bold", markup=False, highlight=False)
        for line in _lines(run):
            if line == str(run.folder):
                print_paths(console, "", f"  {line}")
            else:
                print_indented(console, line)
    finished = sum(run.finished for run in runs)
    console.print(f"{count_words(len(runs), 'run')}, {finished} finished", highlight=False)


def _title(run: RunSummary) -> str:
    if run.fault:
        return "Cannot be opened"
    names = dict.fromkeys((run.model, run.variant))  # a paper's own network may have the variant's name
    return f"{run.recipe}: {', '.join(names)}, {run.scheme}, seed {run.seed}"


def _lines(run: RunSummary) -> Iterator[str]:
    yield from () if run.fault else (_standing(run),)
    yield str(run.folder)
    yield from (run.fault,) if run.fault else ()
    yield from (f"Warning: {warning.text}" for warning in run.warnings)


def _standing(run: RunSummary) -> str:
    trained = f"{run.folds_done} of {count_words(run.folds, 'fold')} trained"
    parts = ["finished" if run.finished else trained, f"begun {run.started[:10]}"]
    parts += [] if pd.isna(run.minutes) else [f"took {duration_words(60 * run.minutes)}"]
    parts += [] if pd.isna(run.accuracy) else [f"accuracy {plus_minus(run.accuracy, run.sd, 1)} %"]
    return ", ".join(parts)
