"""Tasks in this very process: for tests, debuggers and notebooks. TensorFlow's memory is not given back."""

from collections.abc import Sequence
from pathlib import Path

from pxr_tf.experiments.perform import perform
from pxr_tf.experiments.tasks import OnEvent, Task, in_order


class Inline:
    """Does tasks one after another, here."""

    def start(self, log: Path, keep: Sequence[int] = ()) -> None:
        """Do nothing: this process runs already."""

    def run(self, tasks: Sequence[Task], logs: Path, on_event: OnEvent) -> None:
        """Do the tasks in the order of their needs."""
        for task in in_order(tasks):
            on_event({"event": "start", "task": task.name})
            perform(task, lambda event, name=task.name: on_event({**event, "task": name}))
            on_event({"event": "end", "task": task.name})

    def close(self) -> None:
        """Do nothing."""
