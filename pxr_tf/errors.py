"""The one exception that is meant for people."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

# What pydantic's kinds of error say was accepted; of two that fit, the first.
_ACCEPTED = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "bool": "true or false",
    "string_type": "text",
    "string_pattern": "letters, digits and the signs . _ -",
    "tuple": "a list",
    "dict": "a mapping of keys to values",
    "model": "a mapping of keys to values",
    "literal": "{expected}",
    "greater_than_equal": "{ge:g} or more",
    "greater_than": "more than {gt:g}",
    "less_than_equal": "{le:g} or less",
    "less_than": "less than {lt:g}",
    "too_short": "a list of {min_length} or more",
}


class PxrError(Exception):
    """A fault in what was asked for or given, told in one line.

    The message says what was received, what is accepted and what to do. The command line prints it without a
    traceback and exits with code 2; every other exception is a fault of this project and keeps its traceback.
    """


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'a' or 'b'?"`` for the known names closest to `name`, or ``""`` where none is close."""
    name, known = name.lower(), list(known)
    sure = difflib.get_close_matches(name, known, n=1, cutoff=0.9)
    close = sure or difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(repr(match) for match in close)}?" if close else ""


def shorten(items: Iterable[object], limit: int = 5) -> str:
    """Return the first `limit` items, comma-separated, and how many more there are: ``"a, b and 3 more"``."""
    items = [str(item) for item in items]
    shown = ", ".join(items[:limit])
    return shown if len(items) <= limit else f"{shown} and {len(items) - limit} more"


def accepted_value(error: Mapping[str, Any]) -> str:
    """Return what would have been accepted where pydantic found this error: ``"a whole number"``, ``"2 or more"``."""
    text = next((text for kind, text in _ACCEPTED.items() if error["type"].startswith(kind)), error["msg"])
    return text.format_map(error.get("ctx", {}))


def shown(value: object, limit: int = 40) -> str:
    """Return a received value as one short line; None is ``nothing``."""
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
