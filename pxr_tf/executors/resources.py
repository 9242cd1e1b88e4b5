"""What the nodes of a cluster have, and what each task reserves of it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pxr_tf import machine
from pxr_tf.executors.node_facts import digest_code
from pxr_tf.executors.perform import LIGHT
from pxr_tf.executors.ray_work import THREADS, Job
from pxr_tf.tasks import Task

MOST = 4  # processors for a task that asks for no number: more tasks at once use a node better than wider ones
GIGABYTE = 10**9
LIGHT_MEMORY, MEMORY, WHOLE_MEMORY = GIGABYTE // 2, GIGABYTE, 3 * GIGABYTE  # no TensorFlow; features, heads; networks


class Node(NamedTuple):
    """A machine of a cluster."""

    address: str
    cpus: float
    gpus: float
    memory: float  # bytes


class Wanted(NamedTuple):
    """What a task reserves on a node."""

    cpus: int
    gpus: int
    memory: int  # bytes


class Resources:
    """The nodes of a cluster."""

    def __init__(self, nodes: Sequence[Node], gpus: int) -> None:
        self.nodes, self._gpus = nodes, gpus

    def of(self, task: Task) -> Wanted:
        """Return what a task reserves: its threads, or up to `MOST` processors of the smallest node."""
        smallest = int(min(node.cpus for node in self.nodes if node.cpus >= 1))
        return wanted_by(task, self._gpus)._replace(cpus=task.threads or min(MOST, smallest))

    def shards(self, task: Task) -> int:
        """Return how many tasks like this one can run at once."""
        wanted = self.of(task)
        return max(1, sum(_fit(node, wanted) for node in self.nodes))


def wanted_by(task: Task, gpus: int) -> Wanted:
    """Return the least that a task needs on a node; GPUs only if it computes with TensorFlow."""
    light = task.kind in LIGHT
    memory = LIGHT_MEMORY if light else WHOLE_MEMORY if task.leaves_memory else MEMORY
    return Wanted(task.threads or 1, 0 if light else gpus, memory)


def describe_needs(tasks: Sequence[Task], gpus: int) -> list[dict[str, Any]]:
    """Return the different needs of some tasks, each with the name of a task that has it.

    ``mix`` is whether nodes may differ: tasks that train say whether environments may be mixed.
    """
    needs = {(wanted_by(task, gpus), getattr(task.options, "mix_environments", True)): task.name for task in tasks}
    return [{"task": name, **wanted._asdict(), "mix": mix} for (wanted, mix), name in needs.items()]


def shared_folders(tasks: Sequence[Task]) -> set[str]:
    """Return the folders, absolute, that the tasks read and write."""
    folders = {folder for task in tasks for folder in (task.cache, task.logs) if folder}
    return {os.path.abspath(folder) for folder in folders}


def job_of(task: Task, wanted: Wanted) -> dict[str, Any]:
    """Return the arguments of the `Job` for a task."""
    variables = machine.switches()
    if THREADS in os.environ:
        variables[THREADS] = os.environ[THREADS]
    return vars(Job(task.as_json(), str(Path.cwd()), wanted.cpus, digest_code(), variables))


def _fit(node: Node, wanted: Wanted) -> int:
    counts = [have // want for have, want in zip(node[1:], wanted, strict=True) if want]
    return int(min(counts))
