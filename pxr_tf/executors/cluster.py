"""Run tasks on a Ray cluster: all that are ready at once, on the nodes that have processors for them.

This process does not load Ray (see `connection`). Tasks leave files in a folder that all nodes share.
"""

import os
import queue
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pxr_tf import locks, machine
from pxr_tf.errors import PxrError
from pxr_tf.events import Event, OnEvent, Say, emit_note
from pxr_tf.executors.connection import GONE, Answers, Connection
from pxr_tf.executors.graph import Graph
from pxr_tf.executors.resources import Node, Resources, describe_needs, job_of, shared_folders
from pxr_tf.tasks import Failures, Task

PATIENCE = 60.0  # seconds for a lost cluster to answer again


class Cluster:
    """Runs tasks on the cluster at an address."""

    def __init__(self, address: str, gpus: int, retries: int) -> None:
        """Connect later. Each task that computes with TensorFlow gets `gpus` GPUs of its own.

        A task is run again up to `retries` times after its node, its worker or the cluster was lost.
        """
        self._address, self._gpus, self._retries = address, gpus, retries
        self._log: Path | None = None
        self._connection: Connection | None = None
        self._stopped = False
        self._lock = threading.Lock()  # for connecting again: several graphs may run at once
        self._checked: set[str] = set()  # folders that all nodes were seen to share

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
            nodes = self._check((Task("fit", "fit", logs=str(log.parent)),), lambda event: None).nodes
            fewest = int(min(node.cpus for node in nodes))
            os.environ[machine.PROCESSORS] = str(min(fewest, machine.processors()))

    def run(self, tasks: Sequence[Task], on_event: OnEvent) -> Failures:
        """Run the tasks, each after its needs, many at a time; return what failed and why. Raises `PxrError`."""
        if not tasks:
            return {}
        events: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
        worker = None
        try:
            self.start(tasks[0].log)
            resources = self._check(tasks, on_event)
            graph = Graph(tasks, resources.shards, self._retries, events.put)
            worker = threading.Thread(target=self._work, args=(graph, resources, events))
            worker.start()
            while (event := events.get()) is not None:  # a listener may take seconds; the nodes do not wait for it
                if isinstance(event, BaseException):
                    raise event
                on_event(event)
        except BaseException:
            self._stopped = True
            self.close()
            raise
        finally:
            if worker is not None:
                worker.join()
        return graph.failures

    def close(self) -> None:
        """End whatever this command does on the cluster."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()

    def _work(self, graph: Graph, resources: Resources, events: "queue.SimpleQueue[Any]") -> None:
        """Run the graph's tasks in a thread; events go to the queue, then None, or what went wrong."""
        try:
            self._run_graph(graph, resources, lambda text: emit_note(events.put, text))
            events.put(None)
        except BaseException as error:
            events.put(error)

    def _run_graph(self, graph: Graph, resources: Resources, say: Say) -> None:
        """Submit tasks and hear of them until all have ended; connect again if the cluster is lost."""
        sent: dict[int, Task] = {}
        answers: Answers = queue.SimpleQueue()
        while not self._stopped:
            connection = self._connection
            for task in graph.take_ready():
                wanted = resources.of(task)
                request = {"submit": {"job": job_of(task, wanted), **wanted._asdict()}}
                sent[connection.send(request, answers)] = task
            if graph.ended:
                return
            answer = answers.get()
            task = sent.get(answer["id"])
            if answer["event"] == GONE:
                lost, sent, answers = list(sent.values()), {}, queue.SimpleQueue()
                self._reconnect(connection, say)
                for one in lost:
                    graph.lose(one, f"the cluster at {self._address} was lost")
            elif task is not None and graph.hear(task, answer):
                connection.forget(answer["id"])
                del sent[answer["id"]]

    def _check(self, tasks: Sequence[Task], on_event: OnEvent) -> Resources:
        """Return what the cluster has; raise `PxrError` unless all nodes can do the tasks and share their folders."""
        self._connection.wait()
        folders = shared_folders(tasks)
        answers: Answers = queue.SimpleQueue()
        check = {"folders": sorted(folders - self._checked), "needs": describe_needs(tasks, self._gpus)}
        number = self._connection.send({"check": check}, answers)
        answer = answers.get()
        self._connection.forget(number)
        if answer["event"] == GONE:
            raise PxrError(f"The cluster at {self._address} was lost. Run the same command again; it continues.")
        if answer["event"] == "fault":
            raise PxrError(answer["message"], answer["exit_code"])
        for note in answer["notes"]:
            emit_note(on_event, note)
        self._checked |= folders
        return Resources([Node(**node) for node in answer["nodes"]], self._gpus)

    def _reconnect(self, lost: Connection, say: Say) -> None:
        """Connect to the cluster again as soon as it answers; raise `PxrError` if it does not for `PATIENCE`."""
        with self._lock:
            if self._stopped or self._connection is not lost:  # another graph has connected again
                return
            say(f"The cluster at {self._address} was lost; waiting until it answers again ...")
            lost.close()
            until = time.monotonic() + PATIENCE
            while not self._try_to_connect(until):
                time.sleep(1.0)

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
