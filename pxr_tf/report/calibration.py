"""The calibration and the decisions of a run: a figure, two tables and sentences."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from rich.console import Console
from rich.text import Text

from pxr_tf.evidence.calibrated import CalibrationTables
from pxr_tf.evidence.calibration import AFTER, BEFORE, TOP
from pxr_tf.evidence.decisions import POOLED, YOUDEN
from pxr_tf.evidence.intervals import unit_of, unit_words
from pxr_tf.report.figures import PNG, SYNTHETIC_NOTE, new_figure, write_figure
from pxr_tf.report.fitting import FittedTable, print_paths
from pxr_tf.report.results import make_table, print_warnings
from pxr_tf.runs.finished import FinishedRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURE = "calibration.png"
STATES = {BEFORE: "as predicted", AFTER: "with temperature"}
RULE_WORDS = {YOUDEN: "Youden's index"}  # other rules are words: "sensitivity >= 0.95", "cost 10"
SHOWN_PROMISE = 0.9


def write_calibration_figure(run: FinishedRun, tables: CalibrationTables, formats: Sequence[str] = PNG) -> None:
    """Draw ``calibration.png``, and the other formats, into the run directory."""
    info = run.info
    figure = draw_calibration(tables, f"{info.name}: {info.title}", info.origin == "synthetic")
    write_figure(run.folder / FIGURE, figure, formats)


def draw_calibration(tables: CalibrationTables, title: str, synthetic: bool) -> "Figure":
    """Return a figure: the reliability diagram above the bins' counts, and the accuracy of the cases that are kept."""
    figure = new_figure(10.0, 5.6)
    grid = figure.add_gridspec(2, 2, height_ratios=(3, 1), left=0.08, right=0.98, bottom=0.1, top=0.84, hspace=0.12)
    diagram = figure.add_subplot(grid[0, 0], xlim=(0, 1), ylim=(0, 1), ylabel="share that is right")
    counts = figure.add_subplot(grid[1, 0], xlim=(0, 1), xlabel="probability of the predicted class", ylabel="images")
    kept = figure.add_subplot(grid[:, 1], xlabel="share referred to a person", ylabel="accuracy of the rest")
    figure.suptitle(f"{title}\n{SYNTHETIC_NOTE}" if synthetic else title, fontsize=11)
    diagram.plot([0, 1], [0, 1], color="lightgrey", linewidth=1)
    for number, (state, words) in enumerate(STATES.items()):
        bins = tables.bins[(tables.bins.state == state) & (tables.bins["class"] == TOP)]
        spread = np.abs(bins[["low", "high"]].sub(bins.share, axis=0).to_numpy().T)
        options = {"color": f"C{number}", "marker": "os"[number], "markersize": 5, "linewidth": 1, "capsize": 2}
        diagram.errorbar(bins.probability, bins.share, yerr=spread, label=words, **options)
        counts.plot(bins.probability, bins.images, "os"[number], color=f"C{number}", markersize=5)
        counts.vlines(bins.probability, 0, bins.images, color=f"C{number}", linewidth=1)
    diagram.tick_params(labelbottom=False)
    diagram.legend(loc="upper left", fontsize=8, frameon=False)
    counts.set_ylim(bottom=0)
    curve = tables.risk_coverage[tables.risk_coverage.images > 0]
    kept.plot(1 - curve.kept, curve.accuracy, color="C2", marker=".")
    kept.fill_between(1 - curve.kept, curve.low, curve.high, color="C2", alpha=0.2, linewidth=0)
    for axes in (diagram, counts, kept):
        axes.grid(alpha=0.25)
    return figure


def print_calibration(run: FinishedRun, tables: CalibrationTables, console: Console) -> None:
    """Print the decisions, the conformal sets and what they mean; the run's warnings follow."""
    info = run.info
    console.print()
    console.print(_decision_table(make_table(f"{info.title}: thresholds, all folds", info), tables.decisions))
    console.print(_set_table(tables.conformal))
    source = (
        f"All choices were made on {tables.calibration['fitted_on']}, without the patients that they are judged on."
    )
    for sentence in (*tables.calibration["sentences"], _describe_referral(tables.risk_coverage), source):
        console.print(Text(sentence))
    console.print(Text(f"Brackets hold 95 % intervals over {unit_words(unit_of(run))}.", style="dim"))
    print_warnings(info.warnings, console)
    print_paths(console, "Figure and tables (docs/outputs.md) are in:", run.folder)


def _decision_table(table: FittedTable, decisions: pd.DataFrame) -> FittedTable:
    table.add_column("%")
    for words in ("rule", "from", "Sens.", "Spec.", "PPV", "NPV", "at"):
        table.add_column(words, justify="left" if words == "rule" else "right")
    shown = None
    for row in decisions[decisions.fold == POOLED].to_dict("records"):
        rates = [_share(row[rate]) for rate in ("sensitivity", "specificity", "ppv", "npv", "prevalence")]
        name = row["class"] if row["class"] != shown else ""
        shown = row["class"]
        table.add_row(name, RULE_WORDS.get(row["rule"], row["rule"]), f"{row['threshold']:.2f}", *rates)
    return table


def _set_table(conformal: pd.DataFrame) -> FittedTable:
    table = FittedTable(f"Sets that hold the true class in {100 * SHOWN_PROMISE:.0f} % of each class")
    table.add_column("%")
    for words in ("patients", "covered", "", "classes per set", "empty", "full"):
        table.add_column(words, justify="right")
    for row in conformal[conformal.promised == SHOWN_PROMISE].to_dict("records"):
        ends = "" if np.isnan(row["low"]) else f"[{_share(row['low'])}-{_share(row['high'])}]"
        shares = [_share(row[name]) for name in ("empty", "full")]
        table.add_row(row["class"], str(row["patients"]), _share(row["covered"]), ends, f"{row['size']:.1f}", *shares)
    return table


def _share(value: float) -> str:
    """Return a share in percent; near 0 and 1 with a decimal, so that 99.6 does not become 100."""
    if np.isnan(value):
        return "-"
    return f"{100 * value:.{int(value < 0.1 or 0.99 < value < 1)}f}"


def _describe_referral(curve: pd.DataFrame) -> str:
    """Say what referring the least sure fifth of the images does."""
    none, fifth = (curve.iloc[(curve.referred - share).abs().argmin()] for share in (0, 0.2))
    return (
        f"If a person reads the least sure {100 * (1 - fifth.kept):.0f} % of the images, accuracy of the rest is "
        f"{100 * fifth.accuracy:.1f} % [{100 * fifth.low:.1f}-{100 * fifth.high:.1f}] instead of "
        f"{100 * none.accuracy:.1f} %."
    )
