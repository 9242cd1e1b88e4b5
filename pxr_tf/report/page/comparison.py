"""The page of several runs: what differs, and their figures side by side."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pandas as pd

from pxr_tf.data.run_warnings import RunWarning
from pxr_tf.errors import PxrError, count_words
from pxr_tf.evidence.comparable import Side, pair_seeds
from pxr_tf.evidence.compare import Comparison, compare_sides
from pxr_tf.evidence.seeds import name_owners
from pxr_tf.report.compared import NOTES, ONE_FOLD, OVER_SEEDS, cells_of, conclude, headings, seeds_table
from pxr_tf.report.figures import SYNTHETIC_NOTE
from pxr_tf.report.page.facts import RunFacts
from pxr_tf.report.page.figures import draw_rows
from pxr_tf.report.page.headline import headline
from pxr_tf.report.page.parts import Drawing, Drawings, Facts, Part, Prose, Section, Table, from_screen
from pxr_tf.report.page.words import NAMES, ends_of, measured
from pxr_tf.runs.finished import FinishedRun

SHOWN = ("accuracy", "balanced_accuracy", "auc", "average_precision", "log_loss", "brier")


def compare_sections(runs: Mapping[str, FinishedRun]) -> list[Section]:
    """Return the sections of a page that compares runs, by their names on the page; the first is the reference."""
    named = {name: RunFacts(run, by_paper=False) for name, run in runs.items()}
    made = {
        "runs": ("What was run", what_was_run),
        "warnings": ("Warnings", warnings),
        "results": ("Results", results),
        "comparison": ("Comparison with the first run", differences),
        "classes": ("Classes", classes),
        "provenance": ("Provenance", lambda named: [provenance(named)]),
    }
    sections = [Section(key, title, list(make(named))) for key, (title, make) in made.items()]
    return [section for section in sections if section.parts]


def name_runs(runs: Sequence[FinishedRun]) -> dict[str, FinishedRun]:
    """Return several runs by what distinguishes their places, ``strategy2-xception/folds/seed-0``."""
    parts = [run.place.split("/") for run in runs]
    same = {place for place in range(min(map(len, parts))) if len({part[place] for part in parts}) == 1}
    short = ["/".join(word for place, word in enumerate(part) if place not in same) for part in parts]
    plain = all(short) and len(set(short)) == len(short)
    return dict(zip(short if plain else [str(run.folder) for run in runs], runs, strict=True))


def what_was_run(runs: Mapping[str, RunFacts]) -> Iterator[Part]:
    """Yield a line per run; synthetic data first."""
    if any(run.synthetic for run in runs.values()):
        yield Prose(f"{SYNTHETIC_NOTE}: the figures on this page say nothing about medicine.", "notice")
    said = {name: f"{run.info.title} ({run.info.name}): {run.data} {run.model}" for name, run in runs.items()}
    yield Facts([(name, f"{words} Tested by {runs[name].partition}") for name, words in said.items()])


def warnings(runs: Mapping[str, RunFacts]) -> Iterator[Part]:
    """Yield the warnings of all runs, each with its runs."""
    yield from show_warnings(name_owners([(name, run.info.warnings) for name, run in runs.items()]))


def show_warnings(found: Iterable[RunWarning]) -> Iterator[Part]:
    """Yield each warning, or that there is none."""
    notices = [Prose(warning.text, "notice") for warning in found]
    yield from notices or [Prose("None of the runs has a warning.")]


def results(runs: Mapping[str, RunFacts]) -> Iterator[Part]:
    """Yield each run's result, in a sentence and in figures with intervals."""
    yield Facts([(name, headline(run)) for name, run in runs.items()])
    frame = pd.DataFrame({"run": list(runs), "counted": [run.reading for run in runs.values()]})
    for metric in SHOWN:
        frame[NAMES[metric]] = [measured(run.table, "all", metric) for run in runs.values()]
    caption = "Figures over all classes, with their intervals; counted: all held-out images, or balanced test images."
    yield Table("runs", caption, frame)
    rows = [ends_of(run.table, "all", "accuracy") for run in runs.values()]
    words = "; ".join(f"{name} {measured(run.table, 'all', 'accuracy')}" for name, run in runs.items())
    yield Drawings([Drawing("runs", "Accuracy.", f"Accuracy: {words}.", draw_rows(list(runs), rows, "accuracy, %"))])


def differences(runs: Mapping[str, RunFacts]) -> Iterator[Part]:
    """Yield each run's differences to the first; nothing for one run."""
    sides = {name: Side(run.run.folder, {run.recipe.seed: run.run}) for name, run in runs.items()}
    yield from explained(differences_of(sides, "differences"))


def explained(parts: Iterable[Part]) -> Iterator[Part]:
    """Yield the parts and, if they have a table of differences, what its columns mean."""
    parts = list(parts)
    yield from parts
    if any(isinstance(part, Table) for part in parts):
        yield Prose(NOTES, "faint")


def differences_of(sides: Mapping[str, Side], prefix: str) -> Iterator[Part]:
    """Yield each side's differences to the first, with intervals and tests; or why they cannot be compared.

    `prefix`: of the tables' names, before the letter of the other side.
    """
    titles, refused = list(sides), {title: _find_fault(sides, title) for title in list(sides)[1:]}
    yield from (Prose(why, "notice") for why in refused.values() if why)
    titles = [title for title in titles if not refused.get(title)]
    if len(titles) < 2:
        return
    found = compare_sides([sides[title] for title in titles])
    yield Facts(list(zip(found.names, titles, strict=True)))
    for letter, title in list(zip(found.names, titles, strict=True))[1:]:
        yield from _compare_pair(found, letter, f"{title} ({letter}) compared with {titles[0]} (A)", prefix)
    notes = [*([ONE_FOLD] if found.table.folds.max() < 2 else []), *found.notes]
    yield from (Prose(note, "faint") for note in notes)


def _compare_pair(found: Comparison, letter: str, caption: str, prefix: str) -> Iterator[Part]:
    """Yield the differences of one side to the first: in sentences, as a table, and over seeds."""
    first, side = found.names[0], found.sides[found.names.index(letter)]
    rows = found.table[found.table.second == str(side.folder)]
    accuracy = rows.set_index("metric", drop=False).loc["accuracy"]
    yield from (Prose(sentence) for sentence in conclude(accuracy, first, letter, len(found.table)))
    cells = [list(cells_of(row)) for _, row in rows.iterrows()]
    frame = pd.DataFrame(cells, columns=["figure", *headings(first, letter)[1:]])
    yield Table(f"{prefix}-{letter}", f"{caption}.", frame)
    if accuracy.seeds > 1:
        yield from_screen(f"{prefix}-{letter}-seeds", seeds_table(rows, first, letter), f"{caption}. {OVER_SEEDS}")


def _find_fault(sides: Mapping[str, Side], title: str) -> str:
    """Return why a side cannot be compared with the first, in the page's names; "" if it can."""
    (name, reference), side = next(iter(sides.items())), sides[title]
    try:
        pair_seeds(reference, side)
    except PxrError as error:
        why = str(error)
        for place, words in ((side, title), (reference, name)):
            for folder in (place.folder, *(run.folder for run in place.runs.values())):
                why = why.replace(repr(str(folder)), words)
        return why
    return ""


def classes(runs: Mapping[str, RunFacts]) -> Iterator[Part]:
    """Yield the sensitivity and precision of each class in each run that has it."""
    names = list(dict.fromkeys(name for run in runs.values() for name in run.info.classes))
    for metric in ("sensitivity", "precision"):
        frame = pd.DataFrame({"class": names})
        for title, run in runs.items():
            frame[title] = [measured(run.table, name, metric) if name in run.info.classes else "" for name in names]
        words = NAMES[metric][0].upper() + NAMES[metric][1:]
        title = f"{words} of {count_words(len(names), 'class', 'classes')}, with intervals."
        yield Table(f"classes-{metric}", title, frame)


def provenance(runs: Mapping[str, RunFacts]) -> Facts:
    """Return the command, the commit and the machine of each run."""
    return Facts([(name, f"{run.command}; commit {run.commit}; {run.machine}") for name, run in runs.items()])
