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
    """Return what differs, in the order of the keys; phases of the same name are compared: ``phases.head.l2``."""
    old, new = (one.model_dump(mode="json", exclude={"phases"}) for one in (before, now))
    return dict(sorted((_differ(old, new, "") | _phase_changes(before, now)).items()))


class Change(NamedTuple):
    """One difference in words."""

    key: str  # its last part, or all of it if two end alike; ``epochs``: always the epochs of all phases
    before: str
    now: str

    def __str__(self) -> str:
        return f"{self.key} {self.before} -> {self.now}"


def list_changes(found: RecipeChanges, before: Experiment, now: Experiment) -> list[Change]:
    """Return the differences in words, such as ``epochs 2,5 -> 1,1``; another kind of model is one difference."""
    if "model.kind" in found:
        model = {"model": (before.model.name, now.model.name)}
        found = model | {key: pair for key, pair in found.items() if not key.startswith("model.")}
    epochs = [key for key in found if key.startswith("phases.") and key.endswith(".max_epochs")]
    words = [Change(EPOCHS, _epochs(before), _epochs(now))] if epochs or "phases" in found else []
    others = {key: pair for key, pair in found.items() if key not in epochs}
    ends = Counter([EPOCHS, *map(_last, others)])  # a key that ends so, such as augmentation.epochs, is named in full
    for key, (old, new) in others.items():
        alone = ends[_last(key)] == 1 and not key.startswith(BY_CLASS)
        words.append(Change(_last(key) if alone else key, value_text(old), value_text(new)))
    return words


def value_text(value: Plain) -> str:
    """Return a value of a recipe as short text: ``none`` for null, the items of a list between commas."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {value_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(map(value_text, value)) or "none"
    return "none" if value is None or value == "" else str(value)


def _differ(before: Plain, now: Plain, key: str) -> RecipeChanges:
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return {} if before == now else {key: (before, now)}
    found: RecipeChanges = {}
    for name in before | now:
        found |= _differ(before.get(name), now.get(name), f"{key}.{name}" if key else str(name))
    return found


def _phase_changes(before: Experiment, now: Experiment) -> RecipeChanges:
    """Return the names of two lists of phases if they differ, and what differs in phases of the same name."""
    old, new = ({phase.name: phase.model_dump(mode="json") for phase in one.phases} for one in (before, now))
    found: RecipeChanges = {} if list(old) == list(new) else {"phases": (list(old), list(new))}
    for name in old.keys() & new.keys():
        found |= _differ(old[name], new[name], f"phases.{name}")
    return found


def _last(key: str) -> str:
    return key.rpartition(".")[2]


def _epochs(experiment: Experiment) -> str:
    return ",".join(str(phase.max_epochs) for phase in experiment.phases) or "none"
