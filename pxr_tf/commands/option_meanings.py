"""What the text of an option stands for: ``--classes``, ``--epochs``, ``--strategy`` and ``--seeds``."""

from typing import TYPE_CHECKING, Any

from pxr_tf.commands.comma_lists import split_words, whole_numbers
from pxr_tf.errors import PxrError, shown

if TYPE_CHECKING:
    from pxr_tf.config import Experiment


def parse_classes(text: str, recipe: "Experiment") -> dict[str, Any]:
    """Return the overrides that ``normal,pneumonia=bacterial+viral`` stands for; raise `PxrError`.

    What the recipe merges into a class that is named without parts stays so, as do those of its oversampled classes
    that are still there.
    """
    classes, taken, merge = [], [], {}
    for part in split_words(text):
        name, equals, labels = (piece.strip() for piece in part.partition("="))
        parts = [label.strip() for label in labels.split("+") if label.strip()] or list(recipe.merge.get(name, ()))
        if not name or (equals and not parts):
            raise PxrError(f"--classes received {text!r}; accepted: names, or name=label+label, comma-separated.")
        classes.append(name)
        if parts:
            merge[name] = parts
        taken += parts or [name]
    twice = [name for names in (classes, taken) for name in names if names.count(name) > 1]
    if twice:
        raise PxrError(f"--classes received {text!r}, which uses {twice[0]} twice; accepted: each label in one class.")
    oversample = recipe.balance.oversample
    kept = oversample if isinstance(oversample, str) else [name for name in oversample if name in classes]
    return {"classes": classes, "merge": merge, "tag": "-".join(classes), "balance.oversample": kept}


def fixed_epochs(experiment: "Experiment", text: str) -> dict[str, Any]:
    """Return the overrides that make the phases run so many epochs, no more and no fewer; raise `PxrError`."""
    numbers = whole_numbers(text)
    count = len(experiment.phases)
    if not count:
        raise PxrError(
            f"--epochs received {text!r}, but the learner {experiment.model.kind!r} has no epochs. Leave it out."
        )
    if not all(numbers) or len(numbers) not in (1, count):
        accepted = "one whole number above 0" + (f", or {count} of them, one per phase" if count > 1 else "")
        raise PxrError(f"--epochs received {shown(text)}; accepted: {accepted}.")
    numbers = numbers * count if len(numbers) == 1 else numbers
    fixed: dict[str, Any] = {}
    for phase, number in enumerate(numbers):
        fixed |= {f"phases.{phase}.max_epochs": number, f"phases.{phase}.patience": None, f"phases.{phase}.keep": None}
    return fixed


def variant_of(strategy: int | None, variant: str | None) -> str | None:
    """Return the variant's name; ``--strategy 2`` means ``strategy2``. Raises `PxrError` where both are given."""
    if strategy is not None and variant is not None:
        raise PxrError(f"Received --strategy {strategy} and --variant {variant}; accepted: one of the two.")
    return variant if strategy is None else f"strategy{strategy}"


def seeds_of(seed: int | None, seeds: str | None) -> list[int | None]:
    """Return the seeds to run, ``[None]`` for the recipe's own. Raises `PxrError`."""
    if seeds is None:
        return [seed]
    if seed is not None:
        raise PxrError(f"Received --seed {seed} and --seeds {seeds}; accepted: one of the two.")
    numbers = whole_numbers(seeds)
    if not numbers:
        raise PxrError(f"--seeds received {shown(seeds)}; accepted: whole numbers, comma-separated, e.g. 0,1,2.")
    return list(dict.fromkeys(numbers))
