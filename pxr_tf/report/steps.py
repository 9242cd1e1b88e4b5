"""The progress of one long job that is no run: a bar on a terminal, a few plain lines elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

PLAIN_STEPS = 4  # lines where there is no terminal


@contextmanager
def show_steps(console: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function of (done, all) that shows how far the job is."""
    if not console.is_terminal:
        yield _plain(console, what)
        return
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        row = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(row, completed=done, total=total)


def _plain(console: Console, what: str) -> Callable[[int, int], None]:
    shown = 0

    def show(done: int, total: int) -> None:
        nonlocal shown
        step = done * PLAIN_STEPS // total
        if step > shown:
            shown = step
            console.print(f"{what}: {done} of {total}")

    return show
