"""A graph of tasks at work on a cluster: a thread sends what is ready and hears of it, until all have ended."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from pxr_tf.errors import PxrError
from pxr_tf.events import Event, OnEvent
from pxr_tf.executors.connection import GONE, Answers, Connection
from pxr_tf.executors.graph import Graph, comes_later
from pxr_tf.tasks import Failures, Task

ADD, REFUSE, COMPLETE, STOP = "add", "refuse", "complete", "stop"  # what the command says, among the answers


class Sender(Protocol):
    """What a schedule needs of a cluster; any thread may use it."""

    def submit(self, task: Task, answers: Answers) -> tuple[Connection, int]:
        """Send a task; return by which connection, and the number of the request."""

    def has_room(self, tasks: Collection[Task]) -> bool:
        """Return whether one more task than these should be sent."""

    def reconnect(self, lost: Connection, on_event: OnEvent) -> None:
        """Connect to the cluster again; raise `PxrError` if it does not answer."""


class Schedule:
    """Runs tasks on a cluster. Its events wait until the command asks for them; the nodes do not wait for that."""

    def __init__(self, cluster: Sender, shards: Callable[[Task], int], retries: int) -> None:
        """Start the thread. `shards` gives how many parts a task that can be divided is divided into."""
        self._cluster = cluster
        self._events: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
        self._answers: Answers = queue.SimpleQueue()
        self._graph = Graph(shards, retries, self._events.put)
        self._ready: tuple[deque[Task], deque[Task]] = deque(), deque()  # those that come first, and others
        self._sent: dict[int, tuple[Connection, Task]] = {}  # number of the request -> how it was sent, and what
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def add(self, tasks: Sequence[Task]) -> None:
        """Run these, too."""
        self._answers.put({"event": ADD, "tasks": tasks})

    def refuse(self, tasks: Sequence[Task], error: PxrError) -> None:
        """Let these fail without running them."""
        self._answers.put({"event": REFUSE, "tasks": tasks, "error": error})

    def pass_on(self, on_event: OnEvent) -> None:
        """Pass on the events until now; raise what went wrong."""
        while not self._events.empty():
            self._hand_over(self._events.get(), on_event)

    def finish(self, on_event: OnEvent) -> Failures:
        """Pass on events until all tasks have ended; return what failed and why. Raises what went wrong."""
        self._answers.put({"event": COMPLETE})
        while (event := self._events.get()) is not None:
            self._hand_over(event, on_event)
        return self._graph.failures

    def stop(self) -> None:
        """Send nothing more."""
        self._answers.put({"event": STOP})
        self._thread.join()

    def _hand_over(self, event: Event | BaseException, on_event: OnEvent) -> None:
        if isinstance(event, BaseException):
            raise event
        on_event(event)

    def _work(self) -> None:
        """Run the tasks; then leave None among the events, or what went wrong."""
        try:
            while not self._graph.ended and self._hear(self._answers.get()):
                self._send()
            self._events.put(None)
        except BaseException as error:
            self._events.put(error)

    def _send(self) -> None:
        """Send the tasks that are ready, as far as the cluster has room."""
        for task in self._graph.take_ready():
            self._ready[comes_later(task)].append(task)
        while any(self._ready) and self._cluster.has_room([task for _, task in self._sent.values()]):
            task = next(filter(None, self._ready)).popleft()
            connection, number = self._cluster.submit(task, self._answers)
            self._sent[number] = connection, task

    def _hear(self, answer: Mapping[str, Any]) -> bool:
        """Take in what a node, the connection or the command says; return False if the work shall stop."""
        if answer["event"] == ADD:
            self._graph.add(answer["tasks"])
        elif answer["event"] == REFUSE:
            self._graph.refuse(answer["tasks"], answer["error"])
        elif answer["event"] == COMPLETE:
            self._graph.complete()
        elif answer["event"] == STOP:
            return False
        elif answer["id"] in self._sent:
            connection, task = self._sent[answer["id"]]
            if answer["event"] == GONE:
                self._lose(connection)
            elif self._graph.hear(task, answer):
                connection.forget(answer["id"])
                del self._sent[answer["id"]]
        return True

    def _lose(self, connection: Connection) -> None:
        """Connect again; the tasks that were sent by this connection run once more."""
        lost = {number: task for number, (by, task) in self._sent.items() if by is connection}
        self._cluster.reconnect(connection, self._events.put)
        for number, task in lost.items():
            del self._sent[number]
            self._graph.lose(task, "the cluster was lost")
