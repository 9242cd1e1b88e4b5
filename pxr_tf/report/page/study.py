"""The pages of a grid and of a paper: the tables of the screen, and what belongs to them."""

from collections.abc import Iterator, Sequence

import numpy as np

from pxr_tf.errors import count_words
from pxr_tf.evidence.comparable import Side
from pxr_tf.evidence.intervals import unit_of_table
from pxr_tf.evidence.verdicts import read_verdicts, summarise_verdicts
from pxr_tf.report.grid import GridCell, cells_table, deviation_notes, title_of
from pxr_tf.report.page.comparison import (
    compare_sections,
    differences_of,
    explained,
    provenance,
    show_warnings,
    what_was_run,
)
from pxr_tf.report.page.facts import RunFacts
from pxr_tf.report.page.figures import draw_rows
from pxr_tf.report.page.parts import Drawing, Drawings, Facts, Part, Prose, Section, from_screen
from pxr_tf.report.page.words import ends_of, with_ends
from pxr_tf.report.reproduced import (
    by_classes,
    differences_tables,
    paper_and_our_notes,
    paper_tables,
    points_tables,
)
from pxr_tf.report.results import plus_minus
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.studies.paper_runs import Group, PaperRun, group_runs, warn_of

GRID, PAPER = "grid", "paper"  # folders of the pages, below that of the recipe


def grid_sections(cells: Sequence[GridCell]) -> list[Section]:
    """Return the page of a grid: its table, then its finished cells, compared with the first of them."""
    failed = [Prose(f"{title_of(cell)} failed: {cell.failure}", "notice") for cell in cells if cell.failure]
    shown = from_screen("grid", cells_table(cells), "In %, mean ± sd over folds.")
    notes = [Prose(note, "faint") for note in deviation_notes(cells)]
    sections = compare_sections({title_of(cell): cell.run for cell in cells if cell.run})
    place = [section.key for section in sections].index("results")
    return [*sections[:place], Section("grid", "Grid", [*failed, shown, *notes]), *sections[place:]]


def paper_sections(runs: Sequence[PaperRun]) -> list[Section]:
    """Return the page of a paper's runs; at least one must be finished."""
    groups = group_runs(runs)
    made = {
        "runs": ("What was run", _what_was_run(runs, groups)),
        "warnings": ("Warnings", show_warnings(warn_of(groups))),
        "results": ("Results", _results(groups)),
        "verdicts": ("The paper's figures", _verdicts(groups)),
        "settings": ("Settings", _settings(groups)),
        "comparison": ("Comparison of variants", _comparison(groups)),
        "provenance": ("Provenance", [_provenance(groups)]),
    }
    sections = [Section(key, title, list(parts)) for key, (title, parts) in made.items()]
    return [section for section in sections if section.parts]


def _what_was_run(runs: Sequence[PaperRun], groups: Sequence[Group]) -> Iterator[Part]:
    finished = sum(run.run is not None for run in runs)
    yield Prose(f"The command asked for {count_words(len(runs), 'run')}; {finished} finished.", "lead")
    yield from (Prose(f"{run.title} failed: {run.failure}", "notice") for run in runs if run.failure)
    yield from what_was_run({group.title: RunFacts(_first(group)) for group in groups})


def _results(groups: Sequence[Group]) -> Iterator[Part]:
    for number, (shown, some) in enumerate(zip(paper_tables(groups), by_classes(groups), strict=True), start=1):
        yield from_screen(f"paper-{number}", shown)
        yield Drawings([_accuracies(some, number)])
    for number, (title, shown) in enumerate(points_tables(groups).items(), start=1):
        yield from_screen(f"thresholds-{number}", shown, title)
    yield from (Prose(note, "faint") for note in paper_and_our_notes(groups))


def _accuracies(groups: Sequence[Group], number: int) -> Drawing:
    """Return the accuracy of each variant and the paper's; bars are the sd over seeds, or the interval if all have one.

    A variant of one seed has no bar next to others that have several.
    """
    several = any(len(group.tables) > 1 for group in groups)
    rows = [_over_seeds(group) if several else _over_patients(group) for group in groups]
    titles = [group.title for group in groups]
    paper = [group.row.value("accuracy") if group.row else None for group in groups]
    said = [
        f"{plus_minus(mean, mean - low, 1)} %" if several else with_ends(mean, low, high) for mean, low, high in rows
    ]
    words = "; ".join(f"{title} {one}" for title, one in zip(titles, said, strict=True))
    crosses = " Crosses: the paper." if any(value is not None for value in paper) else ""
    spread = "mean ± sd over seeds" if several else f"with its 95 % interval over {_units(groups)}"
    drawn = draw_rows(titles, [(mean, low, min(high, 1)) for mean, low, high in rows], "accuracy, %", paper)
    return Drawing(f"accuracy-{number}", f"Accuracy, {spread}.{crosses}", f"Accuracy: {words}.", drawn)


def _units(groups: Sequence[Group]) -> str:
    tables = [table for group in groups for table in group.tables.values()]
    return " or ".join(dict.fromkeys(f"{unit_of_table(table)}s" for table in tables))


def _over_seeds(group: Group) -> tuple[float, float, float]:
    """Return the mean accuracy over seeds, less and plus its sd; NaN for one seed."""
    summary = group.summary.set_index(["class", "metric"])
    mean = summary["mean"]["all", "accuracy"]
    sd = summary["sd"]["all", "accuracy"] if len(group.tables) > 1 else np.nan
    return mean, mean - sd, mean + sd


def _over_patients(group: Group) -> tuple[float, float, float]:
    """Return the accuracy of the only seed, with its interval."""
    (table,) = group.tables.values()
    return ends_of(table, "all", "accuracy")


def _verdicts(groups: Sequence[Group]) -> Iterator[Part]:
    """Yield what the paper's figures are to our intervals, for the first seed of each variant."""
    found = [(f"{group.title}, seed {next(iter(group.runs))}", read_verdicts(_first(group))) for group in groups]
    pairs = [(title, summarise_verdicts(table)) for title, table in found if len(table)]
    if pairs:
        yield Facts(pairs)


def _settings(groups: Sequence[Group]) -> Iterator[Part]:
    for number, shown in enumerate(differences_tables(groups), start=1):
        yield from_screen(f"settings-{number}", shown)


def _comparison(groups: Sequence[Group]) -> Iterator[Part]:
    """Yield the differences of each variant to the first that finished, of the same classes and setting."""
    alike = [
        [group for group in some if group.setting == setting]
        for some in by_classes(groups)
        for setting in dict.fromkeys(group.setting for group in some)
    ]
    parts: list[Part] = []
    for number, some in enumerate(alike, start=1):
        sides = {_with_seed(group): Side(_first(group).folder.parent, group.runs) for group in some}
        parts += differences_of(sides, f"comparison-{number}")
    yield from explained(parts)


def _with_seed(group: Group) -> str:
    """Return the group's title, with its seed if it has only one: another may have another seed."""
    return group.title if len(group.runs) > 1 else f"{group.title}, seed {next(iter(group.runs))}"


def _provenance(groups: Sequence[Group]) -> Facts:
    return provenance({run.place: RunFacts(run) for group in groups for run in group.runs.values()})


def _first(group: Group) -> FinishedRun:
    return next(iter(group.runs.values()))
