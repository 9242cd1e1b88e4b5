"""Perform tasks on a node of a Ray cluster. Ray calls `perform_there` in its own worker processes.

Each of these keeps a `LocalProcess`, so that a task runs as it does on one machine, and TensorFlow stays loaded until a
whole network was trained.
"""

import os
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pxr_tf import locks, machine
from pxr_tf.errors import WORK_FAILED, PxrError
from pxr_tf.events import Event
from pxr_tf.executors.local import LocalProcess, WorkerDiedError
from pxr_tf.executors.node_facts import SOURCE, digest_code
from pxr_tf.tasks import Task

BATCH = 0.2  # seconds between batches of events: each is an object that travels through the cluster
STEP = "step"  # the event of which only the last in a batch is sent
THREADS = "OMP_NUM_THREADS"  # Ray sets it in its workers; it would change the last digits of a number
ENDS = ("done", "fault", "lost")  # the events that are a task's last
PATIENCE = 60.0  # seconds for an earlier attempt at the same task to end


@dataclass(frozen=True)
class Job:
    """A task, and what a node needs to know to perform it as the driver would."""

    task: Mapping[str, Any]  # `Task.as_json`
    folder: str  # the driver's working directory, from which relative paths begin
    processors: int
    code: str  # `node_facts.digest_code` of the driver
    variables: Mapping[str, str] = field(default_factory=dict)  # of the driver's environment: they decide digits


_kept: tuple[object, LocalProcess] | None = None  # what the process was started with, and the process


def perform_there(job: Job) -> Iterator[list[Event]]:
    """Perform a task; yield its events in batches, of which the last is ``done``, ``fault`` or ``lost``."""
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    thread = threading.Thread(target=_work, args=(job, events.put), daemon=True)
    yield [{"event": "start", "node": _address()}]
    thread.start()
    while True:
        batch = [events.get()]
        until = time.monotonic() + BATCH
        with suppress(queue.Empty):
            while batch[-1]["event"] not in ENDS:
                batch.append(events.get(timeout=max(0.0, until - time.monotonic())))
        last_step = max((place for place, event in enumerate(batch) if event["event"] == STEP), default=-1)
        yield [event for place, event in enumerate(batch) if event["event"] != STEP or place == last_step]
        if batch[-1]["event"] in ENDS:
            return


def _address() -> str:
    import ray

    return ray.util.get_node_ip_address()


def _work(job: Job, emit: Any) -> None:
    """Perform the job with the process that is kept; emit its events and how it ended."""
    try:
        if digest_code() != job.code:  # it joined after all nodes were looked at
            raise PxrError("it has other files or versions of pxr_tf. Install the same on all nodes.")
        if os.path.isdir(job.folder):
            os.chdir(job.folder)
        locks.share()
        task = Task.from_json(job.task)
        process = _keep_process(job)
        with locks.hold(task.log.with_name(f".{task.name}.lock"), PATIENCE):
            process.perform(task, emit)
        emit({"event": "done"})
    except WorkerDiedError as error:
        emit({"event": "lost", "text": str(error)})
    except PxrError as error:
        emit({"event": "fault", "message": f"On node {_address()}: {error}", "exit_code": error.exit_code})
    except BaseException as error:  # whatever it is, the driver must hear of it
        why = f"On node {_address()}: {type(error).__name__}: {error}"
        emit({"event": "fault", "message": why, "exit_code": WORK_FAILED})


def _keep_process(job: Job) -> LocalProcess:
    """Return the process that performs tasks; a new one if it was started with other variables."""
    global _kept
    visible = {name: os.environ[name] for name in ("CUDA_VISIBLE_DEVICES",) if name in os.environ}
    # The same files of this package as here, which were checked, whatever the node's own environment has.
    path = os.pathsep.join(filter(None, (str(SOURCE.parent), os.environ.get("PYTHONPATH"))))
    variables = {**job.variables, **visible, machine.PROCESSORS: str(job.processors), "PYTHONPATH": path}
    if _kept is None or _kept[0] != (job.folder, variables):
        if _kept is not None:
            _kept[1].close()
        _kept = (job.folder, variables), LocalProcess(variables, without=(THREADS,), shared=True)
    return _kept[1]
