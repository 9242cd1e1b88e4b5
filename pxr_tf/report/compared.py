"""Compared runs on the screen: a table for each pair, and what it says about accuracy in a few sentences."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from rich.console import Console
from rich.text import Text

from pxr_tf.errors import count_words
from pxr_tf.evidence.compare import LOG_LOSS, Comparison
from pxr_tf.report.fitting import FittedTable, print_paths
from pxr_tf.report.results import make_table, print_warnings

CERTAIN = 0.95  # probability of practical equality, as Corani and Benavoli decide
ALPHA = 0.05
_WORDS = {"auc": "AUC", "balanced_accuracy": "balanced acc.", LOG_LOSS: "log loss"}
NOTES = (
    "Values: means over folds, in % (log loss: as it is), with the 95 % interval of the difference over patients "
    "(images, if the data name no patients). "
    "p: test over patients (McNemar, DeLong or jackknife); p folds: corrected resampled t-test; both Holm-adjusted "
    "over all rows. equal: probability, over folds, that the difference is under 1 point. least: the smallest "
    "difference that so many patients show with 80 % power."
)
ONE_FOLD = "No test over folds: one fold tests all images."
OVER_SEEDS = "The interval over seeds is Student's: how far the mean would move with other seeds."


def print_comparison(found: Comparison, console: Console) -> None:
    """Print which runs are compared, a table and conclusions for each pair, and the warnings of all runs."""
    for name, side in zip(found.names, found.sides, strict=True):
        info, seeds = side.first.info, len(side.runs)
        many = f", {count_words(seeds, 'seed')}" if seeds > 1 else ""
        print_paths(console, f"{name}: {info.title} ({info.name}){many}", side.folder)
    for name, side in zip(found.names[1:], found.sides[1:], strict=True):
        rows = found.table[found.table.second == str(side.folder)]
        _print_pair(found, rows, found.names[0], name, console)
    print_warnings(found.info.warnings, console)
    folds = found.table.folds.max()
    for note in (NOTES, *([ONE_FOLD] if folds < 2 else []), *found.notes):
        console.print(Text(note, style="dim"))


def _print_pair(found: Comparison, rows: pd.DataFrame, first: str, second: str, console: Console) -> None:
    head = rows.iloc[0]
    over = [count_words(head.patients, "patient"), count_words(rows.folds.max(), "fold")]
    over += [count_words(head.seeds, "seed")] if head.seeds > 1 else []
    shown = make_table(f"{second} compared with {first}: {', '.join(over)}", found.info)
    for words in headings(first, second):
        shown.add_column(words, justify="right" if words else "left")
    for _, row in rows.iterrows():
        shown.add_row(*cells_of(row))
    console.print()
    console.print(shown)
    if head.seeds > 1:
        console.print(seeds_table(rows, first, second))
        console.print(Text(OVER_SEEDS, style="dim"))
    for sentence in conclude(rows.set_index("metric", drop=False).loc["accuracy"], first, second, len(found.table)):
        console.print(sentence, markup=False, highlight=False)


def headings(first: str, second: str) -> tuple[str, ...]:
    """Return the columns of a table that compares two runs; the first has no name."""
    return ("", first, second, f"{second} - {first}", "95 % interval", "p", "p folds", "equal", "least")


def cells_of(row: pd.Series) -> Iterator[str]:
    """Yield the cells of a metric, as in `headings`; `row` is a row of ``comparison.csv``."""
    yield row_words(row)
    for value in (row.first_value, row.second_value):
        yield _number(row, value)
    yield _number(row, row.difference, "+")
    yield _ends(row, row.low, row.high)
    yield from (p_words(row.patient_p_holm), p_words(row.fold_p_holm))
    yield "-" if np.isnan(row.equal) else f"{100 * row.equal:.0f}"
    yield _number(row, row.smallest)


def seeds_table(rows: pd.DataFrame, first: str, second: str) -> FittedTable:
    """Return the spread of the differences over seeds."""
    shown = FittedTable(f"The same differences over {count_words(rows.iloc[0].seeds, 'seed')}")
    for words in ("", f"{second} - {first}", "sd", "95 % interval"):
        shown.add_column(words, justify="right" if words else "left")
    for _, row in rows[~rows.seed_sd.isna()].iterrows():
        ends = _ends(row, row.seed_low, row.seed_high)
        shown.add_row(row_words(row), _number(row, row.difference, "+"), _number(row, row.seed_sd), ends)
    return shown


def conclude(row: pd.Series, first: str, second: str, count: int) -> Iterator[str]:
    """Yield what the row of accuracy says, in words; `count`: the number of p values that Holm adjusts."""
    ends = "" if np.isnan(row.low) else f" [{_ends(row, row.low, row.high)}]"
    points = f"{100 * row.difference:+.1f} points{ends}"
    p = f"p {_equals(row.patient_p)}, Holm-adjusted over {count_words(count, 'row')} {_equals(row.patient_p_holm)}"
    apart = row.low > 0 or row.high < 0
    if row.equal >= CERTAIN:
        yield (
            f"{first} and {second} are practically equal in accuracy: with a probability of {100 * row.equal:.0f} %, "
            "they differ by less than 1 point."
        )
    elif apart and row.patient_p_holm < ALPHA:
        more = "more" if row.difference > 0 else "less"
        yield f"{second} is {more} accurate than {first}: {points} ({p})."
        yield from _over_folds(row)
    elif apart:
        yield f"{second} - {first} is {points} in accuracy, but among so many rows it may be chance ({p})."
    else:
        yield f"No difference in accuracy is shown: {second} - {first} is {points}."
    if not np.isnan(row.smallest):
        patients = count_words(row.patients, "patient")
        yield (
            f"With these {patients}, differences in accuracy under {100 * row.smallest:.1f} points cannot be shown "
            "with 80 % power."
        )


def _over_folds(row: pd.Series) -> Iterator[str]:
    """Yield whether the difference would stay with other training patients."""
    if row.fold_p < ALPHA:
        yield f"It also holds over folds (corrected t-test, p {_equals(row.fold_p)})."
    elif not np.isnan(row.fold_p):
        yield f"Other training patients could reverse it (corrected t-test over folds, p {_equals(row.fold_p)})."


def row_words(row: pd.Series) -> str:
    """Return what a row measures: ``accuracy``, ``sens. viral``."""
    words = {"sensitivity": "sens."}.get(row.metric) or _WORDS.get(row.metric, row.metric)
    return words if row["class"] == "all" else f"{words} {row['class']}"


def p_words(p: float) -> str:
    """Return a p value with three digits: ``0.031``, ``<.001``, ``-`` for NaN."""
    if np.isnan(p):
        return "-"
    return "<.001" if p < 0.0005 else f"{p:.3f}"


def _equals(p: float) -> str:
    return "< 0.001" if p < 0.0005 else f"= {p_words(p)}"


def _number(row: pd.Series, value: float, sign: str = "") -> str:
    if np.isnan(value):
        return "-"
    return f"{value:{sign}.3f}" if row.metric == LOG_LOSS else f"{100 * value:{sign}.1f}"


def _ends(row: pd.Series, low: float, high: float) -> str:
    return "-" if np.isnan(low) else f"{_number(row, low, '+')} to {_number(row, high, '+')}"
