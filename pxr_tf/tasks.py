"""Tasks, pieces of work that can run separately, and the protocol of executors, which schedule them.

A task's results are files; its events only inform. Code that needs a value from a task reads the file that it wrote.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Protocol, TypeVar

from pydantic import TypeAdapter

from pxr_tf.errors import WORK_FAILED, PxrError
from pxr_tf.events import Event, OnEvent

Item = TypeVar("Item")


@dataclass(frozen=True)
class NoOptions:
    """The options of a kind of task that needs none."""


@dataclass(frozen=True)
class Task:
    """One piece of work: everything that a process needs to do it."""

    name: str  # unique within its run; also the name of its log and, for a fit, of its folder
    kind: str  # a key of `executors.perform.KINDS`
    needs: tuple[str, ...] = ()  # the tasks of the same run whose files it reads, by name
    run: str = ""  # run directory
    cache: str = ""
    logs: str = ""  # folder of its log
    fold: str = ""
    options: object = NoOptions()  # a frozen dataclass: what else this kind of task needs
    leaves_memory: bool = False  # it trains a whole network: only ending its process frees the memory
    threads: int = 0  # processors that its arithmetic uses; 0: whatever the machine has
    shard: int = 0  # which part of the work this task does, of `shards`; an executor divides tasks
    shards: int = 1

    @property
    def key(self) -> tuple[str, str]:
        """Its run and its name, which identify it in a graph of tasks."""
        return self.run, self.name

    @property
    def log(self) -> Path:
        """The file for its output."""
        return Path(self.logs) / f"{self.name}.log"

    def part_of(self, items: Sequence[Item]) -> Sequence[Item]:
        """Return the items of this shard: every n-th, so that those already done are spread over all shards."""
        return items[self.shard :: self.shards]

    def as_json(self) -> dict[str, object]:
        """Return the task as plain data, which `from_json` reads."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        options = TypeAdapter(type(self.options)).dump_python(self.options, mode="json")
        return values | {"needs": list(self.needs), "options": options}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> "Task":
        """Return the task from `as_json`; its options are plain data until `with_options` types them."""
        return cls(**{**data, "needs": tuple(data["needs"])})

    def with_options(self, kind: type) -> "Task":
        """Return the task with options of this type; raise `ValidationError` if they do not fit it."""
        return replace(self, options=TypeAdapter(kind).validate_python(self.options))


Failures = Mapping[tuple[str, str], str]  # key of a task -> why it failed or was not run


class Executor(Protocol):
    """Runs tasks, in this process, in others, or elsewhere."""

    def start(self, log: Path, keep: Sequence[int] = ()) -> None:
        """Get ready while other work continues; tasks inherit the file descriptors `keep` (of locks)."""

    def run(self, batches: Iterable[Sequence[Task]], on_event: OnEvent) -> Failures:
        """Run the tasks, each after its needs; events have ``run`` and ``task``; a failure skips its dependents.

        Tasks need only those of their batch. An executor may make a batch while it works on those before it.
        """

    def close(self) -> None:
        """End whatever is running."""


def run_or_raise(executor: Executor, tasks: Sequence[Task], on_event: OnEvent) -> None:
    """Run the tasks; raise `PxrError` with the reason at the first failure."""

    def listen(event: Event) -> None:
        on_event(event)
        if event["event"] == "failed":
            raise PxrError(event["text"], event["exit_code"])

    executor.run([tasks], listen)


def do_in_order(batches: Iterable[Sequence[Task]], do: Callable[[Task, OnEvent], None], on_event: OnEvent) -> Failures:
    """Make all batches, then run their tasks in the order of their needs; return failures.

    Events are those of `do`, with ``start`` before them and ``end`` or ``failed`` after.
    """
    failures: dict[tuple[str, str], str] = {}
    for task in in_order(task for batch in batches for task in batch):
        place, code = {"task": task.name, "run": task.run}, WORK_FAILED
        failed = next((need for need in task.needs if (task.run, need) in failures), None)
        if failed is None:
            on_event({"event": "start", **place})
            try:
                do(task, lambda event, place=place: on_event({**event, **place}))
            except PxrError as error:
                failures[task.key], code = str(error), error.exit_code
        else:
            failures[task.key] = f"{task.name} needs {failed}, which failed."
        why = failures.get(task.key)
        end = {"event": "end"} if why is None else {"event": "failed", "text": why, "exit_code": code}
        on_event({**end, **place})
    return failures


def in_order(tasks: Iterable[Task]) -> list[Task]:
    """Return the tasks, each after those that it needs; a need that is not among the tasks counts as met."""
    waiting = {task.key: task for task in tasks}
    keys, ordered = list(waiting), []
    needs = {task.key: {(task.run, need) for need in task.needs} & waiting.keys() for task in waiting.values()}
    users: dict[tuple[str, str], list[int]] = defaultdict(list)  # who needs it, by place in `keys`
    for place, key in enumerate(keys):
        for need in needs[key]:
            users[need].append(place)
    ready = [place for place, key in enumerate(keys) if not needs[key]]  # a heap: the first of them comes next
    while ready:
        key = keys[heapq.heappop(ready)]
        ordered.append(waiting.pop(key))
        for place in users[key]:
            needs[keys[place]].discard(key)
            if not needs[keys[place]]:
                heapq.heappush(ready, place)
    if waiting:
        raise ValueError(f"tasks need each other in a circle: {', '.join(name for _, name in waiting)}")
    return ordered
