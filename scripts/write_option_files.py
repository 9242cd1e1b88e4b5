"""Write the files that the table of options defines: ``scripts/options.mk`` and ``docs/commands.md``.

``make format`` runs it; a test fails if the files differ from what it writes.
"""

import inspect
import re
from collections.abc import Iterable
from pathlib import Path

from pxr_tf.cli import app
from pxr_tf.commands.command_options import NUMBERS, describe_number
from pxr_tf.commands.option_table import GROUPS, NO_DEFAULT, OPTIONS, Option, options_taken_by

ROOT = Path(__file__).parents[1]
MAKE_FILE, PAGE = ROOT / "scripts" / "options.mk", ROOT / "docs" / "commands.md"
WRITTEN_BY = "Written by scripts/write_option_files.py (make format) from pxr_tf/commands/options.toml."
KINDS = {str: "text", Path: "path", bool: "flag", list[str]: "text, repeatable"}
COMMANDS = {
    info.callback.__name__.replace("_", "-"): (info.name or info.callback.__name__.replace("_", "-"), info.callback)
    for info in app.registered_commands
}  # name in the table -> (name as typed, function)


def main() -> None:
    """Write both files."""
    MAKE_FILE.write_text(make_file_text(), encoding="utf-8")
    PAGE.write_text(page_text(), encoding="utf-8")


def make_file_text() -> str:
    """Return ``scripts/options.mk``: the variables, which of them each target takes, and what it passes on."""
    begins = {option.variable: "" if option.argument else option.make_default for option in OPTIONS if option.variable}
    taken = [name for command in GROUPS["experiments"] for name in variables_of(command)]
    of_experiments = unique(name for name in taken if not begins[name])
    lines = [
        f"# {WRITTEN_BY}",
        "",
        "# If empty, the program's own default holds, mostly the recipe's.",
        *(f"{name} ?= {value}".rstrip() for name, value in begins.items()),
        "",
        "# The variables of an experiment, except the folder of runs.",
        assign("EXPERIMENT :=", of_experiments),
        "",
        "# The variables of each command, besides ARGS.",
        *(assign(f"TAKES_{name} :=", variables_of(name)) for name in COMMANDS),
        "",
        "# The variable without which a target is refused, and what it accepts.",
        *(line for name in COMMANDS for line in needed_by(name)),
        "",
        "# Each command's arguments and options: only given values are passed on.",
        'give = $(if $($(2)),--$(1) "$($(2))")',
    ]
    for name in COMMANDS:
        options = [option for option in options_taken_by(name).values() if option.variable]
        for title, argument in (("ARGUMENTS", True), ("OPTIONS", False)):
            passed = [pass_on(option) for option in options if option.argument == argument]
            lines += [assign(f"{title}_{name} =", passed)] if passed else []
    return "\n".join(lines) + "\n"


def variables_of(command: str) -> list[str]:
    """Return the variables of make that a command takes, each once."""
    return unique(option.variable for option in options_taken_by(command).values() if option.variable)


def needed_by(command: str) -> list[str]:
    """Return the lines for the variable that a command requires; an argument with a default in make is not required."""
    options = [option for option in options_taken_by(command).values() if option.variable and not option.make_default]
    required = next((option for option in options if option.default is NO_DEFAULT), None)
    if required is None:
        return []
    meaning = required.meaning.rstrip(".")
    return [f"NEEDS_{command} := {required.variable}", f"WANTED_{command} := {meaning[0].lower()}{meaning[1:]}"]


def unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def pass_on(option: Option) -> str:
    """Return what make puts into a command for a variable; a value with spaces stays one word."""
    value = f"$({option.variable})"
    if option.argument and option.default is NO_DEFAULT and option.kind == list[str]:
        return f'$(foreach word,{value},"$(word)")'
    if option.argument and option.default is NO_DEFAULT:
        return f'"$(or {value},{option.make_default})"' if option.make_default else f'"{value}"'
    if option.argument:
        return f'$(if {value},"{value}")'
    if option.kind == list[str]:
        return f'$(foreach word,{value},{option.spelling} "$(word)")'
    if option.kind is bool:
        return f"$(if $(filter-out 0,{value}),{option.spelling})"
    return f"$(call give,{option.spelling.removeprefix('--')},{option.variable})"


def assign(name: str, parts: list[str]) -> str:
    """Return the lines of a Makefile that give a variable its value, no longer than 120 characters."""
    lines = [name]
    for part in parts:
        if len(f"{lines[-1]} {part} \\") > 120:
            lines.append("   ")
        lines[-1] += f" {part}"
    return " \\\n".join(lines)


def page_text() -> str:
    """Return ``docs/commands.md``: each command with its usage, what it does, and its options."""
    head = [
        "# Commands",
        "",
        f"<!-- {WRITTEN_BY} -->",
        "",
        "Every command and its options. Some options are variables of `make` (`make cv MODEL=xception`). The others go",
        'into `ARGS` (`make cv ARGS="--epochs 5,12"`). If the default is *the recipe\'s*, it is in the',
        "[recipe](recipe.md), a file in `configs/`. `make` separates several values of an option by spaces.",
        "[glossary.md](glossary.md) explains the words; [outputs.md](outputs.md) the files that commands write.",
        "",
        "Exit codes: 0 for success; 1 if the work failed: a run (also if other runs of the command did not), or a",
        "process that crashed or was killed; 2 for any other error that one line explains, such as a wrong option or",
        "an unreadable file; 130 after Ctrl-C.",
        "",
        "`make` has targets without a command, too: `setup`, `tensorboard`, `bench`, `test`, `check`, `mutants`,",
        "`format` and `clean`. `make help` describes all targets.",
    ]
    return "\n".join(head + [line for name in COMMANDS for line in section(name)]) + "\n"


def section(name: str) -> list[str]:
    """Return the lines on one command."""
    typed, function = COMMANDS[name]
    options = options_taken_by(name).values()
    words = [usage_of(option) for option in options if option.argument]
    usage = " ".join(["pxr", typed, *(["[OPTIONS]"] if len(words) < len(options) else []), *words])
    targets = [f"`make {target}`" for target in targets_of(name)]
    sentence = inspect.getdoc(function).partition("\n\n")[0].replace("\n", " ")
    return [
        "",
        f"## {typed}",
        f"`{usage}`" + (f" — {', '.join(targets)}" if targets else ""),
        "",
        sentence,
        "",
        "| option | meaning | default | type | make |",
        "|---|---|---|---|---|",
        *(row_of(option) for option in options),
    ]


def usage_of(option: Option) -> str:
    word = option.spelling if option.default is NO_DEFAULT else f"[{option.spelling}]"
    return f"{word}..." if option.kind == list[str] else word


def targets_of(name: str) -> list[str]:
    """Return make's targets that run a command."""
    rules = re.findall(r"^([\w-]+): [^\n]*\n((?:\t[^\n]*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return [target for target, recipe in rules if re.search(rf"\$\((OPTIONS|ARGUMENTS)_{name}\)", recipe)]


def row_of(option: Option) -> str:
    kind = describe_number(option) if option.kind in NUMBERS else KINDS[option.kind]
    variable = f"`{option.variable}`" if option.variable else ""
    cells = [f"`{option.spelling}`", *map(escape, (option.meaning, default_of(option))), kind, variable]
    return "".join(f"| {cell} " if cell else "| " for cell in cells) + "|"


def escape(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "\\<")


def default_of(option: Option) -> str:
    """Return what holds if an option is not given."""
    if option.default is NO_DEFAULT:
        return "required"
    if option.default is None:
        return option.otherwise or ("the recipe's" if option.key else "")
    if isinstance(option.default, bool):
        return "on" if option.default else "off"
    words = str(option.default)
    return words.replace(",", ", ") if "," in words else f"`{words}`" if words else ""


if __name__ == "__main__":
    main()
