"""From the table of options to a command: its parameters for Typer, and the values that the user gave."""

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from pxr_tf.commands.complete import completer
from pxr_tf.commands.option_table import NO_DEFAULT, Option, options_taken_by
from pxr_tf.errors import PxrError, shown

NUMBERS = {int: "whole number", float: "number"}


class OptionValues:
    """The values of a command's options, defaults included: an attribute per option, by its name."""

    def __init__(self, command: str, values: Mapping[str, Any]) -> None:
        self.command = command
        self.by_name = dict(values)

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__.get("by_name", {}):
            return self.by_name[name]
        raise AttributeError(f"The command {self.command!r} takes no option {name!r}; see option_table.")

    def keys_given(self) -> dict[str, Any]:
        """Return dotted key of the recipe -> value; None if an option was not given (or a flag is off)."""
        keys = {option.key: option.name for option in options_taken_by(self.command).values() if option.key}
        values = {key: self.by_name[name] for key, name in keys.items()}
        return {key: None if value is False else value for key, value in values.items()}


def takes_options(command: Callable[[OptionValues], None]) -> Callable[..., None]:
    """Return the command with the parameters that Typer reads; the command's name selects its options.

    Options that say where tasks run are obeyed here, and not passed on.
    """
    name = command.__name__.replace("_", "-")

    @functools.wraps(command)
    def run(**values: Any) -> None:
        if "executor" in values:
            from pxr_tf.executors.choose import Choice, choose

            choose(Choice(**{name: values.pop(name) for name in Choice._fields}))
        command(OptionValues(name, values))

    run.__signature__ = inspect.Signature([make_parameter(option) for option in options_taken_by(name).values()])
    run.__annotations__ = {}  # Typer uses the annotations of the signature
    return run


def make_parameter(option: Option) -> inspect.Parameter:
    """Return an option's parameter for Typer."""
    facts: dict[str, Any] = {"help": option.help}
    if option.kind in NUMBERS:
        facts |= {"parser": functools.partial(read_number, option), "metavar": f"<{describe_number(option)}>"}
    if option.kind == list[str] and not option.argument:
        facts |= {"metavar": "<str>..."}
    if option.complete:
        facts |= {"autocompletion": completer(option.complete)}
    if option.argument:
        words = typer.Argument(**facts | {"metavar": option.spelling})
    else:
        words = typer.Option(option.spelling, **facts)
    required = option.default is NO_DEFAULT
    kind = option.kind | None if option.default is None else option.kind
    default = inspect.Parameter.empty if required else option.default
    return inspect.Parameter(
        option.name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[kind, words], default=default
    )


def read_number(option: Option, text: str | float) -> int | float:
    """Return the number that a person typed, or a default unchanged; raise `PxrError` for anything else.

    Typer's own refusal is a box of several lines.
    """
    try:
        number = option.kind(text)
    except ValueError:
        number = math.nan
    least, most = (-math.inf if option.least is None else option.least), (option.most or math.inf)
    if not least <= number <= most:
        raise PxrError(f"{option.spelling} received {shown(text)}; accepted: a {describe_number(option)}.")
    return number


def describe_number(option: Option) -> str:
    """Return which numbers an option accepts: ``whole number, 1 or more``."""
    kind = NUMBERS[option.kind]
    if option.least is None:
        return kind
    return f"{kind}, {option.least} or more" if option.most is None else f"{kind}, {option.least} to {option.most}"
