"""The progress of one long job that is no run: a bar on a terminal, a few plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pxr_tf.report.clock import duration_words

_PLAIN_STEPS = 4  # lines where there is no terminal
SOON = 5  # seconds: less is not worth a word


class Show(Protocol):
    """Shows how far a job is."""

    def __call__(self, done: int, total: int, more: str = "") -> None: ...


@contextmanager
def show_steps(console: Console, what: str) -> Iterator[Show]:
    """Give a function of (done, all, a few words more) that shows how far the job is."""
    if not console.is_terminal:
        yield _plain(console, what)
        return
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        row = bar.add_task(what, total=None)
        yield lambda done, total, more="": bar.update(
            row, completed=done, total=total, description=", ".join(filter(None, (what, more)))
        )


def _plain(console: Console, what: str) -> Show:
    shown, started = 0, time.monotonic()

    def show(done: int, total: int, more: str = "") -> None:
        nonlocal shown
        step = done * _PLAIN_STEPS // total
        if step > shown:
            shown = step
            left = (time.monotonic() - started) * (total - done) / done
            words = (f"{what}: {done} of {total}", more, f"about {duration_words(left)} left" if left >= SOON else "")
            console.print(", ".join(filter(None, words)))

    return show
