"""The time that a run still needs, estimated from the epochs done so far."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from pxr_tf.data.splits import HOLDOUT

NOT_TRAINING = ("features", "weights", "calibrate", "model-figures", "results")  # tasks without epochs and predictions
SOON = 5  # seconds; a shorter time left of a job is not shown
_RECENT = 5  # epochs in the mean: a machine that slows down shows within five


class OutlinePhase(NamedTuple):
    """One phase of a run's training."""

    name: str
    max_epochs: int
    patience: int | None  # epochs without a better validation loss; None: always max_epochs


class Outline(NamedTuple):
    """What a run will do, as far as a progress display needs it."""

    title: str  # shown first; further lines are paths
    folds: int = 1  # tasks that train and test: folds, or 1 for an official or a random split
    phases: tuple[OutlinePhase, ...] = ()
    chooses_epochs: bool = False  # a task `holdout` comes first and chooses the folds' epoch numbers


class Clock:
    """Estimates the time left: per phase, the epochs to come times the recent seconds per epoch."""

    def __init__(self, outline: Outline, now: Callable[[], float] = time.monotonic) -> None:
        self._outline, self._now = outline, now
        self._tasks_left = outline.folds + outline.chooses_epochs
        self._is_known = False  # whether that number is known, not guessed from the outline
        self._seconds: dict[str, list[float]] = {}
        self._epochs = {phase.name: phase.max_epochs for phase in outline.phases}
        self._done: dict[str, int] = {}
        self._overhead: list[float] = []  # seconds per task that were not spent in epochs
        self._started = now()
        self._stops_early = False

    def expect(self, tasks: int) -> None:
        """Expect this many training tasks: those left in a resumed run, or those of an added scheme."""
        self._tasks_left, self._is_known = tasks, True

    def start(self, task: str) -> None:
        """Count from the start of a task that trains."""
        self._started, self._done = self._now(), {}
        patient = any(phase.patience is not None for phase in self._outline.phases)
        self._stops_early = patient and (task == HOLDOUT or not self._outline.chooses_epochs)
        number = fold_number(task)
        if number is not None and not self._is_known:
            self._tasks_left = min(self._tasks_left, self._outline.folds - number)

    def end(self) -> None:
        """Record how many epochs the task had, and the time that it spent outside them."""
        self._tasks_left -= 1
        trained = sum(self._seconds[name][-1] * done for name, done in self._done.items())
        self._overhead.append(max(0.0, self._now() - self._started - trained))
        self._epochs |= {name: done for name, done in self._done.items() if done}
        self._done = {}

    def drop(self) -> None:
        """Expect one task less: it failed."""
        self._tasks_left -= 1
        self._done = {}

    def count(self, event: Mapping[str, object]) -> None:
        """Count an ``epoch`` event."""
        self._seconds.setdefault(event["phase"], []).append(event["seconds"])
        self._done[event["phase"]] = event["epoch"]
        self._epochs[event["phase"]] = event["epochs"]

    def left(self) -> str:
        """Return ``about 12 min left``, ``at most`` if phases may stop early, or ``time left unknown`` at first."""
        seconds = self.seconds_left()
        if seconds is None:
            return "time left unknown"
        return f"{'at most' if self._stops_early else 'about'} {duration_words(seconds)} left"

    def seconds_left(self) -> float | None:
        """Return the seconds that the run still needs; None as long as a phase has not begun."""
        if any(phase.name not in self._seconds for phase in self._outline.phases):
            return None
        total = 0.0
        for name, seconds in self._seconds.items():
            mean = sum(seconds[-_RECENT:]) / len(seconds[-_RECENT:])
            total += mean * (self._epochs[name] * self._tasks_left - self._done.get(name, 0))
        if self._overhead:
            total += self._overhead[-1] * self._tasks_left
        return total


class StudyClock:
    """Estimates the time that all runs of a study still need, from the runs that ended.

    A run takes as long as the ended runs of its kind did, on average: the same but for the seed. If none ended, it
    takes as long as the average of all that ended, and of the present one.
    """

    def __init__(self, kinds: Mapping[str, object], now: Callable[[], float] = time.monotonic) -> None:
        self._waiting = dict(kinds)  # run -> its kind
        self._number, self._now = len(kinds), now
        self._begun: dict[str, float] = {}
        self._took: list[tuple[object, float]] = []  # kind and seconds of the runs that worked and ended

    def start(self, run: str) -> None:
        """Note that a run works."""
        self._begun.setdefault(run, self._now())

    def end(self, run: str) -> None:
        """Note that a run ended; it counts as an example if it worked."""
        kind = self._waiting.pop(run, None)
        if run in self._begun:
            self._took.append((kind, self._now() - self._begun.pop(run)))

    def seconds_left(self, run: str = "", own: float | None = None) -> float | None:
        """Return the seconds for all runs that did not end; `run` still needs `own` seconds. None if unknown."""
        known, others = list(self._took), [kind for name, kind in self._waiting.items() if name != run]
        if run in self._begun and own is not None:
            known.append((self._waiting[run], self._now() - self._begun[run] + own))
        if (run and own is None) or (others and not known):
            return None
        return (own or 0.0) + sum(_expect(kind, known) for kind in others)

    def words(self) -> str:
        """Return ``3 of 15 runs done, about 40 min left``, without the time if it is unknown or none."""
        seconds = self.seconds_left()
        left = f", about {duration_words(seconds)} left" if seconds else ""
        return f"{self._number - len(self._waiting)} of {self._number} runs done{left}"


class Pace:
    """Estimates the time left of a job from how much of it is done."""

    def __init__(self) -> None:
        self._what, self._start, self._first = "", time.monotonic(), 0

    def words(self, what: str, done: int, total: int) -> str:
        """Return ``about 12 s left``; "" if that is unknown, or soon."""
        if what != self._what or done < self._first:
            self._what, self._start, self._first = what, time.monotonic(), done
        new = done - self._first
        left = (time.monotonic() - self._start) * (total - done) / new if new > 0 else 0.0
        return f"about {duration_words(left)} left" if left >= SOON else ""


def fold_number(task: str) -> int | None:
    """Return the number of a fold's task (``fold-0``), or None for any other task."""
    name, _, number = task.rpartition("-")
    return int(number) if name == "fold" and number.isdigit() else None


def duration_words(seconds: float) -> str:
    """Return a duration as a person would say it: ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{max(0, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _expect(kind: object, known: Sequence[tuple[object, float]]) -> float:
    """Return the mean seconds of the known runs of a kind; of all known runs if none is of this kind."""
    seconds = [took for one, took in known if one == kind] or [took for _, took in known]
    return sum(seconds) / len(seconds)
