"""Events: dicts with a key ``event``, in which long work reports its progress. These are used by every package."""

from collections.abc import Callable
from typing import Any

Event = dict[str, Any]  # plain values, so that it can be sent as JSON
OnEvent = Callable[[Event], None]
OnProgress = Callable[[int, int], None]  # (done, all)
OnWait = Callable[[str], None]  # the process that is being waited for
Say = Callable[[str], None]  # one line for people


def emit_note(on_event: OnEvent, text: str) -> None:
    """Send one line for people."""
    on_event({"event": "note", "text": text})


def emit_progress(on_event: OnEvent, what: str, done: int, total: int) -> None:
    """Send how much of something is done."""
    on_event({"event": "progress", "what": what, "done": done, "total": total})


def emit_wait(on_event: OnEvent, holder: str) -> None:
    """Send the name of the process that is being waited for."""
    on_event({"event": "wait", "holder": holder})
