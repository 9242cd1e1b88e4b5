"""An evaluation on other data, on the screen: figures beside the run's own, and what each group was called."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from rich.console import Console

from pxr_tf.data.run_warnings import RunWarning
from pxr_tf.errors import count_words
from pxr_tf.evidence.evaluations import Evaluation
from pxr_tf.evidence.external import ALL_OTHERS
from pxr_tf.evidence.intervals import PATIENT, unit_words
from pxr_tf.report.fitting import FittedTable
from pxr_tf.report.results import SYNTHETIC_NOTE, print_warnings

METRIC_WORDS = {"balanced_accuracy": "balanced accuracy", "auc": "AUC", "accuracy": "accuracy"}


INTERNAL = "Internal: the run's held-out images of the same classes, each by a model that did not train on it."


def print_evaluation(found: Evaluation, warnings: Sequence[RunWarning], console: Console) -> None:
    """Print the tables of an evaluation, each with what it means, and the warnings of the run."""
    about = found.about
    console.print(describe_evaluation(found), markup=False)
    if about["origin"] == "synthetic":
        console.print(f"{SYNTHETIC_NOTE}: these figures say nothing about medicine")
    if len(found.beside):
        console.print(beside_table(found.beside))
        console.print(INTERNAL, style="dim")
    console.print(called_table(found.called))
    for line in describe_false(found.called):
        console.print(line, markup=False)
    print_warnings(warnings, console)
    console.print("Research use only, not a medical device.")


def describe_evaluation(found: Evaluation) -> str:
    """Return which images were evaluated, by which models, and what brackets hold."""
    about, folds = found.about, found.about["folds"]
    models = f"the mean of {len(folds)} models" if len(folds) > 1 else f"the model of fold {folds[0]}"
    people = f" of {count_words(about['patients'], 'patient')}" if about["unit"] == PATIENT else ""
    return (
        f"{count_words(about['images'], 'image')}{people} that no model learned from, by {models}. "
        f"Brackets hold the 95 % interval over {unit_words(about['unit'])}."
    )


def beside_table(beside: pd.DataFrame) -> FittedTable:
    """Return the run's own figures, the external ones and their differences, in percent."""
    shown = FittedTable("Internal and external figures")
    shown.add_column("%")
    for name in ("internal", "external", "difference"):
        shown.add_column(name, justify="right")
    for row in beside.to_dict("records"):
        metric = METRIC_WORDS.get(row["metric"], row["metric"])
        name = metric if row["class"] == "all" else f"{metric} {row['class']}"
        shown.add_row(
            name,
            with_ends(row["internal"], row["internal_low"], row["internal_high"]),
            with_ends(row["external"], row["external_low"], row["external_high"]),
            with_ends(row["difference"], row["low"], row["high"], sign="+"),
        )
    return shown


def called_table(called: pd.DataFrame) -> FittedTable:
    """Return what share of each group was called each class, in percent; the largest share has its interval."""
    shown = FittedTable("What each group was called")
    for name in ("group", "from"):
        shown.add_column(name)
    classes = list(called["class"].unique())
    for name in (*classes, "n"):
        shown.add_column(name, justify="right")
    groups = called[~called.group.str.startswith(ALL_OTHERS)]
    for (source, group), rows in groups.groupby(["source", "group"], sort=False):
        most = rows.share.idxmax()
        cells = [
            with_ends(row["share"], row["low"], row["high"]) if row.name == most else f"{100 * row['share']:.1f}"
            for _, row in rows.iterrows()
        ]
        shown.add_row(group, source, *cells, f"{rows.images.iloc[0]:,}")
    return shown


def describe_false(called: pd.DataFrame) -> Iterator[str]:
    """Yield a sentence per class that is given to images that are known not to be of it."""
    rows = called[called.group.str.startswith(ALL_OTHERS) & (called.share > 0)]
    for row in rows.sort_values("share", ascending=False).to_dict("records"):
        own = "" if np.isnan(row["internal"]) else f"; in the run's own data: {100 * row['internal']:.1f} %"
        yield (
            f"{with_ends(row['share'], row['low'], row['high'])} % of {count_words(int(row['images']), 'image')} with "
            f"another finding were called {row['class']}{own}."
        )


def with_ends(value: float, low: float, high: float, sign: str = "") -> str:
    """Return a fraction with its interval, in percent: ``98.2 [96.7-99.0]``; a difference has signs and ``to``."""
    if np.isnan(value):
        return "-"
    if np.isnan(low):
        return f"{100 * value:{sign}.1f}"
    between = " to " if sign else "-"
    return f"{100 * value:{sign}.1f} [{100 * low:{sign}.1f}{between}{100 * high:{sign}.1f}]"
