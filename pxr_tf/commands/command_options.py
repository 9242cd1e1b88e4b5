"""What the table of options makes of a command: its parameters for Typer, and the values that it is given."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from pxr_tf.commands.option_table import NO_DEFAULT, Option, options_taken_by


class OptionValues:
    """What a command was given, defaults included: an attribute for each option that it takes, by its name."""

    def __init__(self, command: str, values: Mapping[str, Any]) -> None:
        self.command = command
        self.by_name = dict(values)

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__.get("by_name", {}):
            return self.by_name[name]
        raise AttributeError(f"The command {self.command!r} takes no option {name!r}; see option_table.")

    def keys_given(self) -> dict[str, Any]:
        """Return dotted key of the recipe -> value, None where an option was not given (a flag: where it is off)."""
        keys = {option.key: option.name for option in options_taken_by(self.command).values() if option.key}
        values = {key: self.by_name[name] for key, name in keys.items()}
        return {key: None if value is False else value for key, value in values.items()}


def takes_options(command: Callable[[OptionValues], None]) -> Callable[..., None]:
    """Return the command with the parameters of its options, which Typer reads; its name says which they are."""
    name = command.__name__.replace("_", "-")

    @functools.wraps(command)
    def run(**values: Any) -> None:
        command(OptionValues(name, values))

    run.__signature__ = inspect.Signature([make_parameter(option) for option in options_taken_by(name).values()])
    run.__annotations__ = {}  # those of the signature count
    return run


def make_parameter(option: Option) -> inspect.Parameter:
    """Return the parameter that an option is to Typer."""
    limits = {"help": option.help, "min": option.least, "max": option.most}
    if option.argument:
        words = typer.Argument(metavar=option.spelling, **limits)
    else:
        words = typer.Option(option.spelling, **limits)
    required = option.default is NO_DEFAULT
    kind = option.kind | None if option.default is None else option.kind
    default = inspect.Parameter.empty if required else option.default
    return inspect.Parameter(
        option.name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[kind, words], default=default
    )
