"""A run's results: the files beside its predictions, and the table on the screen."""

from pathlib import Path

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pxr_tf import files
from pxr_tf.config import Experiment, load_experiment
from pxr_tf.data.splits import HOLDOUT, read_splits
from pxr_tf.evaluation import metrics, published
from pxr_tf.report.figures import SYNTHETIC_NOTE, draw_confusion_matrix, write_figure

READINGS = ("balanced", "all")


def write_results(folder: Path) -> None:
    """Write the metrics and the confusion matrix of a finished run from its ``predictions.csv``.

    ``metrics.csv`` counts the experiment's test rows (``splits.test_rows``), ``metrics_<other>.csv`` the
    other reading. The column ``images`` says whether the pictures are real or synthetic.
    """
    experiment = load_experiment(folder / "experiment.yaml")
    predictions = metrics.read_predictions(folder / "predictions.csv")
    images = "synthetic" if is_synthetic_run(folder) else "real"
    for reading in READINGS:
        table = metrics.score_folds(select_rows(folder, predictions, reading)).assign(images=images)
        files.write_csv(_metrics_file(folder, experiment, reading), table)
    counted = select_rows(folder, predictions, experiment.splits.test_rows)
    counts = metrics.confusion_matrix(counted)
    title = f"{experiment.model.backbone}, strategy {experiment.strategy}, {len(counted):,} held-out images"
    write_figure(folder / "confusion_matrix.png", draw_confusion_matrix(counts, title, images == "synthetic"))
    files.write_csv(folder / "confusion_matrix.csv", counts.reset_index().assign(images=images))


def is_written(folder: Path) -> bool:
    """Return whether the results exist."""
    return (folder / "confusion_matrix.csv").exists()


def is_synthetic_run(folder: Path) -> bool:
    """Return whether a run's images are phantoms."""
    return files.read_json(folder / "provenance.json")["images"].startswith("synthetic")


def select_rows(folder: Path, predictions: pd.DataFrame, reading: str) -> pd.DataFrame:
    """Return the predictions that a reading of the test folds counts: ``all`` or ``balanced``."""
    if reading == "all":
        return predictions
    splits = read_splits(folder / "splits.csv")
    balanced = splits[(splits.fold != HOLDOUT) & (splits.role == "test_balanced")]
    return metrics.keep_rows(predictions, balanced.image_id.tolist())


def print_results(folder: Path, console: Console) -> None:
    """Print the table of a finished run; where the paper has figures, on balanced test folds as they are."""
    experiment = load_experiment(folder / "experiment.yaml")
    synthetic = is_synthetic_run(folder)
    cell = comparable_cell(experiment)
    reading = "balanced" if cell else experiment.splits.test_rows
    console.print()
    console.print(_class_table(experiment, read_reading(folder, experiment, reading), cell, synthetic, reading))
    for other in (experiment.splits.test_rows, *[name for name in READINGS if name != experiment.splits.test_rows]):
        line = _accuracy_line(read_reading(folder, experiment, other), _reading_words(other))
        paper = f"; the paper: {100 * cell.accuracy:.2f} %" if cell and other == "balanced" else ""
        console.print(line + paper, highlight=False)
    for note in _footnotes(folder, experiment, cell, synthetic):
        console.print(note, highlight=False)


def read_reading(folder: Path, experiment: Experiment, reading: str) -> pd.DataFrame:
    """Return the metrics of a finished run for one reading of its test folds: ``all`` or ``balanced``."""
    return metrics.read_metrics(_metrics_file(folder, experiment, reading))


def comparable_cell(experiment: Experiment) -> published.Cell | None:
    """Return the paper's figures for this backbone and strategy, or None where it has none, or for other classes."""
    cell = published.find_cell(experiment.published, experiment.model.backbone, experiment.strategy)
    return cell if cell and set(cell.f1) == set(experiment.classes) else None


def _metrics_file(folder: Path, experiment: Experiment, reading: str) -> Path:
    return folder / ("metrics.csv" if reading == experiment.splits.test_rows else f"metrics_{reading}.csv")


def _class_table(
    experiment: Experiment, table: pd.DataFrame, cell: published.Cell | None, synthetic: bool, reading: str
) -> Table:
    title = f"{experiment.model.backbone}, strategy {experiment.strategy} ({experiment.name})"
    title += f", {_reading_words(reading)}"
    if synthetic:
        title += f"\n{SYNTHETIC_NOTE}: these figures say nothing about medicine"
    tight = (0, 0) if cell else (0, 1)  # with the paper's columns the table just fits a terminal of 80 letters
    shown = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False, padding=tight)
    shown.add_column("%")
    for name in ("Precision", "Sensitivity", "F1"):
        shown.add_column(name, justify="right")
        if cell:
            shown.add_column("paper", justify="right", style="cyan")
    shown.add_column("Spec.", justify="right")
    shown.add_column("AUC", justify="right")
    shown.add_column("n", justify="right")
    for name in experiment.classes:
        row = [name]
        for metric in ("precision", "sensitivity", "f1"):
            row.append(mean_sd(table, name, metric).replace(" ", ""))
            if cell:
                row.append(f"{100 * getattr(cell, metric)[name]:.1f}")
        row += [_percent(table, "mean", name, metric) for metric in ("specificity", "auc")]
        shown.add_row(*row, f"{metrics.value_of(table, 'pooled', name, 'support'):,.0f}")
    return shown


def _accuracy_line(table: pd.DataFrame, where: str) -> str:
    return (
        f"Accuracy {mean_sd(table, 'all', 'accuracy', 2)} %, balanced accuracy "
        f"{mean_sd(table, 'all', 'balanced_accuracy', 2)} % on {where} (mean ± sd)"
    )


def _reading_words(reading: str) -> str:
    return "all held-out images" if reading == "all" else "balanced test folds"


def _footnotes(folder: Path, experiment: Experiment, cell: published.Cell | None, synthetic: bool) -> list[str]:
    notes = [published.SWAPPED] if cell else []
    if not cell and not synthetic:
        name = f"{experiment.model.backbone} under strategy {experiment.strategy}"
        notes.append(f"No published figures for {name} with these classes.")
    best = published.best_cell(experiment.published)
    if best and not synthetic:
        notes.append(f"The paper's best cell: {best[0]}, strategy {best[1]}, {100 * best[2]:.2f} % on balanced folds.")
    notes = [f"[dim]{note}[/dim]" for note in notes]
    notes.append(
        f"Everything is in {escape(str(folder))}: predictions.csv, metrics.csv, confusion_matrix.png, fold-0 … with "
        "the models."
    )
    notes.append("Research use only, not a medical device.")
    return notes


def mean_sd(table: pd.DataFrame, name: str, metric: str, digits: int = 1) -> str:
    """Return a metric over the folds as text, in percent: ``87.3 ± 1.2``."""
    mean, sd = (100 * metrics.value_of(table, fold, name, metric) for fold in ("mean", "sd"))
    return f"{mean:.{digits}f} ± {sd:.{digits}f}"


def _percent(table: pd.DataFrame, fold: str, name: str, metric: str) -> str:
    return f"{100 * metrics.value_of(table, fold, name, metric):.1f}"
