"""The table of all command-line options, ``options.toml``, as frozen values.

`command_options` makes the parameters of every command from it, and finds the keys of a recipe that were given. ``make
format`` writes ``scripts/options.mk`` and ``docs/commands.md`` from it.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

NO_DEFAULT = ...
_KINDS = {"text": str, "whole": int, "number": float, "path": Path, "flag": bool, "list": list[str]}
_TEXTS = ("meaning", "otherwise")


@dataclass(frozen=True)
class Option:
    """An option, or a word without dashes (`argument`), of some commands: a row of ``options.toml``, explained there.

    The words of `commands` are joined by hyphens (``lungs-train``), as in the names of functions and of make's targets.
    `default` is None if the program decides, and `NO_DEFAULT` if the option is required.
    """

    name: str
    commands: tuple[str, ...]
    meaning: str
    kind: Any = str
    default: Any = None
    otherwise: str = ""
    key: str | None = None
    variable: str | None = None
    make_default: str = ""
    spelled: str = ""
    argument: bool = False
    least: int | None = None
    most: int | None = None
    complete: str | None = None

    @property
    def spelling(self) -> str:
        """Return its spelling on the command line; for an argument, its name in the usage line."""
        name = self.name.upper() if self.argument else f"--{self.name.replace('_', '-')}"
        return self.spelled or name

    @property
    def help(self) -> str:
        """Return its text in ``--help``."""
        return f"{self.meaning} Default: {self.otherwise}." if self.otherwise else self.meaning


FACTS = {field.name for field in fields(Option)} - {"name", *_TEXTS} | {"required"}


def read_options(table: Mapping[str, Any]) -> tuple[Option, ...]:
    """Return the rows of a table in their order; raise `ValueError` for an unknown fact or kind."""
    return tuple(_read_row(dict(row), table["groups"]) for row in table["option"])


def _read_row(row: dict[str, Any], groups: Mapping[str, Sequence[str]]) -> Option:
    texts = {key: row.pop(key) for key in _TEXTS if key in row}
    if len(row) != 1:
        raise ValueError(f"A row of the table received {', '.join(row)}; accepted: one name, {', '.join(_TEXTS)}.")
    name, facts = row.popitem()
    facts = dict(facts)
    for fact in facts.keys() - FACTS:
        raise ValueError(f"The option {name} received {fact!r}; accepted: {', '.join(sorted(FACTS))}.")
    kind = facts.pop("kind", "text")
    if kind not in _KINDS:
        raise ValueError(f"The option {name} received the kind {kind!r}; accepted: {', '.join(_KINDS)}.")
    commands = tuple(command for word in facts.pop("commands") for command in groups.get(word, [word]))
    default = facts.pop("default", False if kind == "flag" else None)
    default = Path(default) if kind == "path" and default is not None else default
    default = NO_DEFAULT if facts.pop("required", False) else default
    return Option(name, commands, kind=_KINDS[kind], default=default, **facts, **texts)


_TABLE = tomllib.loads(Path(__file__).with_name("options.toml").read_text(encoding="utf-8"))
GROUPS = _TABLE["groups"]
OPTIONS = read_options(_TABLE)


def options_taken_by(command: str) -> dict[str, Option]:
    """Return name -> option for a command's options, in the order of the table; ``lungs-train`` has a hyphen."""
    return {option.name: option for option in OPTIONS if command in option.commands}
