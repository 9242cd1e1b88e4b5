"""A run's results: the files next to its predictions, and the tables on the screen."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from rich.console import Console
from rich.text import Text

from pxr_tf import rundir
from pxr_tf.data.run_warnings import RunWarning
from pxr_tf.errors import count_words
from pxr_tf.evaluation import metrics, roc
from pxr_tf.evaluation.published import PaperRow
from pxr_tf.evaluation.roc import MeanPoints
from pxr_tf.evidence.deviations import deviation_note, read_deviations
from pxr_tf.evidence.files import read_readings, read_run_points, tables_are_whole, write_tables
from pxr_tf.evidence.intervals import unit_of_table, unit_words
from pxr_tf.evidence.paper import OVERALL, auc_of, class_words, comparable_row, overall_words, paper_notes, prints
from pxr_tf.evidence.seeds import SeedsTable
from pxr_tf.evidence.verdicts import read_verdicts, summarise_verdicts
from pxr_tf.report.drawings import expected_drawings, write_drawings
from pxr_tf.report.figures import PNG, SYNTHETIC_NOTE, draw_confusion_matrix, figure_files, write_figure
from pxr_tf.report.fitting import FittedTable, print_paths
from pxr_tf.report.fonts import describe_hidden
from pxr_tf.report.roc import NOTHING_CHOSEN, draw_roc, points_table
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.runs.info import LEAKY, RunInfo

CONFUSION_FIGURE, ROC_FIGURE = "confusion_matrix.png", "roc.png"
PER_CLASS = {"Precision": "precision", "Sensitivity": "sensitivity", "F1": "f1", "Spec.": "specificity", "AUC": "auc"}


def write_results(run: FinishedRun, formats: Sequence[str] = PNG) -> None:
    """Write the tables and figures of a finished run, each figure in all formats."""
    tables, info = write_tables(run), run.info
    synthetic, name = info.origin == "synthetic", f"{info.name}: {info.title}"
    reading = _reading_words(next(iter(read_readings(run))))
    counted = f"{info.title}, {count_words(int(tables.counts.to_numpy().sum()), 'held-out image')}"
    confusion = draw_confusion_matrix(tables.counts, counted, synthetic)
    write_figure(run.folder / CONFUSION_FIGURE, confusion, formats)
    curves = draw_roc(tables.curves, tables.points, f"{name}\n{reading}", synthetic, info.classes)
    write_figure(run.folder / ROC_FIGURE, curves, formats)
    write_drawings(run, name, synthetic, formats)


def is_written(run: FinishedRun, formats: Sequence[str] = PNG) -> bool:
    """Return whether all result files exist, figures in all formats."""
    drawn = [*(run.folder / name for name in (CONFUSION_FIGURE, ROC_FIGURE)), *expected_drawings(run)]
    return tables_are_whole(run) and all(file.exists() for path in drawn for file in figure_files(path, formats))


def print_results(run: FinishedRun, console: Console) -> None:
    """Print the table of a finished run; if the paper has figures, next to them and on the same kind of test rows."""
    info, tables = run.info, read_readings(run)
    row = comparable_row(info)
    row = row if row and row.paper.test_rows in tables else None
    reading = row.paper.test_rows if row else next(iter(tables))
    console.print()
    console.print(_class_table(info, tables[reading], row, reading))
    console.print(_interval_table(info, tables[reading]))
    for other, table in tables.items():
        paper = row if other == reading else None
        console.print(_accuracy_line(info, table, other, paper, why=len(tables) > 1), highlight=False)
    console.print(Text(_spread_note(tables[reading]), style="dim"))
    print_points(roc.mean_points(read_run_points(run)), "folds", console)
    print_warnings(info.warnings, console)
    counted = int(metrics.value_of(tables[reading], "pooled", "all", "support"))
    compared = paper_notes(info, row, counted, deviation_note(read_deviations(run)))
    verdicts = summarise_verdicts(read_verdicts(run)) if row else ""
    for note in filter(None, [verdicts, *compared, describe_hidden(info.classes)]):
        console.print(Text(note, style="dim"))
    _print_place(run, console)


def print_seeds(seeds: SeedsTable, console: Console) -> None:
    """Print mean ± sd over runs that differ in their seed, next to each seed's own, on the rows of ``metrics.csv``."""
    info = seeds.info
    title = f"{info.title} ({info.name})\n{count_words(len(seeds.tables), 'seed')}, {_reading_words(seeds.reading)}"
    shown = make_table(title, info)
    shown.add_column("%")
    for name in ("mean ± sd", *(f"seed {seed}" for seed in seeds.tables)):
        shown.add_column(name, justify="right")
    summary = seeds.summary.set_index(["class", "metric"])
    rows = [("accuracy", "all", "accuracy"), ("balanced accuracy", "all", "balanced_accuracy")]
    rows += [(f"sensitivity {name}", name, "sensitivity") for name in info.classes]
    for words, name, metric in rows:
        overall = plus_minus(summary["mean"][name, metric], summary["sd"][name, metric], 1)
        shown.add_row(words, overall, *(mean_sd(table, name, metric) for table in seeds.tables.values()))
    console.print(shown)
    print_points(seeds.points, "seeds", console)
    print_warnings(info.warnings, console)


def print_points(found: MeanPoints, over: str, console: Console) -> None:
    """Print the operating points, or that no threshold was chosen; `over`: what mean and sd are over."""
    table = points_table(found, over)
    console.print(f"[dim]{NOTHING_CHOSEN}[/dim]" if table is None else table)


def print_warnings(warnings: Iterable[RunWarning], console: Console) -> None:
    """Print each different warning once; call this under every table."""
    for text in dict.fromkeys(warning.text for warning in warnings):
        console.print(Text.assemble(("Warning: ", "bold yellow"), text))


def mean_sd(table: pd.DataFrame, name: str, metric: str, digits: int = 1) -> str:
    """Return a metric over the folds as text, in percent: ``87.3 ± 1.2``; ``87.3`` if there is one fold."""
    mean, sd = (metrics.value_of(table, fold, name, metric) for fold in ("mean", "sd"))
    return plus_minus(mean, sd, digits)


def interval_words(table: pd.DataFrame, name: str, metric: str) -> str:
    """Return the interval of the mean over folds in percent: ``86.1-88.4``; "" without one."""
    low, high = (metrics.value_of(table, "mean", name, metric, end) for end in ("low", "high"))
    return "" if np.isnan(low) else f"{100 * low:.1f}-{100 * high:.1f}"


def plus_minus(mean: float, sd: float, digits: int) -> str:
    """Return two fractions as text, in percent; the mean alone if sd is NaN."""
    return f"{100 * mean:.{digits}f}" + ("" if np.isnan(sd) else f" ± {100 * sd:.{digits}f}")


def make_table(title: str, info: RunInfo) -> FittedTable:
    """Return an empty table; its title says if its figures are about phantoms."""
    if info.origin == "synthetic":
        title += f"\n{SYNTHETIC_NOTE}: these figures say nothing about medicine"
    return FittedTable(title)


def _class_table(info: RunInfo, table: pd.DataFrame, row: PaperRow | None, reading: str) -> FittedTable:
    title = f"{info.title} ({info.name}), {_reading_words(reading)}"
    shown = make_table(title, info)
    shown.add_column("%")
    for words, metric in PER_CLASS.items():
        shown.add_column(words, justify="right")
        if prints(row, metric):
            shown.add_column("paper", justify="right", style="cyan")
    shown.add_column("n", justify="right")
    for name in info.classes:
        cells = [name]
        for metric in PER_CLASS.values():
            with_sd = metric in ("precision", "sensitivity", "f1")
            mean = f"{100 * metrics.value_of(table, 'mean', name, metric):.1f}"
            cells.append(mean_sd(table, name, metric).replace(" ", "") if with_sd else mean)
            if row and prints(row, metric):
                cells.append(class_words(row, metric, name))
        shown.add_row(*cells, f"{metrics.value_of(table, 'pooled', name, 'support'):,.0f}")
    return shown


def _interval_table(info: RunInfo, table: pd.DataFrame) -> FittedTable:
    """Return the intervals of the figures in the table above; "-" without one."""
    shown = FittedTable(f"{_level_words(table)} intervals over {unit_words(unit_of_table(table))}")
    shown.add_column("%")
    for words in PER_CLASS:
        shown.add_column(words, justify="right")
    for name in info.classes:
        shown.add_row(name, *(interval_words(table, name, metric) or "-" for metric in PER_CLASS.values()))
    return shown


def _accuracy_line(info: RunInfo, table: pd.DataFrame, reading: str, row: PaperRow | None, why: bool) -> str:
    """Return our figures over all classes, and the paper's; `why`: there are two such lines, so say why."""
    notes = [WHY[reading]] * why + [LEAKY] * info.leaky
    third = auc_of(row)
    shown = {"Accuracy ": "accuracy", "balanced accuracy ": "balanced_accuracy", OVERALL[third]: third}
    ours = ", ".join(f"{words}{_with_interval(table, metric)}" for words, metric in shown.items())
    paper = f"; the paper: {overall_words(row)}" if row else ""
    return f"{ours} on {_reading_words(reading)}" + (f" ({', '.join(notes)})" if notes else "") + paper


def _spread_note(table: pd.DataFrame) -> str:
    """Say what the figures' two kinds of spread are over."""
    several = not np.isnan(metrics.value_of(table, "sd", "all", "accuracy"))
    brackets = f"rackets hold the {_level_words(table)} interval over {unit_words(unit_of_table(table))}."
    return f"± is the standard deviation over folds; b{brackets}" if several else f"B{brackets}"


def _level_words(table: pd.DataFrame) -> str:
    return f"{100 * table.level.max():.0f} %"


def _with_interval(table: pd.DataFrame, metric: str) -> str:
    """Return a metric over all classes with its interval: ``82.71 ± 1.29 % [81.6-83.8]``."""
    ends = interval_words(table, "all", metric)
    return f"{mean_sd(table, 'all', metric, 2)} %" + (f" [{ends}]" if ends else "")


WHY = {"all": "as many of each class as the data have", "balanced": "as many of each class"}


def _reading_words(reading: str) -> str:
    return "all held-out images" if reading == "all" else "balanced test images"


def _print_place(run: FinishedRun, console: Console) -> None:
    tasks = [rundir.fold_name(fold) for fold in run.folds]
    trained = f"{tasks[0]}/" if len(tasks) == 1 else f"{tasks[0]}/ … {tasks[-1]}/"
    print_paths(console, "Results are in:", run.folder)
    console.print(f"It holds predictions.csv, metrics.csv, {CONFUSION_FIGURE}, {trained}", markup=False)
    console.print("Research use only, not a medical device.")
