"""The one exception whose message is for people, and helpers that write messages."""

import difflib
import shutil
import sys
import textwrap
from collections.abc import Iterable

WRONG_INPUT, WORK_FAILED = 2, 1  # exit codes of every command


class PxrError(Exception):
    """A fault in the user's request or files, as one line: line breaks, which names of files may have, are escaped.

    The message says what was received, what is accepted and what to do. The command line prints it without a
    traceback and exits with `exit_code`: `WORK_FAILED` if the request was accepted, but a run or a process failed. Any
    other exception is a fault of this project and keeps its traceback.
    """

    def __init__(self, message: str = "", exit_code: int = WRONG_INPUT) -> None:
        super().__init__(one_line(message))
        self.exit_code = exit_code


class MissingLibraryError(PxrError):
    """A backbone needs an optional library that is not installed."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'a' or 'b'?"`` for the known names closest to `name`, ``""`` if none is close."""
    name, known = name.lower(), list(known)
    sure = difflib.get_close_matches(name, known, n=1, cutoff=0.9)
    close = sure or difflib.get_close_matches(name, known, n=3, cutoff=0.55)
    return f" Did you mean {' or '.join(repr(match) for match in close)}?" if close else ""


def one_line(text: object) -> str:
    r"""Return text on one line: a line break or another control character is shown as in Python, such as ``\n``."""
    return "".join(part if part.isprintable() or part == " " else repr(part)[1:-1] for part in str(text))


def shorten(items: Iterable[object], limit: int = 5, separator: str = ", ") -> str:
    """Return the first `limit` items and the number of the rest: ``"a, b and 3 more"``."""
    items = [one_line(item) for item in items]
    shown = separator.join(items[:limit])
    return shown if len(items) <= limit else f"{shown} and {len(items) - limit} more"


def shown(value: object, limit: int = 40) -> str:
    """Return a received value as one short line; None becomes ``nothing``."""
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def count_words(count: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: ``1 image``, ``1,310 images``; `plural` if it is not noun + s."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def fit_terminal(message: str, before: str = "") -> str:
    """Return a message with line breaks between words for a terminal; in one line for a file.

    `before` is printed before it, in the same line.
    """
    if not sys.stderr.isatty():
        return message
    width = shutil.get_terminal_size().columns
    lines = textwrap.wrap(before + message, width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).removeprefix(before)
