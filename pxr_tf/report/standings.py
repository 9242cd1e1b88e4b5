"""How runs stand, for `pxr status`: a few lines per run, and those tasks that somebody may want to know of."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console

from pxr_tf.errors import count_words
from pxr_tf.evidence.progress import Standing
from pxr_tf.report.clock import duration_words
from pxr_tf.report.fitting import print_indented, print_paths
from pxr_tf.runs.status import DONE, FAILED, RUNNING, WAITING, TaskStatus

SILENT = "The command that worked on it gives no sign of life. Run the same command again to continue."


def print_standings(found: Sequence[Standing], console: Console) -> None:
    """Print each run: its name, its state, its folder, and the tasks that run, failed or ran again."""
    for one in found:
        console.print(_title(one), style="bold", markup=False, highlight=False)
        print_indented(console, _state(one))
        print_paths(console, "", f"  {one.run.folder}")
        for line in _lines(one):
            print_indented(console, line)
    finished = sum(one.run.finished for one in found)
    running = sum(one.words == "running" for one in found)
    console.print(f"{count_words(len(found), 'run')}: {finished} finished, {running} running", highlight=False)


def as_records(found: Sequence[Standing]) -> list[dict[str, Any]]:
    """Return the same as plain values, for programs."""
    return [
        {
            "folder": str(one.run.folder),
            "state": one.words,
            "folds_done": one.run.folds_done,
            "folds": one.run.folds,
            "seconds_left": one.seconds_left,
            "machine": one.status.machine if one.status else None,
            "process": one.status.process if one.status else None,
            "tasks": [task._asdict() for task in one.status.tasks] if one.status else [],
            "fault": one.run.fault or None,
        }
        for one in found
    ]


def _title(one: Standing) -> str:
    run = one.run
    names = dict.fromkeys((run.model, run.variant))
    return "Cannot be opened" if run.fault else f"{run.recipe}: {', '.join(names)}, {run.scheme}, seed {run.seed}"


def _state(one: Standing) -> str:
    if one.run.fault:
        return one.run.fault
    words = [one.words, f"{one.run.folds_done} of {count_words(one.run.folds, 'fold')} trained"]
    if one.status and not one.run.finished:
        counts = {state: one.status.count(state) for state in (RUNNING, WAITING, FAILED)}
        words += [f"{count_words(count, 'task')} {state}" for state, count in counts.items() if count]
    left = one.seconds_left
    return ", ".join(words) + (f", about {duration_words(left)} left" if left else "")


def _lines(one: Standing) -> Iterator[str]:
    if one.status is None or one.run.fault:
        return
    for task in one.status.tasks:
        if task.state == FAILED or (task.state == RUNNING and one.alive) or (task.state != DONE and task.attempt > 1):
            yield _describe(task)
    again = [task.name for task in one.status.tasks if task.state == DONE and task.attempt > 1]
    if again:
        yield f"Run again after a loss: {', '.join(again)}."
    if one.words == "stopped" and not one.status.ended:
        yield SILENT


def _describe(task: TaskStatus) -> str:
    where = f" on {task.node}" if task.node else ""
    words = [f"{task.name}: {task.state}{where}"]
    if task.epochs:
        words.append(f"{task.phase}, epoch {task.epoch} of {task.epochs}")
    if task.seconds:
        words.append(duration_words(task.seconds))
    if task.attempt > 1:
        words.append(f"attempt {task.attempt}")
    if task.text and task.state != RUNNING:
        words.append(task.text)
    return " · ".join(words)
