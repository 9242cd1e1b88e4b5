"""Tasks in this very process: for tests, debuggers and notebooks. TensorFlow's memory is not given back."""

import json
from collections.abc import Sequence
from pathlib import Path

from pxr_tf.events import OnEvent
from pxr_tf.executors.perform import perform
from pxr_tf.tasks import Failures, Task, do_in_order


class Inline:
    """Does tasks one after another, here."""

    def start(self, log: Path, keep: Sequence[int] = ()) -> None:
        """Do nothing: this process runs already."""

    def run(self, tasks: Sequence[Task], on_event: OnEvent) -> Failures:
        """Do the tasks in the order of their needs; return what failed, and why."""
        return do_in_order(tasks, _perform, on_event)

    def close(self) -> None:
        """Do nothing."""


def _perform(task: Task, emit: OnEvent) -> None:
    """Do a task as another process would get it: by way of JSON."""
    perform(Task.from_json(json.loads(json.dumps(task.as_json()))), emit)
