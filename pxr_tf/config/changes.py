"""How two experiments differ, for code and for people."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pxr_tf.config.plain_yaml import Plain
from pxr_tf.config.schema import Experiment

BY_CLASS = ("merge.", "training.class_weights.")  # the last part of these keys is a class
EPOCHS = "epochs"
RecipeChanges = dict[str, tuple[Plain, Plain]]  # dotted key -> (value before, value now)


def recipe_changes(before: Experiment, now: Experiment) -> RecipeChanges:
    """Return what differs; phases are compared one by one if both experiments have the same number."""
    return _differ(before.model_dump(mode="json"), now.model_dump(mode="json"), "")


class Change(NamedTuple):
    """One difference in words."""

    key: str  # its last part, or all of it if two end alike; ``epochs``: always the epochs of all phases
    before: str
    now: str

    def __str__(self) -> str:
        return f"{self.key} {self.before} -> {self.now}"


def list_changes(found: RecipeChanges, before: Experiment, now: Experiment) -> list[Change]:
    """Return the differences in words; the epochs of all phases are one, and so is another kind of model."""
    if "model.kind" in found:
        model = {"model": (before.model.name, now.model.name)}
        found = model | {key: pair for key, pair in found.items() if not key.startswith("model.")}
    if "phases" in found:
        found = found | _phases_by_name(before, now)
    epochs = [key for key in found if key.startswith("phases.") and key.endswith(".max_epochs")]
    words = [Change(EPOCHS, _epochs(before), _epochs(now))] if epochs or "phases" in found else []
    others = {key: pair for key, pair in found.items() if key not in epochs}
    ends = Counter([EPOCHS, *map(_last, others)])  # a key that ends so, such as augmentation.epochs, is named in full
    for key, (old, new) in others.items():
        alone = ends[_last(key)] == 1 and not key.startswith(BY_CLASS)
        words.append(Change(_last(key) if alone else key, value_text(old), value_text(new)))
    return words


def describe_changes(found: RecipeChanges, before: Experiment, now: Experiment) -> list[str]:
    """Return the differences for people: ``epochs 2,5 -> 1,1``, ``folds 5 -> 2``."""
    return [str(change) for change in list_changes(found, before, now)]


def value_text(value: Plain) -> str:
    """Return a value of a recipe as short text: ``none`` for null, the items of a list between commas."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {value_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(map(value_text, value)) or "none"
    return "none" if value is None or value == "" else str(value)


def _differ(before: Plain, now: Plain, key: str) -> RecipeChanges:
    pairs: list[tuple[Plain, Plain, str]] = []
    if isinstance(before, dict) and isinstance(now, dict):
        pairs = [(before.get(name), now.get(name), str(name)) for name in sorted({*before, *now}, key=str)]
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        dicts = all(isinstance(item, dict) for item in before + now)
        pairs = [(old, new, str(number)) for number, (old, new) in enumerate(zip(before, now, strict=True)) if dicts]
    if not pairs:
        return {} if before == now else {key: (before, now)}
    found: RecipeChanges = {}
    for old, new, name in pairs:
        found |= _differ(old, new, f"{key}.{name}" if key else name)
    return found


def _phases_by_name(before: Experiment, now: Experiment) -> RecipeChanges:
    """Return the names of two lists of phases, and what differs in phases of the same name."""
    old, new = ({phase.name: phase.model_dump(mode="json") for phase in one.phases} for one in (before, now))
    found: RecipeChanges = {"phases": (list(old), list(new))}
    for name in old.keys() & new.keys():
        found |= _differ(old[name], new[name], f"phases.{name}")
    return dict(sorted(found.items()))


def _last(key: str) -> str:
    return key.rpartition(".")[2]


def _epochs(experiment: Experiment) -> str:
    return ",".join(str(phase.max_epochs) for phase in experiment.phases) or "none"
