"""The choice of the executor for all tasks of a command, made only here."""

import importlib.util
import os
from typing import TYPE_CHECKING, NamedTuple

from pxr_tf import machine
from pxr_tf.errors import PxrError, shown
from pxr_tf.executors.local import LocalProcess
from pxr_tf.tasks import Executor

if TYPE_CHECKING:
    from pxr_tf.pictures.store import Filler

LOCAL, RAY = EXECUTORS = "local", "ray"


class Choice(NamedTuple):
    """Where tasks run."""

    executor: str = LOCAL
    address: str | None = None  # of a Ray cluster: host:port
    gpus: int = 0  # that a task on the cluster gets for itself
    retries: int = 3  # how often a task is run again after its node, its worker or the cluster was lost


_chosen = Choice()


def choose(choice: Choice) -> None:
    """Let all tasks from now on run there; raise `PxrError` for a choice that cannot be."""
    global _chosen
    if choice.executor not in EXECUTORS:
        raise PxrError(f"--executor received {shown(choice.executor)}; accepted: {', '.join(EXECUTORS)}.")
    if choice.executor == LOCAL and (choice.address or choice.gpus):
        word = "--address" if choice.address else "--gpus"
        raise PxrError(f"{word} is for a cluster; add --executor {RAY}, or leave it out.")
    if choice.executor == RAY:
        _check_ray(choice.address)
    if _chosen.executor == RAY:  # forget what it told this process
        _fill_by(None)
        os.environ.pop(machine.PROCESSORS, None)
    _chosen = choice


def choose_executor() -> Executor:
    """Return the executor that was chosen: a process on this machine, unless `choose` named a cluster."""
    if _chosen.executor == LOCAL:
        return LocalProcess()
    from pxr_tf.executors.cluster import Cluster
    from pxr_tf.executors.filling import fill_by_tasks

    cluster = Cluster(_chosen.address, _chosen.gpus, _chosen.retries)
    _fill_by(fill_by_tasks(cluster))
    return cluster


def has_nodes() -> bool:
    """Return whether tasks run on the nodes of a cluster, many at once."""
    return _chosen.executor == RAY


def _check_ray(address: str | None) -> None:
    if not address:
        raise PxrError(f"--executor {RAY} received no --address; accepted: host:port of the cluster's head.")
    if importlib.util.find_spec("ray") is None:
        raise PxrError(f"--executor {RAY} needs Ray, which is not installed. Install it: make setup RAY=1.")


def _fill_by(filler: "Filler | None") -> None:
    from pxr_tf.pictures import store  # it loads pandas

    store.fill_by(filler)
