"""``--help`` in a narrow terminal: nothing is cut, and no line breaks within a word."""

import pytest
import typer
from typer.testing import CliRunner

from pxr_tf.cli import app
from pxr_tf.commands.option_table import OPTIONS

COMMANDS = typer.main.get_command(app).commands


def show_help(monkeypatch, width: int, *words: str) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    shown = CliRunner().invoke(app, [*words, "--help"], terminal_width=width).output
    assert max(map(len, shown.splitlines())) <= width
    return shown


def whole(shown: str) -> str:
    """Return the text in one line; lines break between words only."""
    return " ".join(shown.split())


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("command", COMMANDS)
def test_each_option_is_shown_whole(monkeypatch, command, width):
    shown = whole(show_help(monkeypatch, width, *command.split()))
    own = [option for option in OPTIONS if command.replace(" ", "-") in option.commands]
    assert [option.name for option in own if whole(option.help) not in shown] == []
    assert [option.name for option in own if option.spelling.split("/")[0] not in shown] == []


@pytest.mark.parametrize("width", [60, 80])
def test_the_list_of_commands_is_not_cut(monkeypatch, width):
    shown = whole(show_help(monkeypatch, width))
    first = {name: whole(command.help.split("\n\n")[0]) for name, command in COMMANDS.items()}
    assert {name: text for name, text in first.items() if f"{name} {text}" not in shown} == {}
