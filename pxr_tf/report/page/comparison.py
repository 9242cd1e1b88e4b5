"""The page of several runs: what differs, and their figures side by side."""

from collections.abc import Iterator, Sequence

import pandas as pd

from pxr_tf.errors import PxrError, count_words
from pxr_tf.evaluation import metrics
from pxr_tf.evidence.comparable import Side
from pxr_tf.evidence.compare import compare_sides
from pxr_tf.evidence.seeds import name_owners
from pxr_tf.report.compared import NOTES, cells_of, conclude, headings
from pxr_tf.report.figures import SYNTHETIC_NOTE
from pxr_tf.report.page.facts import RunFacts
from pxr_tf.report.page.figures import draw_rows
from pxr_tf.report.page.headline import headline
from pxr_tf.report.page.parts import Drawing, Drawings, Facts, Part, Prose, Section, Table
from pxr_tf.report.page.words import NAMES, measured

SHOWN = ("accuracy", "balanced_accuracy", "auc", "average_precision", "log_loss", "brier")


def compare_sections(runs: Sequence[RunFacts]) -> list[Section]:
    """Return the sections of a page that compares runs."""
    named = dict(zip(name_runs(runs), runs, strict=True))
    made = {
        "runs": ("What was run", what_was_run),
        "warnings": ("Warnings", warnings),
        "results": ("Results", results),
        "comparison": ("Comparison with the first run", differences),
        "classes": ("Classes", classes),
        "provenance": ("Provenance", provenance),
    }
    sections = [Section(key, title, list(make(named))) for key, (title, make) in made.items()]
    return [section for section in sections if section.parts]


def name_runs(runs: Sequence[RunFacts]) -> list[str]:
    """Return a short name per run: what distinguishes their places, ``strategy2-xception/folds/seed-0``."""
    parts = [run.run.place.split("/") for run in runs]
    same = {place for place in range(min(map(len, parts))) if len({part[place] for part in parts}) == 1}
    short = ["/".join(word for place, word in enumerate(part) if place not in same) for part in parts]
    return short if all(short) and len(set(short)) == len(short) else [str(run.run.folder) for run in runs]


def what_was_run(runs: dict[str, RunFacts]) -> Iterator[Part]:
    """Yield a line per run; synthetic data first."""
    if any(run.synthetic for run in runs.values()):
        yield Prose(f"{SYNTHETIC_NOTE}: figures of these runs say nothing about medicine.", "notice")
    yield Facts([(name, f"{run.info.title} ({run.info.name}): {run.data} {run.model}") for name, run in runs.items()])


def warnings(runs: dict[str, RunFacts]) -> Iterator[Part]:
    """Yield the warnings of all runs, each with its runs."""
    found = name_owners([(name, run.info.warnings) for name, run in runs.items()])
    yield from (Prose(warning.text, "notice") for warning in found)
    if not found:
        yield Prose("None of the runs has a warning.")


def results(runs: dict[str, RunFacts]) -> Iterator[Part]:
    """Yield each run's result, in a sentence and in figures with intervals."""
    yield Facts([(name, headline(run)) for name, run in runs.items()])
    frame = pd.DataFrame({"run": list(runs)})
    for metric in SHOWN:
        frame[NAMES[metric]] = [measured(run.table, "all", metric) for run in runs.values()]
    yield Table("runs", "Figures over all classes, with their intervals.", frame)
    rows = [
        tuple(metrics.value_of(run.table, "mean", "all", "accuracy", end) for end in ("value", "low", "high"))
        for run in runs.values()
    ]
    words = "; ".join(f"{name} {measured(run.table, 'all', 'accuracy')}" for name, run in runs.items())
    yield Drawings([Drawing("runs", "Accuracy.", f"Accuracy: {words}.", draw_rows(list(runs), rows, "accuracy, %"))])


def differences(runs: dict[str, RunFacts]) -> Iterator[Part]:
    """Yield each run's differences to the first; nothing for one run."""
    sides = {name: Side(run.run.folder, {run.recipe.seed: run.run}) for name, run in runs.items()}
    yield from differences_of(sides, "differences")


def differences_of(sides: dict[str, Side], table: str) -> Iterator[Part]:
    """Yield each side's differences to the first, with intervals and tests; or why they cannot be compared.

    The tables are called `table` and the letter of the other side.
    """
    if len(sides) < 2:
        return
    try:
        found = compare_sides(list(sides.values()))
    except PxrError as error:
        yield Prose(f"The figures above cannot be compared one to one: {error}", "notice")
        return
    yield Facts(list(zip(found.names, sides, strict=True)))
    first, *others = found.names
    for name, side in zip(others, found.sides[1:], strict=True):
        rows = found.table[found.table.second == str(side.folder)]
        accuracy = rows.set_index("metric", drop=False).loc["accuracy"]
        yield from (Prose(sentence) for sentence in conclude(accuracy, first, name, len(found.table)))
        cells = [list(cells_of(row)) for _, row in rows.iterrows()]
        frame = pd.DataFrame(cells, columns=["figure", *headings(first, name)[1:]])
        yield Table(f"{table}-{name}", f"{name} compared with {first}.", frame)
    yield Prose(NOTES, "faint")
    yield from (Prose(note, "faint") for note in found.notes)


def classes(runs: dict[str, RunFacts]) -> Iterator[Part]:
    """Yield the sensitivity and precision of each class in each run that has it."""
    names = list(dict.fromkeys(name for run in runs.values() for name in run.info.classes))
    for metric in ("sensitivity", "precision"):
        frame = pd.DataFrame({"class": names})
        for title, run in runs.items():
            frame[title] = [measured(run.table, name, metric) if name in run.info.classes else "" for name in names]
        words = NAMES[metric][0].upper() + NAMES[metric][1:]
        title = f"{words} of {count_words(len(names), 'class', 'classes')}, with intervals."
        yield Table(f"classes-{metric}", title, frame)


def provenance(runs: dict[str, RunFacts]) -> Iterator[Part]:
    """Yield the command and the commit of each run."""
    yield Facts([(name, f"{run.command}; commit {run.commit}; {run.machine}") for name, run in runs.items()])
