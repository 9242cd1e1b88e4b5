"""Tasks in this very process: for tests, debuggers and notebooks. TensorFlow's memory is not given back."""

from collections.abc import Sequence
from pathlib import Path

from pxr_tf.events import OnEvent
from pxr_tf.executors.perform import perform
from pxr_tf.tasks import Task, do_in_order


class Inline:
    """Does tasks one after another, here."""

    def start(self, log: Path, keep: Sequence[int] = ()) -> None:
        """Do nothing: this process runs already."""

    def run(self, tasks: Sequence[Task], logs: Path, on_event: OnEvent) -> None:
        """Do the tasks in the order of their needs."""
        do_in_order(tasks, perform, on_event)

    def close(self) -> None:
        """Do nothing."""
