"""Reporting checklists, filled where the run knows the answer; the items are in YAML files next to this module.

An item without an answer is left to a person: which patients, which hospital, whose approval.
"""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from pxr_tf.errors import count_words
from pxr_tf.report.page.facts import RunFacts
from pxr_tf.report.page.headline import headline
from pxr_tf.report.page.parts import Part, Prose, Table
from pxr_tf.report.page.words import NAMES, listed

OPEN = "To be filled by a person."
UPDATES = "The model was not updated after its evaluation."


def _performance(facts: RunFacts) -> str:
    return f"{headline(facts)} Sections Result, Classes and Folds."


def _counts(facts: RunFacts) -> str:
    per_class = facts.tested.drop_duplicates("image_id").label.value_counts()
    return f"{facts.counted}: {listed([f'{name} {count:,}' for name, count in per_class.items()])}."


def _limits(facts: RunFacts) -> str:
    found = len({warning.text for warning in facts.info.warnings})
    said = f"{count_words(found, 'warning')} (section Warnings). " if found else ""
    return f"{said}Known to the run only; a person adds those of the study."


def _explained(facts: RunFacts) -> str:
    return "Heat maps: section Most certain mistakes and successes." if facts.cases.heat_maps else OPEN


def _mistakes(facts: RunFacts) -> str:
    return "Sections Confusion matrices and Most certain mistakes." if facts.cases.mistakes else "Confusion matrices."


# key in the YAML files -> the answer of a run
ANSWERS: dict[str, Callable[[RunFacts], str]] = {
    "technology": lambda facts: facts.model,
    "goal": lambda facts: "Development, with internal evaluation.",
    "sources": lambda facts: facts.data,
    "exclusion": lambda facts: f"{facts.duplicates} Clinical criteria: {OPEN.lower()}",
    "preparation": lambda facts: facts.preparation,
    "predictors": lambda facts: "The picture alone; no clinical variable enters the model.",
    "none_judged": lambda facts: "Pixels are read from files; no judgement is involved.",
    "crop": lambda facts: "Whole pictures." if facts.info.crop == "none" else facts.preparation,
    "missing": lambda facts: (
        "Every image has all inputs: the picture is the only one. Unreadable files stop a run, "
        "or are listed in skipped.csv."
    ),
    "partition": lambda facts: facts.partition,
    "disjoint": lambda facts: "Image: patients are on both sides." if facts.info.leaky else "Patient.",
    "model": lambda facts: facts.model,
    "software": lambda facts: facts.software,
    "weights": lambda facts: facts.model,
    "training": lambda facts: f"{facts.training} {facts.balance}",
    "selection": lambda facts: facts.selection,
    "ensemble": lambda facts: "No ensemble: each test image is predicted by the model of one fold.",
    "metrics": lambda facts: f"{listed(list(NAMES.values()))}.",
    "statistics": lambda facts: facts.statistics,
    "explanation": _explained,
    "internal": _performance,
    "flow": lambda facts: f"{facts.data} {facts.duplicates} Section Data. Before that: {OPEN.lower()}",
    "performance": _performance,
    "classes": lambda facts: "Section Classes.",
    "mistakes": _mistakes,
    "limits": _limits,
    "protocol": lambda facts: "experiment.yaml in the run directory has every setting.",
    "availability": lambda facts: f"pxr_tf, Apache-2.0, commit {facts.commit}. Models are in the run directory.",
    "balance": lambda facts: facts.balance,
    "prediction": lambda facts: "Each test image by the model of the fold that did not train on it.",
    "output": lambda facts: "A probability for each class; the most probable class is predicted.",
    "same_sources": lambda facts: f"Both come from the same data. {facts.partition}",
    "no_update": lambda facts: UPDATES,
    "counts": _counts,
    "saved": lambda facts: "model.keras of each fold, in the run directory; plain Keras loads it.",
}


def checklist(name: str, facts: RunFacts) -> Iterator[Part]:
    """Yield a checklist (`name`: a YAML file) with the run's answers."""
    content = read_checklist(name)
    rows = [
        (number, f"{asked}", ANSWERS[key[0]](facts) if key else OPEN)
        for items in content["groups"].values()
        for number, asked, *key in items
    ]
    filled = sum(answer != OPEN for *_, answer in rows)
    yield Prose(
        f"{filled} of {len(rows)} items have an answer from the run; check them before use. The wording of the items "
        "is ours; the numbers are those of the checklist."
    )
    frame = pd.DataFrame(rows, columns=["item", "what is asked", "answer"])
    yield Table(name, f"{content['title']}, item by item.", frame, words=True)


@cache
def read_checklist(name: str) -> dict[str, Any]:
    """Return ``title`` and ``groups`` (heading -> items: number, what is asked, perhaps a key of `ANSWERS`)."""
    return yaml.safe_load(Path(__file__).with_name(f"{name}.yaml").read_text(encoding="utf-8"))
