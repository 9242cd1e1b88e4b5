"""Events: what long work tells while it is done, as dicts with a key ``event``; here, those that every room tells."""

from collections.abc import Callable
from typing import Any

Event = dict[str, Any]  # plain values, so that it travels as JSON
OnEvent = Callable[[Event], None]


def tell_note(on_event: OnEvent, text: str) -> None:
    """Tell one line for people."""
    on_event({"event": "note", "text": text})


def tell_progress(on_event: OnEvent, what: str, done: int, total: int) -> None:
    """Tell how much of something is done."""
    on_event({"event": "progress", "what": what, "done": done, "total": total})


def tell_wait(on_event: OnEvent, holder: str) -> None:
    """Tell which process is being waited for."""
    on_event({"event": "wait", "holder": holder})
