"""How the tasks of a run stand, in ``logs/status.json``, so that another terminal, or machine, can look.

The command that runs the tasks writes the file, whole, at most once a second while something happens and every
`BEAT` seconds otherwise: a file that no longer changes belongs to a command that has ended.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from pxr_tf import files, leases
from pxr_tf.events import Event, OnEvent, moment_of

STATUS = Path("logs", "status.json")
PAUSE = 1.0  # seconds between writes
BEAT = 5.0
WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
ENDS = {"end": DONE, "failed": FAILED}


class TaskStatus(NamedTuple):
    """How a task stands."""

    name: str
    state: str = WAITING
    node: str = ""  # of a cluster
    attempt: int = 1
    phase: str = ""
    epoch: int = 0
    epochs: int = 0
    seconds: float = 0.0  # since it started, or that it took
    text: str = ""  # why it failed or runs again


class RunStatus(NamedTuple):
    """How a run stands."""

    process: int  # of the command
    machine: str
    kernel: str  # `leases.kernel` of the machine
    beat: int  # number of times that the file was written
    ended: bool  # whether the command has ended as it should
    tasks: tuple[TaskStatus, ...] = ()

    def count(self, state: str) -> int:
        """Return how many tasks are in a state."""
        return sum(task.state == state for task in self.tasks)


def read_status(folder: Path) -> RunStatus | None:
    """Return what the last command wrote about a run's tasks; None if none did; raise `PxrError` for other content."""
    found = files.read_json(folder / STATUS)
    if found is None:
        return None
    with files.reading(folder / STATUS):
        return RunStatus(**{**found, "tasks": tuple(TaskStatus(**task) for task in found["tasks"])})


class _Tasks:
    """The tasks of one run, as their events tell."""

    def __init__(self) -> None:
        self._tasks: dict[str, TaskStatus] = {}
        self._begun: dict[str, float] = {}
        self.changed = False

    def take(self, event: Event) -> None:
        kind, name = event["event"], event.get("task")
        if kind == "plan":
            self._tasks |= {task: TaskStatus(task) for task in event["tasks"]}
        if kind == "plan" or name not in self._tasks:
            self.changed |= kind == "plan"
            return
        if kind == "start":
            self._begun[name] = moment_of(event)
            self._change(name, state=RUNNING, node=event.get("node", ""))
        elif kind == "again":
            self._change(name, state=WAITING, attempt=event["attempt"], text=event["text"])
        elif kind == "epoch":
            self._change(name, **{word: event[word] for word in ("phase", "epoch", "epochs")})
        elif kind in ENDS:
            self._change(
                name, state=ENDS[kind], seconds=self._seconds(name, moment_of(event)), text=event.get("text", "")
            )

    def _change(self, name: str, **values: Any) -> None:
        self._tasks[name] = self._tasks[name]._replace(**values)
        self.changed = True

    def _seconds(self, name: str, now: float) -> float:
        return round(now - self._begun[name], 1) if name in self._begun else 0.0

    def describe(self) -> list[dict[str, object]]:
        self.changed = False
        now = time.monotonic()
        tasks = (
            task._replace(seconds=self._seconds(task.name, now)) if task.state == RUNNING else task
            for task in self._tasks.values()
        )
        return [task._asdict() for task in tasks]


@contextmanager
def keep_status(folders: Sequence[Path], on_event: OnEvent) -> Iterator[OnEvent]:
    """Yield a listener that passes events on; meanwhile a thread keeps the status of these run directories."""
    runs = {str(folder): _Tasks() for folder in folders}
    ended, lock = threading.Event(), threading.Lock()

    def listen(event: Event) -> None:
        with lock:
            if event.get("run") in runs:
                runs[event["run"]].take(event)
        on_event(event)

    thread = threading.Thread(target=_keep, args=(runs, lock, ended), daemon=True)
    thread.start()
    try:
        yield listen
    finally:
        ended.set()
        thread.join()


def _keep(runs: Mapping[str, _Tasks], lock: threading.Lock, ended: threading.Event) -> None:
    beats, written = dict.fromkeys(runs, 0), dict.fromkeys(runs, 0.0)
    last = False
    while not last:
        last = ended.wait(PAUSE)
        for name, tasks in runs.items():
            with lock:
                begun = bool(tasks._tasks)
                due = tasks.changed or last or time.monotonic() - written[name] >= BEAT
                described = tasks.describe() if begun and due else None
            if described is not None:
                beats[name] += 1
                written[name] = time.monotonic()
                _write(Path(name), beats[name], described, last)


def _write(folder: Path, beat: int, tasks: list[dict[str, object]], ended: bool) -> None:
    """Write the file without waiting for the disk; one that cannot be written costs nobody's work."""
    status = RunStatus(os.getpid(), socket.gethostname(), leases.kernel(), beat, ended)._asdict() | {"tasks": tasks}
    path = folder / STATUS
    partial = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(status, indent=1) + "\n", encoding="utf-8")
        os.replace(partial, path)
    except OSError:
        return
