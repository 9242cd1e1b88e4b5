"""Sections that look closer: the paper's figures, groups of test images, labels to look at."""

from collections.abc import Iterator

import pandas as pd

from pxr_tf.errors import count_words
from pxr_tf.evidence.evaluations import read_evaluations
from pxr_tf.evidence.label_quality import measure_agreement
from pxr_tf.evidence.subgroups import FEW_PATIENTS, subgroup_table
from pxr_tf.evidence.verdicts import summarise_verdicts
from pxr_tf.report.audited import describe_grades
from pxr_tf.report.evaluated import INTERNAL, beside_table, called_table, describe_evaluation, describe_false
from pxr_tf.report.page.facts import RunFacts
from pxr_tf.report.page.parts import Part, Prose, Table, from_screen
from pxr_tf.report.page.words import NAMES, NONE, with_ends

CANDIDATES = "label_candidates.csv"
MOST_GROUPS = 3
MOST_LABELS = 20  # on the page; the table's file has all


def paper(facts: RunFacts) -> Iterator[Part]:
    """Yield the verdict on each figure of the paper; nothing for a run without such figures."""
    table = facts.verdicts
    if table.empty:
        return
    yield Prose(summarise_verdicts(table))
    frame = pd.DataFrame({"figure": list(map(_name, table["class"], table.metric))})
    frame["paper"] = [with_ends(row.paper, row.paper_low, row.paper_high) for row in table.itertuples()]
    frame["ours"] = [with_ends(row.ours, row.low, row.high) for row in table.itertuples()]
    frame["images"] = ["" if pd.isna(count) else f"{count:,.0f}" for count in table.images]
    frame["the paper's figure"] = [place.replace(" our interval", "") or NONE for place in table.position]
    caption = (
        "The paper's figures and ours, with 95 % intervals; whether the paper's are inside, above or below ours. "
        "Its own need the number of its test images, as it states it, or the fewest that its figures imply."
    )
    yield Table("verdicts", caption, frame)


def subgroups(facts: RunFacts) -> Iterator[Part]:
    """Yield each class's sensitivity in groups of its images; nothing without groups."""
    if "patient_id" not in facts.tested:
        return
    table = subgroup_table(facts.run, facts.reading)
    if table.empty:
        return
    names = [_group(*row) for row in zip(table.property, table.group, strict=True)]
    yield Prose(_most_apart(table.assign(group=names).rename(columns={"class": "label"})))
    frame = pd.DataFrame({"class": table["class"], "group": names})
    frame["images"], frame["patients"] = table.images.map("{:,}".format), table.patients.map("{:,}".format)
    frame["sensitivity"] = [with_ends(row.sensitivity, row.low, row.high) for row in table.itertuples()]
    frame["difference"] = [f"{100 * value:+.1f}" for value in table.difference]
    frame["p (Holm)"] = [f"{value:.3f}" if value >= 0.001 else "< 0.001" for value in table.p_holm]
    words = f"Groups of {FEW_PATIENTS} patients or more; the difference is to the rest of the class, in points."
    yield Table("subgroups", words, frame)


def findings(facts: RunFacts) -> Iterator[Part]:
    """Yield what an audit found, the worst first; nothing without an audit."""
    found = facts.run.findings
    if not found:
        return
    frame = pd.DataFrame({"grade": [finding.grade for finding in found]})
    frame["check"] = [finding.check for finding in found]
    frame["finding"] = [finding.text for finding in found]
    frame["what to do"] = [finding.remedy or NONE for finding in found]
    yield Prose(f"An audit found {describe_grades(found)}.")
    yield Table("findings", "What pxr audit found, the worst first; intervals are 95 %.", frame, words=True)


def evaluations(facts: RunFacts) -> Iterator[Part]:
    """Yield the run's figures on other data, and what each group was called; nothing without an evaluation."""
    for found in read_evaluations(facts.run):
        yield Prose(f"{found.name}: {describe_evaluation(found)}")
        for sentence in describe_false(found.called):
            yield Prose(sentence)
        if len(found.beside):
            yield from_screen(f"beside-{found.name}", beside_table(found.beside), INTERNAL)
        yield from_screen(f"called-{found.name}", called_table(found.called), "In %, by the label in the data")


def labels(facts: RunFacts) -> Iterator[Part]:
    """Yield the images whose label the models doubt, and how often images of one patient are predicted differently."""
    if "patient_id" not in facts.tested:
        return
    agreement, found = measure_agreement(facts.run, facts.reading), facts.label_candidates
    if agreement.patients:
        several = count_words(agreement.patients, "patient")
        yield Prose(
            f"Of {several} with several images of one class, {agreement.disagree} get more than one prediction."
        )
    if found.empty:
        return
    yield Prose(
        f"For {count_words(len(found), 'image')} a model that did not train on it is confident of another class "
        "(confident learning). The label may be right: somebody who can read X-rays should look. None was dropped."
    )
    shown = found.head(MOST_LABELS)
    frame = shown[["image_id", "label", "suggested"]].rename(columns={"image_id": "image"})
    frame["p(label)"], frame["p(suggested)"] = (shown[name].map("{:.3f}".format) for name in ("p_label", "p_suggested"))
    caption = f"The {len(shown)} most confident; {CANDIDATES} has all." if len(found) > len(shown) else ""
    yield Table("labels", caption or "Labels to look at.", frame, words=True)


def _most_apart(table: pd.DataFrame) -> str:
    """Return how many groups differ from the rest of their class, and which differ most."""
    apart = table[table.p_holm < 0.05].sort_values("difference", key=abs, ascending=False)
    if apart.empty:
        return "No group differs from the rest of its class after Holm's correction."
    rows = apart.head(MOST_GROUPS).itertuples()
    most = "; ".join(f"{row.label}, {row.group}: {100 * row.difference:+.1f} points" for row in rows)
    several = f"{len(apart)} of {count_words(len(table), 'group')}"
    return f"{several} differ from the rest of their class (p < 0.05 after Holm's correction). Most: {most}."


def _group(name: str, value: str) -> str:
    words = {"official_split": "official {} part", "source": "source {}", "size": "{} in size"}
    words |= {"view": "view {}", "age": "{} years"}
    return words.get(name, "{}").format(value)


def _name(name: str, metric: str) -> str:
    return NAMES[metric] if name == "all" else f"{NAMES[metric]}, {name}"
