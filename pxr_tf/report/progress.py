"""Progress of a run or a long job: a moving line on a terminal, plain lines elsewhere."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Protocol

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.progress import Progress, ProgressColumn
from rich.progress import Task as Row
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pxr_tf.events import Event
from pxr_tf.report.clock import (
    HOLDOUT,
    NOT_TRAINING,
    SOON,
    Clock,
    Outline,
    Pace,
    duration_words,
    fold_number,
)
from pxr_tf.report.fitting import print_paths

PLAIN_STEPS = 4  # lines per progress bar without a terminal
WIDEST, NARROWEST = 24, 4  # columns of a bar; it is left out if it would be narrower


def fit_words(left: str, rights: Sequence[str], width: int) -> str:
    """Return the first of `rights`, the longest first, that fits next to `left`; the last if none does."""
    return next((right for right in rights if cell_len(left) + 3 + cell_len(right) <= width), rights[-1])


class _Line:
    """One line: words on the left, a bar if there is room, and the longest words on the right that fit."""

    def __init__(self, row: Row) -> None:
        self._row = row

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        row, width = self._row, options.max_width
        right = fit_words(row.description, self._rights(), width)
        left = Text(row.description, no_wrap=True, overflow="ellipsis")
        room = width - cell_len(row.description) - cell_len(right) - 2
        bar = ProgressBar(row.total, row.completed, width=min(WIDEST, room), pulse=row.fields["pulse"])
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=min(cell_len(row.description), max(1, width - cell_len(right) - 1)))
        grid.add_row(left, *[bar] * (room >= NARROWEST), Text(right, no_wrap=True, overflow="ellipsis"))
        yield grid

    def _rights(self) -> Sequence[str]:
        rights = self._row.fields["rights"]
        silent = time.monotonic() - self._row.fields["since"]
        return rights if silent < SOON else [f"{rights[0]} · working for {duration_words(silent)}", *rights]


class _LineColumn(ProgressColumn):
    def render(self, task: Row) -> _Line:
        return _Line(task)


class Display:
    """Shows the events of a run; use it as a context manager and pass `show` as ``on_event``.

    Events are dicts with a key ``event``. An event of a task has its name in ``task`` (``fold-0``, ``holdout``,
    ``official``, ``features`` …). Events without a handler are ignored.
    """

    def __init__(
        self, outline: Outline, console: Console, all_left: Callable[[float | None], str] = lambda seconds: ""
    ) -> None:
        """Show one run; `all_left` turns its seconds left into words on the time left of a whole study."""
        self._outline, self._console, self._all_left = outline, console, all_left
        self._bar = Progress(_LineColumn(), console=console)
        self._row = self._bar.add_task("", total=1, rights=("",), since=0.0, pulse=False, visible=False)
        self._device: tuple[object, ...] = ()
        self._warned = False
        self._left, self._plain_step = "", ("", -1)
        self._clock, self._pace = Clock(outline), Pace()
        self._titled = not outline.title
        self._failure, self.shown_failures = "", set[str]()
        kinds = ("note", "wait", "device", "warning", "progress", "elapsed", "plan", "start", "end", "failed", "step")
        kinds += ("epoch",)
        self._handlers: dict[str, Callable[[Event], None]] = {kind: getattr(self, f"_show_{kind}") for kind in kinds}

    def __enter__(self) -> "Display":
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._console.is_terminal:
            self._bar.update(self._row, visible=False)
            self._bar.stop()

    def say_again(self) -> None:
        """Print the title again before the next event: something else was shown in between."""
        self._titled = False

    def show(self, event: Event) -> None:
        """Show one event; the outline's title comes before the first."""
        if not self._titled and event["event"] != "plan":
            self._titled = True
            title, *paths = self._outline.title.split("\n")
            self._console.print(title, style="bold", markup=False)
            print_paths(self._console, "", *paths)
        handler = self._handlers.get(event["event"])
        if handler:
            handler(event)

    def _show_note(self, event: Event) -> None:
        print_paths(self._console, *event["text"].split("\n"))  # lines after the first are paths

    def _show_wait(self, event: Event) -> None:
        self._console.print(f"Waiting for {event['holder']}, which is working on the same files.", highlight=False)

    def _show_device(self, event: Event) -> None:
        device = (event["name"], event["precision"], event["xla"])
        if device != self._device:  # every process sends it
            self._device = device
            xla = "with XLA" if event["xla"] else "without XLA"
            self._console.print(f"Computing on the {event['name']}: {event['precision']}, {xla}.", highlight=False)

    def _show_warning(self, event: Event) -> None:
        if not self._warned:  # every fold sends it, and the results table repeats it
            self._warned = True
            self._console.print(f"Warning: {event['text']}", highlight=False, markup=False, soft_wrap=True)

    def _show_progress(self, event: Event) -> None:
        done, total = event["done"], event["total"]
        count, left = f"{done:,} of {total:,}", self._pace.words(self._name(event), done, total)
        rights = ((count, event.get("more"), left), (count, left), (left or count,))
        self._move(self._name(event), done, total, *(" · ".join(filter(None, words)) for words in rights))

    def _show_elapsed(self, event: Event) -> None:
        """Show the time so far of something that cannot say how much of it is done."""
        seconds = event["seconds"]
        step = int(math.log2(max(1, seconds / SOON)))  # lines without a terminal: after 5, 10, 20, 40 s ...
        if self._console.is_terminal or seconds >= SOON:
            self._move(self._name(event), step, 0, f"{duration_words(seconds)} so far")

    def _show_plan(self, event: Event) -> None:
        self._clock.expect(sum(task not in NOT_TRAINING for task in event["tasks"]))

    def _show_start(self, event: Event) -> None:
        if self._failure:  # the run goes on; if nothing follows, its end says why
            self.shown_failures.add(self._failure)
            self._console.print(self._failure, highlight=False, markup=False)
            self._failure = ""
        if event["task"] not in NOT_TRAINING:
            self._clock.start(event["task"])
            self._move(self._where(event["task"]), 0, 1, "starting")

    def _show_end(self, event: Event) -> None:
        if event["task"] not in NOT_TRAINING:
            self._clock.end()

    def _show_failed(self, event: Event) -> None:
        self._failure = self._failure or event["text"]
        if event["task"] not in NOT_TRAINING:
            self._clock.drop()

    def _show_step(self, event: Event) -> None:
        if self._console.is_terminal:  # elsewhere a line per epoch is enough
            right = f"step {event['step']} of {event['steps']}"
            self._move(self._where_in_phase(event), event["step"], event["steps"], right)

    def _show_epoch(self, event: Event) -> None:
        self._clock.count(event)
        own = self._clock.left()
        left = own + self._all_left(self._clock.seconds_left())
        loss, accuracy, seconds = event["loss"], event["accuracy"], f"{event['seconds']:.1f} s"
        long, short = f"loss {loss:.3f}", f"loss {loss:.2f}"
        if "val_loss" in event:
            long, short = f"{long} · val_loss {event['val_loss']:.3f}", f"{short}, val {event['val_loss']:.2f}"
        rights = (
            (long, f"accuracy {accuracy:.3f}", seconds, left),
            (short, f"acc {accuracy:.2f}", seconds, left),
            (short, f"acc {accuracy:.2f}", left),
            (short, left),
            (f"loss {loss:.2f}", left),
            (left,),
            (own,),
        )
        self._move(self._where_in_phase(event), event["epoch"], event["epochs"], *map(" · ".join, rights))

    def _where(self, task: str) -> str:
        number = fold_number(task)
        if number is not None:
            return f"fold {number + 1}/{self._outline.folds}"
        return "choosing epochs" if task == HOLDOUT else task

    def _name(self, event: Event) -> str:
        task = event.get("task", "")
        trains = task == HOLDOUT or fold_number(task) is not None
        return f"{self._where(task)} · {event['what']}" if trains else event["what"]

    def _where_in_phase(self, event: Event) -> str:
        return f"{self._where(event['task'])} · {event['phase']} · epoch {event['epoch']}/{event['epochs']}"

    def _move(self, left: str, done: int, total: int, *rights: str) -> None:
        """Show `left` and the first of `rights` that fits. If `total` is 0, it is unknown."""
        if self._console.is_terminal:
            changed, self._left = left != self._left, left  # a new text is drawn at once, else 10 times a second
            values = {"total": total or 1, "pulse": not total, "rights": rights, "since": time.monotonic()}
            self._bar.update(self._row, description=left, completed=done, visible=True, refresh=changed, **values)
            return
        step = (left, done * PLAIN_STEPS // max(1, total))
        if step != self._plain_step:
            self._plain_step = step
            right = fit_words(left, rights, self._console.width)
            self._console.print(f"{left} · {right}", highlight=False, soft_wrap=True, markup=False)


class Show(Protocol):
    """Shows the progress of a job."""

    def __call__(self, done: int, total: int, more: str = "") -> None: ...


@contextmanager
def show_steps(console: Console, what: str) -> Iterator[Show]:
    """Yield a function of (done, total, a few words more) that shows the progress of a job."""
    with Display(Outline(""), console) as display:
        display._move(what, 0, 0, "starting")
        yield lambda done, total, more="": display.show(
            {"event": "progress", "what": what, "done": done, "total": total, "more": more}
        )
