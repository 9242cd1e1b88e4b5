"""The connection of a command to a cluster: the process `ray_bridge`, and what it answers."""

import contextlib
import itertools
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pxr_tf.errors import WORK_FAILED, PxrError
from pxr_tf.executors.local import LOG_ENCODING, QUIET

BRIDGE = ("-m", "pxr_tf.executors.ray_bridge")
AUTHENTICATED = {"RAY_AUTH_MODE": "token"}  # unless the user sets it
GONE = "gone"  # the event that follows the last of a lost connection
_numbers = itertools.count(1)  # of requests, on any connection
Answers = queue.SimpleQueue[Mapping[str, Any]]


class Connection:
    """A process that talks to the cluster at an address; any thread may send requests."""

    def __init__(self, address: str, log: Path) -> None:
        """Start to connect, which takes seconds; `wait` waits for it."""
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-P", *BRIDGE, address, str(log)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**QUIET, **AUTHENTICATED, **os.environ, **LOG_ENCODING},
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C ends this process first, which then ends that one
            )
        self._lock = threading.Lock()
        self._waiting: dict[int, Answers] = {}  # request -> who waits for its answers
        self._greeting: Mapping[str, Any] = {"event": GONE}  # what it says first; it may die without a word
        self._greeted = threading.Event()
        self._gone = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait(self) -> None:
        """Return once connected; raise `PxrError` if the cluster cannot be used."""
        self._greeted.wait()
        answer = self._greeting
        if answer["event"] == "fault":
            raise PxrError(answer["message"], answer["exit_code"])
        if answer["event"] == GONE:
            raise PxrError(f"The connection to the cluster failed. Its log is {self._log}.", WORK_FAILED)

    def send(self, request: Mapping[str, Any], answers: Answers) -> int:
        """Send a request; its answers, each with its number ``id``, go to `answers`. Return the number."""
        number = next(_numbers)
        with self._lock:
            self._waiting[number] = answers
            if self._gone:
                answers.put({"event": GONE, "id": number})
                return number
            with contextlib.suppress(BrokenPipeError):  # it has ended; `_read` will say so
                self._process.stdin.write(json.dumps({**request, "id": number}) + "\n")
                self._process.stdin.flush()
        return number

    def forget(self, number: int) -> None:
        """Drop what else arrives for a request."""
        with self._lock:
            self._waiting.pop(number, None)

    def close(self) -> None:
        """End the process, and with it all tasks of this command on the cluster."""
        self._process.kill()
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._reader.join()

    def _read(self) -> None:
        with self._process.stdout as lines:
            for line in lines:
                self._take(json.loads(line))
        with self._lock:
            self._gone = True
            for number, waiting in self._waiting.items():
                waiting.put({"event": GONE, "id": number})
        self._greeted.set()

    def _take(self, answer: Mapping[str, Any]) -> None:
        if "id" not in answer:
            self._greeting = answer
            self._greeted.set()
            return
        with self._lock:
            waiting = self._waiting.get(answer["id"])
        if waiting is not None:
            waiting.put(answer)
