"""From the table of options to a command: its parameters for Typer, and the values that the user gave."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from pxr_tf.commands.option_table import NO_DEFAULT, Option, options_taken_by


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
    """Return the command with the parameters that Typer reads; the command's name selects its options."""
    name = command.__name__.replace("_", "-")

    @functools.wraps(command)
    def run(**values: Any) -> None:
        command(OptionValues(name, values))

    run.__signature__ = inspect.Signature([make_parameter(option) for option in options_taken_by(name).values()])
    run.__annotations__ = {}  # Typer uses the annotations of the signature
    return run


def make_parameter(option: Option) -> inspect.Parameter:
    """Return an option's parameter for Typer."""
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
