"""The state of a graph of tasks that run at the same time: which are ready, divided, running, lost or failed."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pxr_tf.errors import WORK_FAILED, PxrError
from pxr_tf.events import AT, OnEvent
from pxr_tf.executors.perform import DIVISIBLE
from pxr_tf.tasks import Task, in_order

Key = tuple[str, str]


def comes_later(task: Task) -> bool:
    """Return whether a task comes after those that are divided: others wait for these, and so no node waits."""
    return task.kind not in DIVISIBLE


@dataclass
class _Running:
    """A task whose shards run."""

    task: Task
    left: set[str]  # names of the shards that have not ended
    started: bool = False
    progress: dict[str, dict[str, tuple[int, int]]] = field(default_factory=dict)  # what -> shard -> done, all


class Graph:
    """Hands out tasks as their needs end, and turns what is heard of them into events and failures."""

    def __init__(self, shards: Callable[[Task], int], retries: int, on_event: OnEvent) -> None:
        """`shards` gives how many parts a task that can be divided is divided into."""
        self._waiting: dict[Key, Task] = {}
        self._complete = self._changed = False  # no more tasks will come; tasks may have become ready
        self._running: dict[Key, _Running] = {}
        self._whole: dict[Key, Key] = {}  # shard -> its task
        self._again: list[Task] = []  # lost shards, to be run again
        self._attempts: dict[Key, int] = {}
        self._shards, self._retries, self._on_event = shards, retries, on_event
        self.failures: dict[Key, str] = {}

    @property
    def ended(self) -> bool:
        """Whether every task has ended, and none will come."""
        return self._complete and not (self._waiting or self._running)

    def add(self, tasks: Sequence[Task]) -> None:
        """Add tasks; what they need is among them, came before, or was done earlier."""
        self._waiting |= {task.key: task for task in in_order(tasks)}
        self._changed = True

    def refuse(self, tasks: Sequence[Task], error: PxrError) -> None:
        """Let tasks fail without handing them out."""
        for task in in_order(tasks):
            self._fail(task, str(error), error.exit_code)

    def complete(self) -> None:
        """No more tasks will come."""
        self._complete = True

    def take_ready(self) -> Iterator[Task]:
        """Yield tasks, or their shards, that can run now; fail those that need a failed task."""
        again, self._again = self._again, []
        yield from again
        while self._changed:  # a task that fails may be needed by one that was looked at before
            self._changed = False
            for task in sorted(self._waiting.values(), key=comes_later):
                yield from self._take_if_ready(task)

    def hear(self, shard: Task, event: Mapping[str, Any]) -> bool:
        """Take in an event of a shard; return whether the shard has ended, for good or until it runs again."""
        running = self._running.get(self._whole[shard.key])
        kind = event["event"]
        if running is None:  # another shard failed, and with it the task
            return kind in ("done", "fault", "lost")
        if kind == "done":
            running.left.discard(shard.name)
            if not running.left:
                self._end(running.task)
        elif kind == "fault":
            self._end(running.task, event["message"], event["exit_code"])
        elif kind == "lost":
            self.lose(shard, event["text"])
        else:
            self._pass_on(running, shard, event)
        return kind in ("done", "fault", "lost")

    def lose(self, shard: Task, why: str) -> None:
        """Run a shard again whose node, worker or cluster was lost; fail its task if that happened too often."""
        whole = self._whole[shard.key]
        if whole not in self._running:
            return
        attempt = self._attempts[shard.key] = self._attempts.get(shard.key, 1) + 1
        task = self._running[whole].task
        if attempt > self._retries + 1:
            text = f"The task {task.name!r} was lost {attempt - 1} times, at last because {why}. Run the command again."
            self._end(task, text, WORK_FAILED)
        else:
            self._again.append(shard)
            self._running[whole].started = shard.shards > 1
            self._emit(task, {"event": "again", "attempt": attempt, "text": why})

    def _take_if_ready(self, task: Task) -> list[Task]:
        """Return a task, or its shards, if it can run now; fail it if it needs a failed task."""
        needs = [(task.run, need) for need in task.needs]
        failed = next((need for need in needs if need in self.failures), None)
        if failed is not None:
            del self._waiting[task.key]
            self._changed = True
            self._fail(task, f"{task.name} needs {failed[1]}, which failed.", WORK_FAILED)
        elif not self._must_wait(task, needs):
            del self._waiting[task.key]
            return self._divide(task)
        return []

    def _must_wait(self, task: Task, needs: Sequence[Key]) -> bool:
        """Return whether a need has not ended, or a divided task of its kind uses all nodes already.

        Tasks of several runs may need the same rows of one keyed array; one after the other, each row is computed once.
        """
        unmet = any(need in self._waiting or need in self._running for need in needs)
        return unmet or (task.kind in DIVISIBLE and any(one.task.kind == task.kind for one in self._running.values()))

    def _divide(self, task: Task) -> list[Task]:
        number = self._shards(task) if task.kind in DIVISIBLE else 1
        shards = [task]
        if number > 1:
            names = [f"{task.name}-{place + 1}of{number}" for place in range(number)]
            shards = [replace(task, name=name, shard=place, shards=number) for place, name in enumerate(names)]
        self._running[task.key] = _Running(task, {shard.name for shard in shards})
        self._whole |= {shard.key: task.key for shard in shards}
        return shards

    def _pass_on(self, running: _Running, shard: Task, event: Mapping[str, Any]) -> None:
        if event["event"] == "wait" and shard.shards > 1:  # for its turn to append: another shard is no stranger
            return
        if event["event"] == "start":
            if running.started:  # another shard was the first
                return
            running.started = True
        if event["event"] == "progress" and shard.shards > 1:
            each = running.progress.setdefault(event["what"], {})
            each[shard.name] = event["done"], event["total"]
            done, total = (sum(numbers) for numbers in zip(*each.values(), strict=True))
            event = {**event, "done": done, "total": total}
        self._emit(running.task, event)

    def _end(self, task: Task, failure: str = "", code: int = 0) -> None:
        del self._running[task.key]
        self._changed = True
        self._again = [shard for shard in self._again if self._whole[shard.key] != task.key]
        if failure:
            self._fail(task, failure, code)
        else:
            self._emit(task, {"event": "end"})

    def _fail(self, task: Task, why: str, code: int) -> None:
        self.failures[task.key] = why
        self._emit(task, {"event": "failed", "text": why, "exit_code": code})

    def _emit(self, task: Task, event: Mapping[str, Any]) -> None:
        words = {name: value for name, value in event.items() if name != "id"}
        self._on_event({**words, "task": task.name, "run": task.run, AT: time.monotonic()})
