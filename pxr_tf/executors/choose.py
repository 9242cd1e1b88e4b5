"""Which executor does the tasks of a command: the one place that names them."""

from pxr_tf.executors.local import LocalProcess
from pxr_tf.tasks import Executor


def choose_executor() -> Executor:
    """Return what does tasks: a process of their own on this machine."""
    return LocalProcess()
