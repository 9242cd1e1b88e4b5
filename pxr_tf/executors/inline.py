"""Run tasks in this process: for tests, debuggers and notebooks. TensorFlow's memory is not freed."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from pxr_tf.events import OnEvent
from pxr_tf.executors.perform import perform
from pxr_tf.tasks import Failures, Task, do_in_order


class Inline:
    """Runs tasks one after another, in this process."""

    def start(self, log: Path, keep: Sequence[int] = ()) -> None:
        """Do nothing: this process is already running."""

    def run(self, batches: Iterable[Sequence[Task]], on_event: OnEvent) -> Failures:
        """Run the tasks in the order of their needs; return what failed, and why."""
        return do_in_order(batches, _perform, on_event)

    def close(self) -> None:
        """Do nothing."""


def _perform(task: Task, emit: OnEvent) -> None:
    """Run a task; it and its events make a round trip through JSON, as those of another process do."""
    perform(Task.from_json(json.loads(json.dumps(task.as_json()))), lambda event: emit(json.loads(json.dumps(event))))
