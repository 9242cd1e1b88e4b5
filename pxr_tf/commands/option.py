"""What the table says of one command-line option."""

from dataclasses import dataclass
from typing import Any

NO_DEFAULT = ...
PATHS = "Folders or CSV files, comma-separated; a path that exists may have commas itself."


@dataclass(frozen=True)
class Option:
    """An option, or a word without dashes (`argument`), of some commands.

    The words of `commands` are joined by hyphens (``lungs-train``), as in the names of functions and of make's targets.
    An option is spelled ``--name`` and an argument ``NAME``, unless `spelled` says otherwise. `default` None means that
    the program decides: as `otherwise` says, or as the recipe has `key`, the dotted key that the option gives.
    `variable` is what ``make`` calls it, or None; `make_default` is what the variable begins with there, or, of an
    argument, what stands in for an empty one. `least` and `most` are limits of a whole number, both included.
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

    @property
    def spelling(self) -> str:
        """Return how it is written on the command line, or, of an argument, what the usage calls it."""
        name = self.name.upper() if self.argument else f"--{self.name.replace('_', '-')}"
        return self.spelled or name

    @property
    def help(self) -> str:
        """Return what ``--help`` says of it."""
        return f"{self.meaning} Default: {self.otherwise}." if self.otherwise else self.meaning
