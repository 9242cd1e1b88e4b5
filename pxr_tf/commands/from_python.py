"""The options of ``pxr cv`` and ``pxr train`` as arguments of Python functions: the same names, checks and defaults."""

import json
from collections.abc import Mapping, Sequence
from numbers import Real
from os import fspath
from pathlib import Path
from typing import Any, TypedDict

from pxr_tf.commands.command_options import NUMBERS, OptionValues, read_number
from pxr_tf.commands.option_table import Option, options_taken_by
from pxr_tf.errors import PxrError, nearest, shown

LEFT_OUT = ("seeds", "executor", "address", "gpus", "retries")  # a call is one run; `pxr_tf.on_cluster` says where


class Arguments(TypedDict, total=False):
    """What `cross_validate` and `train` take besides data; docs/commands.md says what each means."""

    model: str
    strategy: int
    variant: str
    classes: str | Sequence[str]
    config: str | Path
    crop: str
    atlas: str | Path
    weights: str | Path
    seed: int
    runs: str | Path
    epochs: int | str | Sequence[int]
    skip_unreadable: bool
    duplicates: str
    mix_environments: bool
    figures: str | Sequence[str]
    overrides: Mapping[str, Any]


class CrossValidation(Arguments, total=False):
    """The arguments of `cross_validate`."""

    folds: int
    test_rows: str
    nested: bool


class OneSplit(Arguments, total=False):
    """The arguments of `train`."""

    scheme: str
    validation: float
    unit: str


def read_arguments(command: str, given: Mapping[str, Any]) -> OptionValues:
    """Return the values of a command's options from Python values; None is the default. Raises `PxrError`."""
    options = options_taken_by(command)
    accepted = [name for name in options if name not in LEFT_OUT]
    for name in given:
        if name not in accepted:
            raise PxrError(
                f"Received the argument {shown(name)}; accepted: {', '.join(accepted)}.{nearest(name, accepted)}"
            )
    values = {name: option.default for name, option in options.items()}
    read = {name: _read(options[name], value) for name, value in given.items() if value is not None}
    return OptionValues(command, values | read)


def call_words(name: str, values: OptionValues) -> str:
    """Return a call as a line of Python, for the provenance: the arguments that are not at their default."""
    defaults = {name: option.default for name, option in options_taken_by(values.command).items()}
    given = {key: value for key, value in values.by_name.items() if value != defaults[key]}
    words = (f"{key}={str(value) if isinstance(value, Path) else value!r}" for key, value in given.items())
    return f"pxr_tf.{name}({', '.join(words)})"


def _read(option: Option, value: Any) -> Any:
    """Return a value as the command line would give it."""
    if option.kind in NUMBERS:
        return read_number(option, value if _is_exact(option, value) else shown(value))
    if option.kind is bool:
        if not isinstance(value, bool):
            raise PxrError(f"{option.spelling} received {shown(value)}; accepted: True or False.")
        return value
    if option.kind is Path:
        return Path(value)
    if isinstance(value, Mapping):
        return [f"{key}={_to_json(key, one)}" for key, one in value.items()]
    several = isinstance(value, Sequence) and not isinstance(value, str)
    return ",".join(map(str, value)) if several else str(value)


def _is_exact(option: Option, value: Any) -> bool:
    """Return whether a value loses nothing as a number of the option's kind: 2.5 is no whole number, True is none."""
    if isinstance(value, str):
        return True
    return isinstance(value, Real) and not isinstance(value, bool) and (option.kind is not int or value % 1 == 0)


def _to_json(key: str, value: Any) -> str:
    """Return a value of a recipe as JSON; raise `PxrError` if it has no such form."""
    try:
        return json.dumps(value, default=fspath)
    except TypeError as error:
        raise PxrError(
            f"overrides received {shown(value)} for {shown(key)}; accepted: text, numbers, True, False, None, paths, "
            "lists and mappings of these."
        ) from error
