"""What a person sees while a run is working: one line that moves on a terminal, plain lines elsewhere."""

import time
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from pxr_tf.config import Experiment

PLAIN_STEPS = 4  # lines per progress bar where there is no terminal


class Display:
    """Shows the events of `training.cross_validate`; use it as a context and pass `show` as ``on_event``."""

    def __init__(self, experiment: Experiment, console: Console) -> None:
        self._experiment, self._console = experiment, console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[right]}"),
            console=console,
        )
        self._row = self._bar.add_task("", total=1, right="", visible=False)
        self._task = ""
        self._device: dict[str, Any] | None = None
        self._plain_step = ("", -1)
        self._clock = _Clock(experiment)
        self._titled = False

    def __enter__(self) -> "Display":
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._console.is_terminal:
            self._bar.update(self._row, visible=False)
            self._bar.stop()

    def show(self, event: dict[str, Any]) -> None:
        """Show one event; the first one is preceded by what is being run."""
        if not self._titled:
            self._titled = True
            self._print_title()
        getattr(self, f"_on_{event['event']}")(event)

    def _print_title(self) -> None:
        experiment = self._experiment
        self._console.print(
            f"{experiment.name}: {experiment.model.backbone}, strategy {experiment.strategy}, "
            f"{experiment.splits.folds} folds, weights {experiment.model.weights}, seed {experiment.seed}",
            style="bold",
            markup=False,
        )

    def _on_note(self, event: dict[str, Any]) -> None:
        self._console.print(event["text"], highlight=False, markup=False)

    def _on_wait(self, event: dict[str, Any]) -> None:
        self._console.print(f"Waiting for {event['holder']}, which is at work on the same.", highlight=False)

    def _on_device(self, event: dict[str, Any]) -> None:
        if event != self._device:
            self._device = event
            xla = "with XLA" if event["xla"] else "without XLA"
            self._console.print(f"Arithmetic on the {event['name']}: {event['precision']}, {xla}.", highlight=False)

    def _on_progress(self, event: dict[str, Any]) -> None:
        self._move(event["what"], event["done"], event["total"], f"{event['done']:,} of {event['total']:,}")

    def _on_start(self, event: dict[str, Any]) -> None:
        self._task = event["task"]
        self._clock.start(self._task)
        if self._task != "features":
            self._move(self._where(), 0, 1, "starting")

    def _on_end(self, event: dict[str, Any]) -> None:
        self._clock.end(event["task"])

    def _on_step(self, event: dict[str, Any]) -> None:
        if self._console.is_terminal:  # elsewhere a line per epoch is enough
            self._move(
                self._where_in_phase(event), event["step"], event["steps"], f"step {event['step']} of {event['steps']}"
            )

    def _on_epoch(self, event: dict[str, Any]) -> None:
        self._clock.count(event)
        parts = [f"loss {event['loss']:.3f}"]
        if "val_loss" in event:
            parts.append(f"val_loss {event['val_loss']:.3f}")
        parts += [f"accuracy {event['accuracy']:.3f}", f"{event['seconds']:.1f} s", self._clock.left()]
        self._move(self._where_in_phase(event), event["epoch"], event["epochs"], " · ".join(parts))

    def _where(self) -> str:
        if self._task.isdigit():
            return f"fold {int(self._task) + 1}/{self._experiment.splits.folds}"
        return "choosing epochs" if self._task == "holdout" else self._task

    def _where_in_phase(self, event: dict[str, Any]) -> str:
        return f"{self._where()} · {event['phase']} · epoch {event['epoch']}/{event['epochs']}"

    def _move(self, left: str, done: int, total: int, right: str) -> None:
        if self._console.is_terminal:
            self._bar.update(self._row, description=left, completed=done, total=total, right=right, visible=True)
            return
        step = (left, done * PLAIN_STEPS // max(1, total))
        if step != self._plain_step:
            self._plain_step = step
            self._console.print(f"{left} · {right}", highlight=False, soft_wrap=True)


class _Clock:
    """Says how much time is left: epochs to come times the seconds that such epochs took, per phase."""

    def __init__(self, experiment: Experiment) -> None:
        self._folds, self._phases = experiment.splits.folds, experiment.phases
        self._tasks_left = self._folds + experiment.chooses_epochs
        self._seconds: dict[str, list[float]] = {}
        self._epochs: dict[str, int] = {phase.name: phase.max_epochs for phase in self._phases}
        self._done: dict[str, int] = {}
        self._overhead: list[float] = []  # seconds per task that were not spent in epochs
        self._started = time.monotonic()
        self._nested, self._stops_early = experiment.splits.nested, False

    def start(self, task: str) -> None:
        self._started, self._done = time.monotonic(), {}
        self._stops_early = self._nested or not task.isdigit()
        if task.isdigit():
            self._tasks_left = min(self._tasks_left, self._folds - int(task))

    def end(self, task: str) -> None:
        if task == "features":
            return
        self._tasks_left -= 1
        trained = sum(self._seconds[name][-1] * done for name, done in self._done.items())
        self._overhead.append(max(0.0, time.monotonic() - self._started - trained))
        self._epochs |= {name: done for name, done in self._done.items() if done}
        self._done = {}

    def count(self, event: dict[str, Any]) -> None:
        self._seconds.setdefault(event["phase"], []).append(event["seconds"])
        self._done[event["phase"]] = event["epoch"]
        self._epochs[event["phase"]] = event["epochs"]

    def left(self) -> str:
        """Return e.g. ``about 12 min left``; ``at most`` while phases may still stop early.

        Phases that have not been seen yet make it ``time left unknown``.
        """
        if any(phase.name not in self._seconds for phase in self._phases):
            return "time left unknown"
        total = 0.0
        for name, seconds in self._seconds.items():
            mean = sum(seconds[-5:]) / len(seconds[-5:])
            total += mean * (self._epochs[name] * self._tasks_left - self._done.get(name, 0))
        if self._overhead:
            total += self._overhead[-1] * self._tasks_left
        return f"{'at most' if self._stops_early else 'about'} {duration_words(total)} left"


def duration_words(seconds: float) -> str:
    """Return a duration as a person would say it: ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{max(0, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
