"""A whole paper as one table: the results of its runs, mean ± sd over seeds, next to the paper's figures."""

from collections.abc import Sequence

import pandas as pd
from rich.console import Console
from rich.markup import escape

from pxr_tf.errors import count_words
from pxr_tf.evaluation import metrics, roc
from pxr_tf.evidence.deviations import deviation_note, read_deviations
from pxr_tf.evidence.files import read_metrics_table, read_run_points
from pxr_tf.evidence.paper import paper_has, paper_notes
from pxr_tf.report.fitting import FittedTable
from pxr_tf.report.results import make_table, plus_minus, print_warnings
from pxr_tf.report.roc import points_table
from pxr_tf.studies.paper_runs import (
    AUC,
    NO_AREA,
    Group,
    Measure,
    Pair,
    PaperRun,
    group_runs,
    measures_of,
    name_groups,
    name_leaky,
    pair_groups,
    warn_of,
)
from pxr_tf.studies.paper_tables import printed_value

INTERVAL = (
    "They show how far a mean difference would move with other seeds (other splits, order and initial weights). "
    "They say nothing about other data."
)
PAIRED = f"The 95 % intervals are Student's for paired values (both settings test the same images). {INTERVAL}"
NOT_PAIRED = f"The 95 % intervals are Welch's, not paired (the settings test different images). {INTERVAL}"


def print_run(run: PaperRun, console: Console) -> None:
    """Print the results of one run in a line; nothing if it failed."""
    if run.run is None:
        return
    table = read_metrics_table(run.run)
    said = [f"{words} {100 * metrics.value_of(table, 'mean', 'all', metric):.2f} %" for words, _, metric in _OVERALL]
    minutes = run.run.minutes()
    said += [] if pd.isna(minutes) else [f"{minutes:.1f} min"]
    console.print(f"{run.title}: {', '.join(said)}", markup=False)


_OVERALL = measures_of(("", "", ""))[:2]


def print_paper(runs: Sequence[PaperRun], console: Console) -> None:
    """Print the table, the differences, the warnings, and the paper's own contradictions."""
    groups = group_runs(runs)
    if groups:
        console.print()
        for table in paper_tables(groups):
            console.print(table)
        for title, table in points_tables(groups).items():
            console.print(f"{title}:", markup=False)
            console.print(table)
        for table in differences_tables(groups):
            console.print(table)
        print_warnings(warn_of(groups), console)
        for note in paper_and_our_notes(groups):
            console.print(f"[dim]{escape(note)}[/dim]")


def paper_tables(groups: Sequence[Group]) -> list[FittedTable]:
    """Return a table of our figures and the paper's for each list of classes: a paper may have several tasks."""
    return [_paper_table(some) for some in by_classes(groups)]


def by_classes(groups: Sequence[Group]) -> list[list[Group]]:
    """Return the groups in lists with the same classes."""
    found: dict[tuple[str, ...], list[Group]] = {}
    for group in groups:
        found.setdefault(group.info.classes, []).append(group)
    return list(found.values())


def differences_tables(groups: Sequence[Group]) -> list[FittedTable]:
    """Return the effects of the setting on each variant; none if no settings are compared."""
    return [_differences_table(pair) for pair in pair_groups(groups)]


def points_tables(groups: Sequence[Group]) -> dict[str, FittedTable]:
    """Return the operating points over seeds of each group whose paper has its own threshold, by the group's title."""
    found = {}
    for group in groups:
        if paper_has(group.info, "threshold"):
            points = roc.summarise_points({seed: read_run_points(run) for seed, run in group.runs.items()})
            found[group.title] = points_table(points, "seeds")
    return {title: table for title, table in found.items() if table is not None}


def _paper_table(groups: Sequence[Group]) -> FittedTable:
    """Return the table of runs with the same classes; the AUC has a column if the paper prints it, as what it is."""
    info = groups[0].info
    printed = [one for one in (AUC, NO_AREA) if any(paper_has(group.info, one.metric) for group in groups)]
    measures = [one for one in measures_of(info.classes) if one != AUC]
    measures[2:2] = printed
    seeds = count_words(_most_seeds(groups), "seed")
    title = f"{info.name}: {'mean ± sd over ' if _most_seeds(groups) > 1 else ''}{seeds}"
    shown = make_table("\n".join(filter(None, (title, name_leaky(groups)))), info)
    shown.add_column("%")
    for words in (*(measure.words for measure in measures), "n", "min"):
        shown.add_column(words, justify="right")
    for group in groups:
        shown.add_row(*_our_row(group, measures))
        if group.row:
            theirs = [printed_value(group.row, one.name, one.metric) for one in measures]
            cells = ["" if value is None else f"{100 * value:.1f}" for value in theirs]
            shown.add_row("  the paper", *cells, "", "", style="cyan")
    return shown


def _most_seeds(groups: Sequence[Group]) -> int:
    return max(len(group.tables) for group in groups)


def paper_and_our_notes(groups: Sequence[Group]) -> list[str]:
    """Return what the intervals mean, and the notes on the paper's figures and ours.

    A note that is not about all groups names its groups.
    """
    paired = dict.fromkeys(pair.paired for pair in pair_groups(groups))
    return [*(PAIRED if same else NOT_PAIRED for same in paired), *_notes(groups)]


def _notes(groups: Sequence[Group]) -> list[str]:
    whose: dict[str, list[Group]] = {}
    most = _most_seeds(groups)
    for group in groups:
        counted = round(metrics.value_of(next(iter(group.tables.values())), "pooled", "all", "support"))
        own = [] if len(group.tables) == most else [f"over {count_words(len(group.tables), 'seed')} only."]
        differs = deviation_note(read_deviations(next(iter(group.runs.values()))))
        for note in [*own, *paper_notes(group.info, group.row, counted, differs)]:
            whose.setdefault(note, []).append(group)
    return [": ".join(filter(None, (name_groups(some, groups), note))) for note, some in whose.items()]


def _our_row(group: Group, measures: Sequence[Measure]) -> list[str]:
    summary = group.summary.set_index(["class", "metric"])
    cells = [_tight(summary["mean"][one[1:]], summary["sd"][one[1:]]) for one in measures]
    count = summary["mean"]["all", "support"]
    return [group.title, *cells, f"{count:,.0f}", "" if pd.isna(group.minutes) else f"{group.minutes:.1f}"]


def _tight(mean: float, sd: float) -> str:
    """Return ``80.8±6.3``, or ``80.8±16``: with more digits, seven columns would not fit in 80 characters."""
    wide = not pd.isna(sd) and sd >= 0.1
    return f"{100 * mean:.1f}±{100 * sd:.0f}" if wide else plus_minus(mean, sd, 1).replace(" ", "")


def _differences_table(pair: Pair) -> FittedTable:
    how = "paired by seed" if pair.paired else "not paired"
    title = f"{pair.first.variant}: {pair.first.setting} minus {pair.second.setting}, {how}"
    shown = make_table("\n".join(filter(None, (title, name_leaky(pair[:2])))), pair.first.info)
    shown.add_column("percentage points")
    for words in ("difference", "95 % interval", "seeds"):
        shown.add_column(words, justify="right")
    for measure in measures_of(pair.first.info.classes):
        shown.add_row(measure.words, *_difference_cells(pair, measure))
    return shown


def _difference_cells(pair: Pair, measure: Measure) -> tuple[str, str, str]:
    """Return the difference, its interval, and its numbers of seeds: ``3``, or ``3, 2`` if they differ."""
    found = pair.difference(measure)
    seeds = (found.first_seeds, found.second_seeds)
    interval = f"{100 * found.low:+.1f} to {100 * found.high:+.1f}"
    if pd.isna(found.low):
        interval = "none (one seed)" if min(seeds) < 2 else "none (no spread)"
    return f"{100 * found.mean:+.1f}", interval, ", ".join(map(str, dict.fromkeys(seeds)))
