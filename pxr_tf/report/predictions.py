"""Predicted pictures on the screen: the first rows, what all were called, and why not to rely on them."""

from collections.abc import Iterator, Sequence

import pandas as pd
from rich.console import Console

from pxr_tf.data.run_warnings import RunWarning
from pxr_tf.errors import count_words, shorten
from pxr_tf.inference.ensemble import TRAINED
from pxr_tf.inference.likeness import FAR, UNLIKE
from pxr_tf.inference.predict import Predictions
from pxr_tf.inference.refusals import REFUSED
from pxr_tf.report.fitting import FittedTable
from pxr_tf.report.results import print_warnings

MOST_ROWS = 20  # pictures that are listed


def print_predictions(found: Predictions, warnings: Sequence[RunWarning], console: Console) -> None:
    """Print up to 20 predictions, what all pictures were called, and what limits their worth."""
    table = found.table
    good, bad = table[table.predicted != ""], table[table.fault != ""]
    if len(good):
        console.print(_table(good[:MOST_ROWS], found))
    if len(good) > MOST_ROWS:
        counts = ", ".join(f"{name} ({count:,})" for name, count in good.predicted.value_counts().items())
        console.print(f"The first {MOST_ROWS} of {count_words(len(good), 'picture')}. Predicted: {counts}.")
    if len(bad):
        named = shorten([f"{row.path} ({row.fault})" for row in bad.itertuples()], 3)
        console.print(f"{count_words(len(bad), 'picture')} cannot be read: {named}.", markup=False)
    for line in _describe_refused(table):
        console.print(line, markup=False)
    far = table[table[UNLIKE] >= FAR] if UNLIKE in table else table[:0]
    if len(far):
        console.print(
            f"Unlike what the models were trained on, as {100 - FAR:.0f} % of the run's own pictures are "
            f"({len(far):,}): {shorten(far.path, 3)}. Do not rely on what is predicted for such pictures.",
            markup=False,
        )
    how = _describe(found)
    if how:
        console.print(how, style="dim", markup=False)
    trained = int((table.known == TRAINED).sum())
    if trained:
        verb = "is" if trained == 1 else "are"
        console.print(
            f"{count_words(trained, 'picture')} {verb} in the training data of every model: these predictions say "
            "nothing about new pictures."
        )
    print_warnings(warnings, console)
    console.print("Research use only, not a medical device.")


def _describe_refused(table: pd.DataFrame) -> Iterator[str]:
    """Yield a line per reason for which the gate refuses pictures, the most frequent first."""
    rows = table[table[REFUSED] != ""] if REFUSED in table else table[:0]
    for reason in rows[REFUSED].value_counts().index if len(rows) else ():
        yield f"Refused, as the picture {reason}: {shorten(rows.path[rows[REFUSED] == reason], 3)}."


def _table(rows: pd.DataFrame, found: Predictions) -> FittedTable:
    shown = FittedTable(f"Probabilities in %, {_how(found)}")
    shown.add_column("picture")
    shown.add_column("predicted")
    for name in found.classes:
        shown.add_column(name, justify="right")
    several, known = len(found.folds) > 1, (rows.known != "").any()
    if several:
        shown.add_column("models agree", justify="right")
    if UNLIKE in rows:
        shown.add_column(UNLIKE, justify="right")
    if known:
        shown.add_column("known from")
    for row in rows.to_dict("records"):
        shares = [f"{100 * row[f'p_{name}']:.1f}" for name in found.classes]
        agree = [f"{round(row['agreement'] * row['models'])} of {row['models']:.0f}"] if several else []
        far = [f"{row[UNLIKE]:.0f}"] if UNLIKE in row else []
        own = [row["known"] or "-"] if known else []
        shown.add_row(row["image_id"], row["predicted"], *shares, *agree, *far, *own)
    return shown


def _how(found: Predictions) -> str:
    models = f"mean of {len(found.folds)} models" if len(found.folds) > 1 else f"model of fold {found.folds[0]}"
    return models if found.temperature is None else f"{models}, calibrated"


def _describe(found: Predictions) -> str:
    """Say how the probabilities came about."""
    parts = []
    if found.temperature is None:
        parts.append("The probabilities are not calibrated: pxr calibrate fits a temperature.")
    if len(found.folds) > 1 and (found.table.known != "").any():
        parts.append("A picture of the run is predicted only by the models that did not train on it, if there are any.")
    return " ".join(parts)
