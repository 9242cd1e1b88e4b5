"""The section `reproduce` of a recipe: all runs of a paper, which one command runs."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from pxr_tf.config.load import read_recipe
from pxr_tf.config.messages import explain_errors
from pxr_tf.errors import PxrError, count_words
from pxr_tf.vocabulary.values import Frozen, Name, SeedNumber

KEY = "reproduce"


class Protocol(Frozen):
    """The runs of a paper: every variant, under every compared setting, with every seed."""

    variants: Annotated[tuple[Name, ...], Field(min_length=1)]  # which variants run
    seeds: Annotated[tuple[SeedNumber, ...], Field(min_length=1)] = (0,)  # each variant runs with each seed
    # name -> dotted key -> value; the first setting is the paper's, and the first minus the second is a result
    compare: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits_together(self) -> "Protocol":
        if len(self.compare) not in (0, 2):
            received = count_words(len(self.compare), "setting")
            raise ValueError(f"compare received {received}; accepted: none, or two by name")
        for key, values in (("variants", self.variants), ("seeds", self.seeds)):
            twice = [value for value in values if values.count(value) > 1]
            if twice:
                raise ValueError(f"{key} received {twice[0]!r} twice; accepted: each once")
        for name, setting in self.compare.items():
            if "seed" in setting:
                raise ValueError(f"compare.{name} sets seed; accepted: other keys, as all settings run the same seeds")
        return self

    @property
    def settings(self) -> dict[str, dict[str, Any]]:
        """The settings by name; if nothing is compared, one setting without a name that changes nothing."""
        return self.compare or {"": {}}


def paper_setting(path: str | Path) -> dict[str, Any]:
    """Return the keys of the setting that the paper used, the first one compared; {} if the recipe compares none."""
    return next(iter(load_protocol(path).settings.values())) if KEY in read_recipe(path)[0] else {}


def load_protocol(path: str | Path) -> Protocol:
    """Return the protocol of a recipe; raise `PxrError` in one line if it is missing or impossible."""
    values, file = read_recipe(path)
    if KEY not in values:
        raise PxrError(f"{file} does not say what to {KEY}; accepted: a recipe with the key {KEY!r}. Use pxr train.")
    variants = values.get("variants") or {}
    try:
        protocol = Protocol.model_validate(values[KEY])
    except ValidationError as error:
        words = explain_errors(error.errors(), Protocol).strip()  # an error of the whole value has no key in front
        raise PxrError(f"{file}: {KEY}: {words}") from error
    unknown = [name for name in protocol.variants if name not in variants]
    if unknown:
        raise PxrError(
            f"{file}: {KEY}.variants names {unknown[0]!r}; the variants are {', '.join(map(str, variants))}."
        )
    return protocol
