"""The choice of the executor for a command's tasks, made only here."""

from pxr_tf.executors.local import LocalProcess
from pxr_tf.tasks import Executor


def choose_executor() -> Executor:
    """Return an executor that runs tasks in a separate process on this machine."""
    return LocalProcess()
