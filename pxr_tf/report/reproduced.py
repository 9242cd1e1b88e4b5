"""A whole paper as one table: what its runs gave, mean ± sd over seeds, beside the figures that it prints."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pxr_tf import files, rundir
from pxr_tf.errors import count_words
from pxr_tf.evaluation import metrics
from pxr_tf.evaluation.differences import Difference, paired_difference
from pxr_tf.evaluation.published import Row, find_row
from pxr_tf.report.results import RunInfo, describe_run, make_table, plus_minus, print_warnings, read_readings, worth

INTERVAL = (
    "The intervals are Student's for paired values, 95 %: how far a mean difference would move with other seeds, which "
    "split, order and start anew. They say nothing of other images."
)
TABLE, DIFFERENCES = "reproduced.csv", "differences.csv"


class PaperRun(NamedTuple):
    """One run of a paper and how it stands."""

    variant: str
    setting: str  # of what is compared; empty where nothing is
    seed: int
    model: str
    folder: Path | None = None  # of a finished run
    failure: str = ""

    @property
    def title(self) -> str:
        """Which run it is."""
        return ", ".join(filter(None, (self.variant, self.setting, f"seed {self.seed}")))


class Measure(NamedTuple):
    """A column: its words, and which metric of which class it shows."""

    words: str
    name: str  # a class, or all
    metric: str


def measures_of(classes: Sequence[str]) -> list[Measure]:
    """Return what is shown of these classes: of two, what papers say of the second; of more, each one's sensitivity."""
    overall = [Measure("accuracy", "all", "accuracy"), Measure("balanced", "all", "balanced_accuracy")]
    if len(classes) == 2:
        named = (("precision", "precision"), ("recall", "sensitivity"), ("specificity", "specificity"))
        return overall + [Measure(words, classes[1], metric) for words, metric in named]
    return overall + [Measure(name, name, "sensitivity") for name in classes]


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


def minutes_of(folder: Path) -> float:
    """Return how many minutes all folds of a run took to train and predict; NaN where that is not known."""
    found = [files.read_json(file) for file in folder.glob(f"*/{rundir.TIMING}")]
    return sum(timing["seconds"] for timing in found) / 60 if found else float("nan")


def write_paper(folder: Path, runs: Sequence[PaperRun]) -> None:
    """Write ``reproduced.csv``, and ``differences.csv`` where settings are compared, of the runs that are finished."""
    groups = _groups(runs)
    if not groups:
        return
    parts = [
        group.summary.assign(
            variant=group.variant,
            model=group.model,
            setting=group.setting,
            paper=[_printed(group.row, name, metric) for name, metric in zip(*_keys(group.summary), strict=True)],
            **worth(group.info),
        )
        for group in groups
    ]
    order = ["variant", "model", "setting", "class", "metric", "mean", "sd", "seeds", "paper", "origin", "split"]
    files.write_csv(folder / TABLE, pd.concat(parts)[order])
    rows = [
        {"variant": first.variant, "minus": f"{first.setting} minus {second.setting}"}
        | {"class": measure.name, "metric": measure.metric}
        | _difference(first, second, measure)._asdict()
        for first, second in _pairs(groups)
        for measure in measures_of(first.info.classes)
    ]
    if rows:
        files.write_csv(folder / DIFFERENCES, pd.DataFrame(rows))


def print_paper(runs: Sequence[PaperRun], console: Console) -> None:
    """Print the table, the differences, the doubts, the paper's own contradictions, and which runs failed."""
    groups = _groups(runs)
    if groups:
        console.print()
        console.print(_paper_table(groups))
        for first, second in _pairs(groups):
            console.print(_differences_table(first, second))
        print_warnings([warning for group in groups for warning in group.info.warnings], console)
        for note in _notes(groups):
            console.print(f"[dim]{escape(note)}[/dim]")
    failed = [run.title for run in runs if run.failure]
    if failed:
        console.print(f"{len(failed)} of {count_words(len(runs), 'run')} failed, as said above: {'; '.join(failed)}.")


class _Group(NamedTuple):
    """The finished runs of one variant under one setting: they differ in their seeds."""

    variant: str
    setting: str
    model: str
    info: RunInfo
    tables: dict[int, pd.DataFrame]  # seed -> metrics table
    summary: pd.DataFrame  # class, metric, mean, sd, seeds
    minutes: float  # of one seed, on average
    row: Row | None  # what the paper prints


def _groups(runs: Sequence[PaperRun]) -> list[_Group]:
    found: dict[tuple[str, str], list[PaperRun]] = {}
    for run in runs:
        if run.folder is not None:
            found.setdefault((run.variant, run.setting), []).append(run)
    return [_group(some) for some in found.values()]


def _group(runs: Sequence[PaperRun]) -> _Group:
    first = runs[0]
    infos = [describe_run(run.folder) for run in runs]
    warnings = tuple(dict.fromkeys(warning for info in infos for warning in info.warnings))
    info = infos[0]._replace(warnings=warnings)
    tables = {run.seed: next(iter(read_readings(run.folder).values())) for run in runs}
    minutes = sum(minutes_of(run.folder) for run in runs) / len(runs)
    row = find_row(info.published, variant=first.variant, model=first.model, classes=info.classes)
    summary = metrics.summarise_seeds(tables)
    return _Group(first.variant, first.setting, first.model, info, tables, summary, minutes, row)


def _pairs(groups: Sequence[_Group]) -> list[tuple[_Group, _Group]]:
    """Return the two settings of each variant that were both run."""
    by_variant: dict[str, list[_Group]] = {}
    for group in groups:
        by_variant.setdefault(group.variant, []).append(group)
    return [(some[0], some[1]) for some in by_variant.values() if len(some) == 2]


def _paper_table(groups: Sequence[_Group]) -> Table:
    info = groups[0].info
    seeds = max(len(group.tables) for group in groups)
    shown = make_table(f"{info.name}: mean ± sd over {count_words(seeds, 'seed')}", info, (0, 0))
    shown.add_column("%", no_wrap=True)
    for measure in measures_of(info.classes):
        shown.add_column(measure.words, justify="right")
    shown.add_column("n", justify="right")
    shown.add_column("min", justify="right")
    for group in groups:
        shown.add_row(*_our_row(group))
        if group.row:
            printed = [_printed(group.row, name, metric) for name, metric in _shown(info)]
            cells = ["" if value is None else f"{100 * value:.1f}" for value in printed]
            shown.add_row("  the paper", *cells, "", "", style="cyan")
    return shown


def _notes(groups: Sequence[_Group]) -> list[str]:
    """Return what must be said with the figures, the papers' and ours; a note that is not of all names its variants."""
    whose: dict[str, dict[str, None]] = {}
    for group in groups:
        if group.row:
            counted = round(metrics.value_of(next(iter(group.tables.values())), "pooled", "all", "support"))
            for note in (*group.row.footnotes, group.row.count_note(counted)):
                whose.setdefault(note, {})[group.variant] = None
    everybody = {group.variant for group in groups if group.row}
    notes = [note if set(names) == everybody else f"{', '.join(names)}: {note}" for note, names in whose.items()]
    return [*([INTERVAL] if _pairs(groups) else []), *notes]


def _our_row(group: _Group) -> list[str]:
    summary = group.summary.set_index(["class", "metric"])
    cells = [_tight(summary["mean"][key], summary["sd"][key]) for key in _shown(group.info)]
    count = summary["mean"]["all", "support"]
    title = ", ".join(filter(None, (group.variant, group.setting)))
    return [title, *cells, f"{count:,.0f}", "" if pd.isna(group.minutes) else f"{group.minutes:.1f}"]


def _shown(info: RunInfo) -> list[tuple[str, str]]:
    """Return (class, metric) of each column."""
    return [(name, metric) for _, name, metric in measures_of(info.classes)]


def _tight(mean: float, sd: float) -> str:
    """Return ``80.8±6.3``, or ``80.8±16``: with more digits seven columns do not fit a terminal of 80 letters."""
    wide = not pd.isna(sd) and sd >= 0.1
    return f"{100 * mean:.1f}±{100 * sd:.0f}" if wide else plus_minus(mean, sd, 1).replace(" ", "")


def _differences_table(first: _Group, second: _Group) -> Table:
    title = f"{first.variant}: {first.setting} minus {second.setting}, paired by seed"
    shown = make_table(title, first.info, (0, 1))
    shown.add_column("percentage points")
    shown.add_column("difference", justify="right")
    shown.add_column("95 % interval", justify="right")
    shown.add_column("seeds", justify="right")
    for measure in measures_of(first.info.classes):
        found = _difference(first, second, measure)
        interval = "one seed: none" if pd.isna(found.low) else f"{100 * found.low:+.1f} to {100 * found.high:+.1f}"
        shown.add_row(measure.words, f"{100 * found.mean:+.1f}", interval, str(found.pairs))
    return shown


def _difference(first: _Group, second: _Group, measure: Measure) -> Difference:
    def values(group: _Group) -> dict[int, float]:
        return {
            seed: metrics.value_of(table, "mean", measure.name, measure.metric) for seed, table in group.tables.items()
        }

    return paired_difference(values(first), values(second))


def _printed(row: Row | None, name: str, metric: str) -> float | None:
    return None if row is None else row.value(metric, name)


def _keys(summary: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    return summary["class"], summary.metric
