"""The only process that talks to Ray: ``python -m pxr_tf.executors.ray_bridge ADDRESS LOG``. `Cluster` starts it.

If the cluster is lost, Ray ends this process, not the command's. Standard input has a line of JSON per request:
``check`` (folders and needs of the tasks to come) or ``submit`` (a task, with the processors, GPUs and memory that it
reserves). Standard output has the answers, a line of JSON each, with the ``id`` of the request. As soon as standard
input ends, this process ends, and Ray ends its tasks.
"""

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pxr_tf import locks
from pxr_tf.errors import WORK_FAILED, PxrError, one_line
from pxr_tf.executors.ray_work import Job, perform_there

WAIT = 0.1  # seconds between looks at new requests
LOOK = 2.0  # seconds between looks at the cluster
LOST = 15.0  # seconds without an answer, after which the cluster counts as lost; Ray itself would try for minutes


REFUSED = "InvalidAuthToken"  # what Ray writes to the log before it gives up
TOKEN = "Give all machines the same token (RAY_AUTH_TOKEN_PATH, or ~/.ray/auth_token), as docs/cluster.md shows."


class Bridge:
    """Submits tasks to a cluster and passes on their events."""

    def __init__(self, send: Any) -> None:
        import ray

        self._ray, self._send = ray, send
        self._perform = ray.remote(num_returns="streaming", max_retries=0)(perform_there)
        self._running: dict[Any, int] = {}  # generator of events -> id of the request

    def serve(self, requests: "queue.Queue[Mapping[str, Any]]") -> None:
        """Answer requests until the process ends."""
        while True:
            try:
                self._take(requests.get(timeout=None if not self._running else WAIT / 100))
            except queue.Empty:
                self._pass_on()

    def _take(self, request: Mapping[str, Any]) -> None:
        if "check" in request:
            return self._check(request)
        wanted = request["submit"]
        options = {"num_cpus": wanted["cpus"], "num_gpus": wanted["gpus"], "memory": wanted["memory"]}
        # Ray fills its own node first, unless it is told to spread tasks; but that node has the command, too.
        perform = self._perform.options(**options, scheduling_strategy="SPREAD")
        self._running[perform.remote(Job(**wanted["job"]))] = request["id"]

    def _check(self, request: Mapping[str, Any]) -> None:
        from pxr_tf.executors.nodes import check_nodes

        try:
            self._send({"id": request["id"], "event": "checked", **check_nodes(**request["check"])})
        except PxrError as error:
            fault = {"event": "fault", "message": str(error), "exit_code": error.exit_code}
            self._send({"id": request["id"], **fault})

    def _pass_on(self) -> None:
        """Send the events that have arrived."""
        ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=WAIT)
        for one in ready:
            number = self._running[one]
            try:
                batch = self._ray.get(next(one))
            except StopIteration:
                del self._running[one]
            except self._ray.exceptions.RayTaskError as error:  # our own fault, or a file is missing on the node
                del self._running[one]
                text = f"A node failed: {one_line(str(error.cause).splitlines()[0])}."
                self._send({"id": number, "event": "fault", "message": text, "exit_code": WORK_FAILED})
            except self._ray.exceptions.RayError as error:
                del self._running[one]
                self._send({"id": number, "event": "lost", "text": one_line(error)})
            else:
                for event in batch:
                    self._send({**event, "id": number})


def connect(address: str, log: Path) -> None:
    """Become a driver of the cluster at this address; raise `PxrError` if it cannot be. Ray writes to the `log`."""
    from pxr_tf.executors.nodes import check_address

    check_address(address)
    import ray

    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", configure_logging=False)
    except ray.exceptions.AuthenticationError as error:
        raise PxrError(
            f"The cluster at {address} needs a token: {one_line(str(error).split('.')[0])}. {TOKEN}"
        ) from error
    except Exception as error:
        if REFUSED in log.read_text(errors="replace"):
            raise PxrError(f"The cluster at {address} refuses the token of this machine. {TOKEN}") from error
        raise PxrError(f"Ray cannot use the cluster at {address}: {one_line(' '.join(str(error).split()))}") from error


def watch() -> None:
    """End this process if the cluster is lost: this machine's node is gone from it, or nothing answers."""
    import ray

    ours, seen = ray.get_runtime_context().get_node_id(), time.monotonic()

    def look() -> None:
        nonlocal seen
        while True:
            if ours not in {node["NodeID"] for node in ray.nodes() if node["Alive"]}:
                os._exit(1)
            seen = time.monotonic()
            time.sleep(LOOK)

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    while looking.is_alive() and time.monotonic() - seen < LOST:
        time.sleep(LOOK)
    os._exit(1)


def main() -> None:
    """Connect, then serve; send a `PxrError` as the event ``fault``."""
    lines = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # Ray's words go to the log
    locks.share()

    def send(answer: Mapping[str, Any]) -> None:
        print(json.dumps(answer), file=lines)

    requests: queue.Queue[Mapping[str, Any]] = queue.Queue()
    threading.Thread(target=_read_requests, args=(requests,), daemon=True).start()
    try:
        connect(sys.argv[1], Path(sys.argv[2]))
    except PxrError as error:
        send({"event": "fault", "message": str(error), "exit_code": error.exit_code})
        sys.exit(error.exit_code)
    threading.Thread(target=watch, daemon=True).start()
    send({"event": "connected"})
    Bridge(send).serve(requests)


def _read_requests(requests: "queue.Queue[Mapping[str, Any]]") -> None:
    for line in sys.stdin:
        requests.put(json.loads(line))
    os._exit(1)


if __name__ == "__main__":
    main()
