"""The pages of a grid and of a paper: the tables of the screen, and what belongs to them."""

from collections.abc import Iterator, Sequence

import pandas as pd

from pxr_tf.errors import count_words
from pxr_tf.evaluation.metrics import value_of
from pxr_tf.evidence.comparable import Side
from pxr_tf.evidence.verdicts import read_verdicts, summarise_verdicts
from pxr_tf.report.figures import SYNTHETIC_NOTE
from pxr_tf.report.fitting import FittedTable
from pxr_tf.report.grid import GridCell, cells_table, deviation_notes
from pxr_tf.report.page.comparison import compare_sections, differences_of
from pxr_tf.report.page.facts import RunFacts
from pxr_tf.report.page.figures import draw_rows
from pxr_tf.report.page.parts import Drawing, Drawings, Facts, Part, Prose, Section, Table
from pxr_tf.report.page.words import with_ends
from pxr_tf.report.reproduced import by_classes, differences_tables, paper_and_our_notes, paper_tables
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.studies.paper_runs import Group, PaperRun, group_runs, warn_of


def grid_sections(cells: Sequence[GridCell]) -> list[Section]:
    """Return the page of a grid: its table, then its finished cells, compared with the first of them."""
    facts = [RunFacts(cell.run) for cell in cells if cell.run]
    shown = from_screen("grid", cells_table(cells), "In %, mean ± sd over folds.")
    notes = [Prose(note, "faint") for note in deviation_notes(cells)]
    run, warnings, *others = compare_sections(facts)
    return [run, warnings, Section("grid", "Grid", [shown, *notes]), *others]


def paper_sections(runs: Sequence[PaperRun]) -> list[Section]:
    """Return the page of a paper's runs; at least one must be finished."""
    groups = group_runs(runs)
    made = {
        "runs": ("What was run", _what_was_run(runs, groups)),
        "warnings": ("Warnings", _warnings(groups)),
        "results": ("Results", _results(groups)),
        "verdicts": ("The paper's figures", _verdicts(groups)),
        "settings": ("Settings", _settings(groups)),
        "comparison": ("Comparison with the first variant", _comparison(groups)),
        "provenance": ("Provenance", _provenance(groups)),
    }
    sections = [Section(key, title, list(parts)) for key, (title, parts) in made.items()]
    return [section for section in sections if section.parts]


def from_screen(name: str, shown: FittedTable, caption: str = "") -> Table:
    """Return a table of the screen as a table of the page; its heading is the caption."""
    cells = {place: [str(cell).strip() for cell in column.cells] for place, column in enumerate(shown.columns)}
    frame = pd.DataFrame(cells).set_axis([str(column.header) for column in shown.columns], axis=1)
    said = [line.rstrip(".") for line in (*shown.heading.splitlines(), caption) if line]
    return Table(name, f"{'. '.join(said)}.", frame)


def _what_was_run(runs: Sequence[PaperRun], groups: Sequence[Group]) -> Iterator[Part]:
    if any(group.info.origin == "synthetic" for group in groups):
        yield Prose(f"{SYNTHETIC_NOTE}: the figures on this page say nothing about medicine.", "notice")
    finished = sum(run.run is not None for run in runs)
    yield Prose(f"{finished} of {count_words(len(runs), 'run')} finished, all that one command asked for.", "lead")
    yield from (Prose(f"{run.title} failed: {run.failure}", "notice") for run in runs if run.failure)
    facts = {group.title: RunFacts(_first(group)) for group in groups}
    yield Facts([(title, f"{one.data} {one.model} Tested by {one.partition}") for title, one in facts.items()])


def _warnings(groups: Sequence[Group]) -> Iterator[Part]:
    found = warn_of(groups)
    yield from (Prose(warning.text, "notice") for warning in found)
    if not found:
        yield Prose("None of the runs has a warning.")


def _results(groups: Sequence[Group]) -> Iterator[Part]:
    for number, (shown, some) in enumerate(zip(paper_tables(groups), by_classes(groups), strict=True), start=1):
        yield from_screen(f"paper-{number}", shown)
        yield Drawings([_accuracies(some, number)])
    yield from (Prose(note, "faint") for note in paper_and_our_notes(groups))


def _accuracies(groups: Sequence[Group], number: int) -> Drawing:
    """Return the accuracy of each variant with its spread over seeds, and the paper's."""
    rows, titles = [_accuracy(group) for group in groups], [group.title for group in groups]
    paper = [group.row.value("accuracy") if group.row else None for group in groups]
    words = "; ".join(f"{title} {with_ends(*row)}" for title, row in zip(titles, rows, strict=True))
    crosses = " Crosses: the paper." if any(value is not None for value in paper) else ""
    several = any(len(group.tables) > 1 for group in groups)
    spread = "mean ± sd over seeds" if several else "with its 95 % interval over patients"
    drawn = draw_rows(titles, rows, "accuracy, %", paper)
    return Drawing(f"accuracy-{number}", f"Accuracy, {spread}.{crosses}", f"Accuracy: {words}.", drawn)


def _accuracy(group: Group) -> tuple[float, float, float]:
    """Return the accuracy and its ends: mean ± sd over seeds, or the interval of the only seed."""
    if len(group.tables) == 1:
        (table,) = group.tables.values()
        return tuple(value_of(table, "mean", "all", "accuracy", end) for end in ("value", "low", "high"))
    summary = group.summary.set_index(["class", "metric"])
    mean, sd = (summary[name]["all", "accuracy"] for name in ("mean", "sd"))
    return mean, mean - sd, mean + sd


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
    """Yield the differences of each variant to the first of the same classes and setting."""
    alike = [
        [group for group in some if group.setting == setting]
        for some in by_classes(groups)
        for setting in dict.fromkeys(group.setting for group in some)
    ]
    for number, some in enumerate(alike, start=1):
        sides = {group.title: Side(_first(group).folder.parent, group.runs) for group in some}
        yield from differences_of(sides, f"comparison-{number}")


def _provenance(groups: Sequence[Group]) -> Iterator[Part]:
    facts = [RunFacts(run) for group in groups for run in group.runs.values()]
    yield Facts([(one.run.place, f"{one.command}; commit {one.commit}; {one.machine}") for one in facts])


def _first(group: Group) -> FinishedRun:
    return next(iter(group.runs.values()))
