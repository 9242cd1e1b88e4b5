"""A whole paper as one table: what its runs gave, mean ± sd over seeds, beside the figures that it prints."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pxr_tf import files, locks
from pxr_tf.errors import count_words
from pxr_tf.evaluation import metrics, roc
from pxr_tf.evaluation.published import PaperRow
from pxr_tf.evidence.files import read_readings, read_run_points
from pxr_tf.evidence.paper import paper_has, paper_notes
from pxr_tf.report.results import make_table, plus_minus, print_points, print_warnings
from pxr_tf.runs.info import worth
from pxr_tf.studies.paper_runs import (
    AUC,
    Group,
    Measure,
    Pair,
    PaperRun,
    group_runs,
    measures_of,
    minutes_of,
    name_groups,
    name_leaky,
    pair_groups,
    warn_of,
)

INTERVAL = (
    "how far a mean difference would move with other seeds, which split, order and start anew. They say nothing of "
    "other data."
)
PAIRED = f"The intervals are Student's for paired values (both settings test the same images), 95 %: {INTERVAL}"
NOT_PAIRED = f"The intervals are Welch's, not paired (the settings test different images), 95 %: {INTERVAL}"
TABLE, DIFFERENCES = "reproduced.csv", "differences.csv"


def print_run(run: PaperRun, console: Console) -> None:
    """Print what one run gave, in a line."""
    if run.folder is None:
        console.print(f"{run.title} failed: {run.failure}", markup=False)
        return
    table = next(iter(read_readings(run.folder).values()))
    said = [f"{words} {100 * metrics.value_of(table, 'mean', 'all', metric):.2f} %" for words, _, metric in _OVERALL]
    minutes = minutes_of(run.folder)
    said += [] if pd.isna(minutes) else [f"{minutes:.1f} min"]
    console.print(f"{run.title}: {', '.join(said)}", markup=False)


_OVERALL = measures_of(("", "", ""))[:2]


def write_paper(folder: Path, runs: Sequence[PaperRun]) -> list[Path]:
    """Write ``reproduced.csv``, and ``differences.csv`` where settings are compared; return what was written.

    The rows of a variant, model and setting that has no finished run among these stay as they are in the file.
    """
    groups = group_runs(runs)
    if not groups:
        return []
    written = [folder / TABLE]
    differences = [row for pair in pair_groups(groups) for row in _difference_rows(pair)]
    with locks.hold(locks.lock_of(folder / TABLE)):
        _merge(folder / TABLE, pd.concat([_summary_rows(group) for group in groups]), ["variant", "model", "setting"])
        if differences:
            _merge(folder / DIFFERENCES, pd.DataFrame(differences), ["variant", "minus"])
            written.append(folder / DIFFERENCES)
    return written


def _summary_rows(group: Group) -> pd.DataFrame:
    names = zip(group.summary["class"], group.summary.metric, strict=True)
    rows = group.summary.assign(
        variant=group.variant,
        model=group.model,
        setting=group.setting,
        paper=[_printed(group.row, name, metric) for name, metric in names],
        **worth(group.info),
    )
    return rows[["variant", "model", "setting", "class", "metric", "mean", "sd", "seeds", "paper", "origin", "split"]]


def _difference_rows(pair: Pair) -> list[dict[str, object]]:
    values = [worth(group.info) for group in pair[:2]]
    said = {key: " minus ".join(dict.fromkeys(value[key] for value in values)) for key in values[0]}
    return [
        {"variant": pair.first.variant, "minus": f"{pair.first.setting} minus {pair.second.setting}"}
        | {"class": measure.name, "metric": measure.metric}
        | pair.difference(measure)._asdict()
        | said
        for measure in measures_of(pair.first.info.classes)
    ]


def _merge(path: Path, rows: pd.DataFrame, key: list[str]) -> None:
    """Write the rows in place of those with the same key; all others of the file stay, and so does the order."""
    before = _read_before(path, rows)
    keys = [list(map(tuple, table[key].to_numpy())) for table in (before, rows)]
    kept = before[[one not in set(keys[1]) for one in keys[0]]]
    if len(kept):
        rows = pd.concat([kept, rows])
    place = {one: number for number, one in enumerate(dict.fromkeys(keys[0] + keys[1]))}
    order = sorted(range(len(rows)), key=[place[tuple(one)] for one in rows[key].to_numpy()].__getitem__)
    files.write_csv(path, rows.iloc[order])


def _read_before(path: Path, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the table that is there; none of its rows where it cannot be read, or has other columns."""
    text = [name for name in rows if not pd.api.types.is_numeric_dtype(rows[name]) and name != "paper"]
    numbers = {name: [""] for name in rows if name not in text}
    try:
        before = pd.read_csv(path, dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=numbers)
    except (OSError, ValueError):
        return rows.iloc[:0]
    return before if list(before) == list(rows) else rows.iloc[:0]


def print_paper(runs: Sequence[PaperRun], console: Console) -> None:
    """Print the table, the differences, the doubts, the paper's own contradictions, and which runs failed."""
    groups = group_runs(runs)
    if groups:
        console.print()
        for some in _by_classes(groups):
            console.print(_paper_table(some))
        for group in groups:
            _print_points(group, console)
        pairs = pair_groups(groups)
        for pair in pairs:
            console.print(_differences_table(pair))
        print_warnings(warn_of(groups), console)
        for note in [*_interval_notes(pairs), *_notes(groups)]:
            console.print(f"[dim]{escape(note)}[/dim]")
    failed = [run.title for run in runs if run.failure]
    if failed:
        which = "The only run" if len(runs) == 1 else f"{len(failed)} of {count_words(len(runs), 'run')}"
        console.print(f"{which} failed, as said above: {'; '.join(failed)}.", markup=False)


def _by_classes(groups: Sequence[Group]) -> list[list[Group]]:
    """Return the groups that tell the same classes apart, together: a paper may have several tasks."""
    found: dict[tuple[str, ...], list[Group]] = {}
    for group in groups:
        found.setdefault(group.info.classes, []).append(group)
    return list(found.values())


def _print_points(group: Group, console: Console) -> None:
    """Print the operating points over seeds where the paper has a threshold of its own."""
    if not paper_has(group.info, "threshold"):
        return
    points = {seed: read_run_points(folder) for seed, folder in group.folders.items()}
    console.print(f"{group.title}:", markup=False)
    print_points(roc.summarise_points(points), "seeds", console)


def _paper_table(groups: Sequence[Group]) -> Table:
    """Return the table of runs of the same classes; the AUC has a column where the paper prints it."""
    info = groups[0].info
    measures = [
        one for one in measures_of(info.classes) if one != AUC or any(paper_has(group.info, "auc") for group in groups)
    ]
    title = f"{info.name}: mean ± sd over {count_words(_most_seeds(groups), 'seed')}"
    shown = make_table("\n".join(filter(None, (title, name_leaky(groups)))), info, (0, 0))
    shown.add_column("%", no_wrap=True)
    for measure in measures:
        shown.add_column(measure.words, justify="right")
    shown.add_column("n", justify="right")
    shown.add_column("min", justify="right")
    for group in groups:
        shown.add_row(*_our_row(group, measures))
        if group.row:
            printed = [_printed(group.row, one.name, one.metric) for one in measures]
            cells = ["" if value is None else f"{100 * value:.1f}" for value in printed]
            shown.add_row("  the paper", *cells, "", "", style="cyan")
    return shown


def _most_seeds(groups: Sequence[Group]) -> int:
    return max(len(group.tables) for group in groups)


def _notes(groups: Sequence[Group]) -> list[str]:
    """Return what must be said with the figures, the papers' and ours; a note that is not of all says whose it is."""
    whose: dict[str, list[Group]] = {}
    most = _most_seeds(groups)
    for group in groups:
        counted = round(metrics.value_of(next(iter(group.tables.values())), "pooled", "all", "support"))
        own = [] if len(group.tables) == most else [f"over {count_words(len(group.tables), 'seed')} only."]
        for note in [*own, *paper_notes(group.info, group.row, counted)]:
            whose.setdefault(note, []).append(group)
    return [": ".join(filter(None, (name_groups(some, groups), note))) for note, some in whose.items()]


def _interval_notes(pairs: Sequence[Pair]) -> list[str]:
    return [PAIRED if paired else NOT_PAIRED for paired in dict.fromkeys(pair.paired for pair in pairs)]


def _our_row(group: Group, measures: Sequence[Measure]) -> list[str]:
    summary = group.summary.set_index(["class", "metric"])
    cells = [_tight(summary["mean"][one[1:]], summary["sd"][one[1:]]) for one in measures]
    count = summary["mean"]["all", "support"]
    return [group.title, *cells, f"{count:,.0f}", "" if pd.isna(group.minutes) else f"{group.minutes:.1f}"]


def _tight(mean: float, sd: float) -> str:
    """Return ``80.8±6.3``, or ``80.8±16``: with more digits seven columns do not fit a terminal of 80 letters."""
    wide = not pd.isna(sd) and sd >= 0.1
    return f"{100 * mean:.1f}±{100 * sd:.0f}" if wide else plus_minus(mean, sd, 1).replace(" ", "")


def _differences_table(pair: Pair) -> Table:
    how = "paired by seed" if pair.paired else "not paired"
    title = f"{pair.first.variant}: {pair.first.setting} minus {pair.second.setting}, {how}"
    shown = make_table("\n".join(filter(None, (title, name_leaky(pair[:2])))), pair.first.info, (0, 1))
    shown.add_column("percentage points")
    shown.add_column("difference", justify="right")
    shown.add_column("95 % interval", justify="right")
    shown.add_column("seeds", justify="right")
    for measure in measures_of(pair.first.info.classes):
        shown.add_row(measure.words, *_difference_cells(pair, measure))
    return shown


def _difference_cells(pair: Pair, measure: Measure) -> tuple[str, str, str]:
    """Return the difference, its interval, and how many seeds it is of: ``3``, or ``3, 2`` where they differ."""
    found = pair.difference(measure)
    seeds = (found.first_seeds, found.second_seeds)
    interval = f"{100 * found.low:+.1f} to {100 * found.high:+.1f}"
    if pd.isna(found.low):
        interval = "one seed: none" if min(seeds) < 2 else "no spread: none"
    return f"{100 * found.mean:+.1f}", interval, ", ".join(map(str, dict.fromkeys(seeds)))


def _printed(row: PaperRow | None, name: str, metric: str) -> float | None:
    return None if row is None else row.value(metric, name)
