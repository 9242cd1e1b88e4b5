"""Run tasks on a Ray cluster: all that are ready at once, on the nodes that have processors for them.

This process does not load Ray (see `connection`). Tasks leave files in a folder that all nodes share.
"""

import os
import queue
import threading
import time
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from pxr_tf import locks, machine
from pxr_tf.errors import PxrError
from pxr_tf.events import OnEvent, emit_note
from pxr_tf.executors.connection import GONE, Answers, Connection
from pxr_tf.executors.resources import Node, Resources, Wanted, describe_needs, job_of, shared_folders, wanted_by
from pxr_tf.executors.schedule import Schedule
from pxr_tf.tasks import Failures, Task

PATIENCE = 60.0  # seconds for a lost cluster to answer again


class Cluster:
    """Runs tasks on the cluster at an address. Several threads may run tasks at once."""

    def __init__(self, address: str, gpus: int, retries: int) -> None:
        """Connect later. Each task that computes with TensorFlow gets `gpus` GPUs of its own.

        A task is run again up to `retries` times after its node, its worker or the cluster was lost.
        """
        self._address, self._gpus, self._retries = address, gpus, retries
        self._log: Path | None = None
        self._connection: Connection | None = None
        self._resources: Resources | None = None
        self._stopped = False
        self._connecting, self._counting = threading.Lock(), threading.Lock()
        self._running = 0  # calls of `run` that have not ended
        self._checked: set[str] = set()  # folders that all nodes were seen to share
        self._met: set[Wanted] = set()  # what tasks reserve, as some node can give it

    def start(self, log: Path, keep: Sequence[int] = ()) -> None:
        """Connect, and look at the nodes: a cluster that cannot be used is refused before anything is written.

        Tasks hold locks of their own, as other machines cannot inherit the files `keep`. This process counts as having
        no more processors than the smallest node, so that ``training.threads: auto`` suits all. Raises `PxrError`.
        """
        locks.share()
        self._log = self._log or log.with_name("cluster.log").absolute()
        if self._connection is None:
            self._stopped = False
            self._connection = Connection(self._address, self._log)
            self._check((Task("fit", "fit", logs=str(log.parent)),), lambda event: None)
            fewest = int(min(node.cpus for node in self._resources.nodes))
            os.environ[machine.PROCESSORS] = str(min(fewest, machine.processors()))

    def run(self, batches: Iterable[Sequence[Task]], on_event: OnEvent) -> Failures:
        """Run the tasks, each after its needs, many at a time; return what failed and why. Raises `PxrError`.

        While a batch is made, which may take seconds, the nodes work on those before it.
        """
        schedule: Schedule | None = None
        self._count(1)
        try:
            for tasks in filter(None, batches):
                if schedule is None:
                    self._begin(tasks, on_event)
                    schedule = Schedule(self, lambda task: self._resources.shards(task), self._retries)
                    schedule.add(tasks)
                else:
                    self._add(tasks, schedule, on_event)
                schedule.pass_on(on_event)
            return schedule.finish(on_event) if schedule else {}
        except BaseException:
            if self._running == 1:  # others may go on
                self._stopped = True
                self.close()
            raise
        finally:
            self._count(-1)
            if schedule is not None:
                schedule.stop()

    def close(self) -> None:
        """End whatever this command does on the cluster."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()

    def submit(self, task: Task, answers: Answers) -> tuple[Connection, int]:
        """Send a task, whose events come to `answers`; return by which connection, and the number of the request."""
        wanted, connection = self._resources.of(task), self._connection
        return connection, connection.send({"submit": {"job": job_of(task, wanted), **wanted._asdict()}}, answers)

    def has_room(self, tasks: Collection[Task]) -> bool:
        """Return whether one more task than these should be sent.

        Each node gets one beyond what it can do at once, so that it never waits. The rest stays here, so that a run
        that is prepared does not wait for all tasks of another.
        """
        nodes = self._resources.nodes
        return sum(self._resources.of(task).cpus for task in tasks) < sum(int(node.cpus) + 1 for node in nodes)

    def reconnect(self, lost: Connection, on_event: OnEvent) -> None:
        """Connect to the cluster again as soon as it answers; raise `PxrError` if it does not for `PATIENCE`."""
        with self._connecting:
            if self._stopped or self._connection is not lost:  # another thread has connected again
                return
            emit_note(on_event, f"The cluster at {self._address} was lost; waiting until it answers again ...")
            lost.close()
            until = time.monotonic() + PATIENCE
            while not self._try_to_connect(until):
                time.sleep(1.0)

    def _count(self, change: int) -> None:
        with self._counting:
            self._running += change

    def _begin(self, tasks: Sequence[Task], on_event: OnEvent) -> None:
        """Get ready for tasks. If nothing else runs, nodes may have joined since they were looked at."""
        self.start(tasks[0].log)
        if self._running == 1 or not self._knows(tasks):
            self._check(tasks, on_event)

    def _add(self, tasks: Sequence[Task], schedule: Schedule, on_event: OnEvent) -> None:
        """Add tasks to others; if the nodes cannot do them, they alone fail."""
        try:
            if not self._knows(tasks):
                self._check(tasks, on_event)
        except PxrError as error:
            schedule.refuse(tasks, error)
        else:
            schedule.add(tasks)

    def _knows(self, tasks: Sequence[Task]) -> bool:
        """Return whether the nodes were checked for tasks like these."""
        return shared_folders(tasks) <= self._checked and self._wanted(tasks) <= self._met

    def _wanted(self, tasks: Sequence[Task]) -> set[Wanted]:
        return {wanted_by(task, self._gpus) for task in tasks}

    def _check(self, tasks: Sequence[Task], on_event: OnEvent) -> None:
        """Look at the nodes; raise `PxrError` unless all share the folders of the tasks, and one can do each."""
        folders, answer = shared_folders(tasks), None
        while answer is None or answer["event"] == GONE:
            with self._connecting:  # another thread may be connecting again
                connection = self._connection
            connection.wait()
            answers: Answers = queue.SimpleQueue()
            check = {"folders": sorted(folders - self._checked), "needs": describe_needs(tasks, self._gpus)}
            number = connection.send({"check": check}, answers)
            answer = answers.get()
            connection.forget(number)
            if answer["event"] == GONE:
                self.reconnect(connection, on_event)
        if answer["event"] == "fault":
            raise PxrError(answer["message"], answer["exit_code"])
        for note in answer["notes"]:
            emit_note(on_event, note)
        self._checked |= folders
        self._met |= self._wanted(tasks)
        self._resources = Resources([Node(**node) for node in answer["nodes"]], self._gpus)

    def _try_to_connect(self, until: float) -> bool:
        self._connection = Connection(self._address, self._log)
        try:
            self._connection.wait()
        except PxrError as error:
            self._connection.close()
            if time.monotonic() > until:
                raise PxrError(
                    f"The cluster at {self._address} was lost and does not answer. Start it and run the same command "
                    "again; it keeps finished work.",
                    error.exit_code,
                ) from error
            return False
        return True
