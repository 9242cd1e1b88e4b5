"""The page of one run: a function per section, in the order of the page. A section without data is left out."""

from collections.abc import Callable, Iterator
from functools import partial

import pandas as pd

from pxr_tf.errors import count_words
from pxr_tf.evaluation import metrics
from pxr_tf.evidence.curves import held_out_curves
from pxr_tf.evidence.deviations import has_protocol, read_deviations
from pxr_tf.evidence.paper import auc_of, paper_notes
from pxr_tf.evidence.seeds import summarise_seeds_of
from pxr_tf.report.figures import SYNTHETIC_NOTE
from pxr_tf.report.fonts import describe_hidden
from pxr_tf.report.page import figures
from pxr_tf.report.page.checklists import checklist
from pxr_tf.report.page.closer import evaluations, findings, labels, paper, subgroups
from pxr_tf.report.page.decisions import calibration, operating_points
from pxr_tf.report.page.facts import RunFacts
from pxr_tf.report.page.headline import headline
from pxr_tf.report.page.paper_texts import methods, model_card
from pxr_tf.report.page.parts import Drawings, Facts, Part, Pictures, Prose, Section, Table
from pxr_tf.report.page.words import NAMES, NONE, figure, measured, over_folds
from pxr_tf.report.results import plus_minus
from pxr_tf.runs.directory import read_history

PER_CLASS = ("sensitivity", "specificity", "precision", "f1", "auc", "average_precision")
OF_ALL = ("accuracy", "balanced_accuracy", "auc", "average_precision", "log_loss", "brier")


def what_was_run(facts: RunFacts) -> Iterator[Part]:
    """Yield what was run on which data; synthetic data first."""
    if facts.synthetic:
        yield Prose(f"{SYNTHETIC_NOTE}: the figures on this page say nothing about medicine.", "notice")
    yield Prose(f"{facts.info.title} ({facts.info.name}): {facts.data}", "lead")
    yield Prose(f"{facts.model} Tested by {facts.partition}")


def warnings(facts: RunFacts) -> Iterator[Part]:
    """Yield the reasons not to believe the figures."""
    found = list(dict.fromkeys(warning.text for warning in facts.info.warnings))
    yield from (Prose(text, "notice") for text in found)
    if not found:
        yield Prose("No warning: no leak, no shortcut and no mix of environments was found when the run was prepared.")
    yield Prose("Research use only, not a medical device.", "faint")


def result(facts: RunFacts) -> Iterator[Part]:
    """Yield the figure that counts, in one sentence, then all figures over all classes."""
    yield Prose(headline(facts), "lead")
    yield overall_table(facts)
    if facts.paper:
        notes = paper_notes(facts.info, facts.paper, len(facts.tested))
        yield from (Prose(note, "faint") for note in notes)


def overall_table(facts: RunFacts) -> Table:
    """Return the figures over all classes with their intervals, for each reading, and the paper's."""
    rows, names = {}, OF_ALL
    if auc_of(facts.paper) not in OF_ALL:  # what the paper calls AUC is another metric
        names = (*OF_ALL, auc_of(facts.paper))
    for reading, table in facts.readings.items():
        column = "all held-out images" if reading == "all" else "balanced test images"
        rows[column] = [measured(table, "all", metric) for metric in names]
    frame = pd.DataFrame({"figure": [NAMES[metric] for metric in names]} | rows)
    printed = [facts.paper.printed(metric) if facts.paper else None for metric in names]
    if any(printed):
        frame["paper"] = [one.words if one else NONE for one in printed]
    return Table("overall", f"Figures over all classes{facts.folds_words}, with their intervals.", frame)


def classes(facts: RunFacts) -> Iterator[Part]:
    """Yield the figures of each class against the rest."""
    frame = pd.DataFrame({"class": list(facts.info.classes)})
    frame["images"] = [f"{metrics.value_of(facts.table, 'pooled', name, 'support'):,.0f}" for name in frame["class"]]
    for metric in PER_CLASS:
        frame[NAMES[metric]] = [measured(facts.table, name, metric) for name in frame["class"]]
        paper = [facts.paper.printed(metric, name) if facts.paper else None for name in frame["class"]]
        if any(paper):
            frame[f"{NAMES[metric]}, paper"] = [one.words if one else NONE for one in paper]
    yield Table("classes", f"Each class against the rest, on {facts.test_words}, with intervals.", frame)
    yield Drawings([figures.classes_figure(facts)])
    hidden = describe_hidden(facts.info.classes)
    if hidden:
        yield Prose(hidden, "faint")


def folds(facts: RunFacts) -> Iterator[Part]:
    """Yield the figures of each fold; nothing for one fold."""
    names = list(facts.run.folds)
    if len(names) < 2:
        return
    shown = {NAMES[metric]: metric for metric in OF_ALL[:4]}
    frame = pd.DataFrame({"fold": [*names, "mean ± sd"]})
    counts = [f"{metrics.value_of(facts.table, fold, 'all', 'support'):,.0f}" for fold in names]
    frame["images"] = [*counts, f"{metrics.value_of(facts.table, 'pooled', 'all', 'support'):,.0f}"]
    for words, metric in shown.items():
        cells = [measured(facts.table, "all", metric, fold) for fold in names]
        frame[words] = [*cells, over_folds(facts.table, "all", metric)]
    yield Table("folds", "Each fold's test images, with intervals; mean and standard deviation over folds.", frame)
    yield Drawings([figures.folds_figure(facts)])


def seeds(facts: RunFacts) -> Iterator[Part]:
    """Yield mean and spread over runs that differ only in their seed; nothing for one run."""
    summary = summarise_seeds_of(facts.run)
    if summary is None:
        return
    values = summary.summary.set_index(["class", "metric"])
    frame = pd.DataFrame({"figure": [NAMES[metric] for metric in OF_ALL[:4]]})
    frame["mean ± sd"] = [
        f"{plus_minus(values['mean']['all', metric], values.sd['all', metric], 1)} %" for metric in OF_ALL[:4]
    ]
    for seed, table in summary.tables.items():
        frame[f"seed {seed}"] = [figure(metrics.value_of(table, "mean", "all", metric)) for metric in OF_ALL[:4]]
    yield Table("seeds", f"{count_words(len(summary.tables), 'seed')}: the spread of training itself.", frame)


def confusion(facts: RunFacts) -> Iterator[Part]:
    """Yield the confusion matrices: counts, and shares of each true class."""
    counts = metrics.confusion_matrix(facts.tested)
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
    for name, table, words, caption in (
        ("confusion", counts, "{:,}", "Images by true class (rows) and predicted class (columns)."),
        ("confusion-shares", shares, "{:.1%}", "The same, as shares of each true class (sensitivity on the diagonal)."),
    ):
        frame = table.map(words.format).rename_axis(columns=None).reset_index(names="true class")
        yield Table(name, caption, frame, shares.to_numpy().tolist())


def curves(facts: RunFacts) -> Iterator[Part]:
    """Yield ROC and precision-recall curves."""
    found = held_out_curves(facts.run, facts.reading)
    if len(found):
        yield Prose("Each class against the rest, a line per fold; the grey line is a guess.")
        yield Drawings(figures.roc_panels(facts, found))
        yield Drawings(figures.precision_recall_panels(facts, found))


def learning(facts: RunFacts) -> Iterator[Part]:
    """Yield loss and accuracy over the epochs; nothing for a model without epochs."""
    histories = {name: read_history(file) for name, file in facts.run.histories().items()}
    if histories:
        yield Prose(f"{facts.training} {facts.selection}")
        yield Drawings(figures.learning_panels(histories, facts.run.losses()))


def cases(facts: RunFacts) -> Iterator[Part]:
    """Yield the most certain mistakes and successes; nothing without pictures."""
    shown = facts.cases
    if shown.mistakes or shown.successes:
        yield Prose(f"Each picture was predicted by a model that did not train on it. {shown.words}")
    if shown.mistakes:
        yield Pictures("Most certain mistakes", shown.mistakes)
    if shown.successes:
        yield Pictures("Most certain successes", shown.successes)


def data(facts: RunFacts) -> Iterator[Part]:
    """Yield how many images and patients of each class and source were tested."""
    rows = facts.run.predictions.drop_duplicates("image_id")
    by = [name for name in ("label", "source") if name in rows]
    counted = {"images": ("image_id", "nunique")}
    if "patient_id" in rows:
        counted["patients"] = ("patient_id", "nunique")
    frame = rows.groupby(by).agg(**counted).reset_index().rename(columns={"label": "class"})
    shown = frame[["class"]].assign(**{name: frame[name].map("{:,}".format) for name in counted})
    if "source" in rows:
        shown["class"] += ", " + frame.source
    yield Table("data", "Images with a prediction, by class and source.", shown)
    yield Prose(f"{facts.duplicates} {facts.preparation} {facts.balance}")


def deviations(facts: RunFacts) -> Iterator[Part]:
    """Yield how the recipe differs from the paper's; nothing for a run without a paper."""
    if not has_protocol(facts.run):
        return
    found = read_deviations(facts.run)
    if not found:
        yield Prose("The recipe follows the paper's protocol in every setting that is compared. Data are not compared.")
        return
    frame = pd.DataFrame(found, columns=["setting", "paper", "this run"])
    yield Table("deviations", "Settings that differ from the paper's protocol.", frame, words=True)


def provenance(facts: RunFacts) -> Iterator[Part]:
    """Yield where the numbers come from."""
    known = facts.run.provenance
    minutes = facts.run.minutes()
    pairs = [
        ("command", facts.command),
        ("run", facts.run.place),
        ("begun", known.get("started", "not recorded")),
        ("training", "not recorded" if pd.isna(minutes) else f"{minutes:,.1f} minutes"),
        ("seed", str(facts.recipe.seed)),
        ("commit", facts.commit),
        ("machine", facts.machine),
        ("software", facts.software or "not recorded"),
        ("weights", str(known["weights"])),
        ("data", ", ".join(known["data"])),
        ("digest of the data", known["data_digest"]),
        *((f"digest of {name}", digest) for name, digest in known["files"].items()),
    ]
    yield Facts(pairs)


SECTIONS: dict[str, tuple[str, Callable[[RunFacts], Iterator[Part]]]] = {
    "run": ("What was run", what_was_run),
    "warnings": ("Warnings", warnings),
    "audit": ("Audit", findings),
    "result": ("Result", result),
    "paper": ("The paper's figures", paper),
    "classes": ("Classes", classes),
    "folds": ("Folds", folds),
    "seeds": ("Seeds", seeds),
    "confusion": ("Confusion matrices", confusion),
    "curves": ("ROC and precision-recall curves", curves),
    "calibration": ("Calibration", calibration),
    "decisions": ("Operating points and decisions", operating_points),
    "evaluations": ("Other data", evaluations),
    "subgroups": ("Groups of test images", subgroups),
    "learning": ("Learning curves", learning),
    "cases": ("Most certain mistakes and successes", cases),
    "labels": ("Labels to look at", labels),
    "data": ("Data", data),
    "deviations": ("Deviations from the paper", deviations),
    "provenance": ("Provenance", provenance),
    "card": ("Model card", model_card),
    "claim": ("CLAIM 2024", partial(checklist, "claim2024")),
    "tripod": ("TRIPOD+AI", partial(checklist, "tripod_ai")),
    "methods": ("Methods and citation", methods),
}


def make_sections(facts: RunFacts) -> list[Section]:
    """Return the sections of one run that have something to show."""
    made = [Section(key, title, list(make(facts))) for key, (title, make) in SECTIONS.items()]
    return [section for section in made if section.parts]
