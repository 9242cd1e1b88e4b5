"""Events: dicts with a key ``event``, in which long work reports its progress. These are used by every package."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

Event = dict[str, Any]  # plain values, so that it can be sent as JSON
OnEvent = Callable[[Event], None]
OnProgress = Callable[[int, int], None]  # (done, all)
OnWait = Callable[[str], None]  # the process that is being waited for
Say = Callable[[str], None]  # one line for people


AT = "at"  # the key of when an event happened (`time.monotonic`), if it is passed on later

T = TypeVar("T")
QUIET = 2.0  # seconds; most jobs end sooner


def count_through(items: Iterable[T], total: int, on_progress: OnProgress) -> Iterator[T]:
    """Yield the items, and report how many were yielded, 100 times at most; nothing in the first `QUIET` seconds."""
    step, started = max(1, total // 100), time.monotonic()
    for number, item in enumerate(items, start=1):
        yield item
        if (number % step == 0 or number == total) and time.monotonic() - started >= QUIET:
            on_progress(number, total)


@contextmanager
def emit_elapsed(on_event: OnEvent, what: str, every: float = 1.0) -> Iterator[None]:
    """Send the seconds so far, every second, while something runs that cannot say how much of it is done."""
    ended, started = threading.Event(), time.monotonic()

    def tick() -> None:
        while not ended.wait(every):
            on_event({"event": "elapsed", "what": what, "seconds": time.monotonic() - started})

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()  # no other thread writes events from here on


def moment_of(event: Event) -> float:
    """Return when an event happened, on the clock `time.monotonic`."""
    return event.get(AT, time.monotonic())


def emit_note(on_event: OnEvent, text: str) -> None:
    """Send one line for people; further lines are paths."""
    on_event({"event": "note", "text": text})


def emit_progress(on_event: OnEvent, what: str, done: int, total: int) -> None:
    """Send how much of something is done."""
    on_event({"event": "progress", "what": what, "done": done, "total": total})


def add_progress(on_event: OnEvent, totals: Mapping[str, int]) -> OnEvent:
    """Return a listener to several tasks that adds up their progress; `totals` is task -> the whole of its work."""
    done: dict[str, dict[str, int]] = {}  # what -> task -> done

    def listen(event: Event) -> None:
        if event["event"] == "progress":
            each = done.setdefault(event["what"], {})
            each[event["task"]] = event["done"] + totals[event["task"]] - event["total"]  # a part may be done already
            event = {**event, "done": sum(each.values()), "total": sum(totals.values())}
        on_event(event)

    return listen


def emit_wait(on_event: OnEvent, holder: str) -> None:
    """Send the name of the process that is being waited for."""
    on_event({"event": "wait", "holder": holder})
