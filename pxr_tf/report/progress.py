"""Progress of a run or a long job: a moving line on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pxr_tf.events import Event
from pxr_tf.report.clock import HOLDOUT, NOT_TRAINING, Clock, Outline, duration_words, fold_number

PLAIN_STEPS = 4  # lines per progress bar without a terminal
SOON = 5  # seconds; a shorter time left is not shown


class Display:
    """Shows the events of a run; use it as a context manager and pass `show` as ``on_event``.

    Events are dicts with a key ``event``. An event of a task has its name in ``task`` (``fold-0``, ``holdout``,
    ``official``, ``features`` …). Events without a handler are ignored.
    """

    def __init__(self, outline: Outline, console: Console) -> None:
        self._outline, self._console = outline, console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[right]}"),
            console=console,
        )
        self._row = self._bar.add_task("", total=1, right="", visible=False)
        self._device: tuple[object, ...] = ()
        self._warned = False
        self._left, self._plain_step = "", ("", -1)
        self._clock = Clock(outline)
        self._titled = False
        kinds = ("note", "wait", "device", "warning", "progress", "plan", "start", "end", "step", "epoch")
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
            self._console.print(self._outline.title, style="bold", markup=False)
        handler = self._handlers.get(event["event"])
        if handler:
            handler(event)

    def _show_note(self, event: Event) -> None:
        self._console.print(event["text"], highlight=False, markup=False)

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
        self._move(event["what"], event["done"], event["total"], f"{event['done']:,} of {event['total']:,}")

    def _show_plan(self, event: Event) -> None:
        self._clock.expect(sum(task not in NOT_TRAINING for task in event["tasks"]))

    def _show_start(self, event: Event) -> None:
        if event["task"] not in NOT_TRAINING:
            self._clock.start(event["task"])
            self._move(self._where(event["task"]), 0, 1, "starting")

    def _show_end(self, event: Event) -> None:
        if event["task"] not in NOT_TRAINING:
            self._clock.end()

    def _show_step(self, event: Event) -> None:
        if self._console.is_terminal:  # elsewhere a line per epoch is enough
            right = f"step {event['step']} of {event['steps']}"
            self._move(self._where_in_phase(event), event["step"], event["steps"], right)

    def _show_epoch(self, event: Event) -> None:
        self._clock.count(event)
        parts = [f"loss {event['loss']:.3f}"]
        if "val_loss" in event:
            parts.append(f"val_loss {event['val_loss']:.3f}")
        parts += [f"accuracy {event['accuracy']:.3f}", f"{event['seconds']:.1f} s", self._clock.left()]
        self._move(self._where_in_phase(event), event["epoch"], event["epochs"], " · ".join(parts))

    def _where(self, task: str) -> str:
        number = fold_number(task)
        if number is not None:
            return f"fold {number + 1}/{self._outline.folds}"
        return "choosing epochs" if task == HOLDOUT else task

    def _where_in_phase(self, event: Event) -> str:
        return f"{self._where(event['task'])} · {event['phase']} · epoch {event['epoch']}/{event['epochs']}"

    def _move(self, left: str, done: int, total: int, right: str) -> None:
        if self._console.is_terminal:
            changed, self._left = left != self._left, left  # a new text is drawn at once, else 10 times a second
            self._bar.update(
                self._row, description=left, completed=done, total=total, right=right, visible=True, refresh=changed
            )
            return
        step = (left, done * PLAIN_STEPS // max(1, total))
        if step != self._plain_step:
            self._plain_step = step
            self._console.print(f"{left} · {right}", highlight=False, soft_wrap=True)


class Show(Protocol):
    """Shows the progress of a job."""

    def __call__(self, done: int, total: int, more: str = "") -> None: ...


@contextmanager
def show_steps(console: Console, what: str) -> Iterator[Show]:
    """Yield a function of (done, total, a few words more) that shows the progress of a job."""
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
        step = done * PLAIN_STEPS // total
        if step > shown:
            shown = step
            left = (time.monotonic() - started) * (total - done) / done
            words = (f"{what}: {done} of {total}", more, f"about {duration_words(left)} left" if left >= SOON else "")
            console.print(", ".join(filter(None, words)))

    return show
