"""Tasks: what can be done apart from the rest, and what an executor must offer that schedules them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pxr_tf.events import OnEvent


@dataclass(frozen=True)
class Task:
    """One piece of work: everything that a process needs to know to do it."""

    name: str  # also the name of its log; of a fit, the name of its folder
    kind: str  # a key of `perform.KINDS`
    needs: tuple[str, ...] = ()  # names of the tasks whose files it reads
    run: str = ""  # run directory
    cache: str = ""
    fold: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)  # what else the kind of task needs to know
    leaves_memory: bool = False  # it trains a whole network: only the end of its process gives the memory back

    def as_json(self) -> dict[str, Any]:
        """Return the task as plain data; `from_json` makes it again."""
        return asdict(self) | {"needs": list(self.needs)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Task":
        """Return the task that `as_json` gave, equal to it."""
        return cls(**{**data, "needs": tuple(data["needs"])})


class Executor(Protocol):
    """Does tasks, in this process, in others, or elsewhere."""

    def start(self, log: Path, keep: Sequence[int] = ()) -> None:
        """Get ready while other work goes on; tasks hold the file descriptors `keep` (of a lock), too."""

    def run(self, tasks: Sequence[Task], logs: Path, on_event: OnEvent) -> None:
        """Do the tasks, each after those that it needs; every event carries the name of its task. Raises `PxrError`."""

    def close(self) -> None:
        """End whatever is running."""


def do_in_order(tasks: Sequence[Task], do: Callable[[Task, OnEvent], None], on_event: OnEvent) -> None:
    """Do the tasks in the order of their needs; tell when each starts and ends, and its events under its name."""
    for task in in_order(tasks):
        on_event({"event": "start", "task": task.name})
        do(task, lambda event, name=task.name: on_event({**event, "task": name}))
        on_event({"event": "end", "task": task.name})


def in_order(tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks so that each comes after those that it needs; needs that are no task here count as met."""
    waiting: dict[str, Task] = {task.name: task for task in tasks}
    ordered: list[Task] = []
    while waiting:
        ready = [task for task in waiting.values() if not any(need in waiting for need in task.needs)]
        if not ready:
            raise ValueError(f"tasks need each other in a circle: {', '.join(waiting)}")
        ordered.append(ready[0])
        del waiting[ready[0].name]
    return ordered
