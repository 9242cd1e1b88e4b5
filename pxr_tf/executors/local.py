"""Tasks in a process of its own: memory is given back, and the parent never loads TensorFlow."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pxr_tf.errors import PxrError

Event = dict[str, Any]
Execute = Callable[[Event, Path, Callable[[Event], None]], None]

# Quiet unless the user set them: TensorFlow's banners, and albumentations' look for news on a server.
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "GRPC_VERBOSITY": "ERROR", "NO_ALBUMENTATIONS_UPDATE": "1"}


class Worker:
    """A process that performs one task after another; use it as a context, at whose end the process ends.

    It runs ``python -m pxr_tf.executors.worker``, is told its jobs on its standard input, a line each, and dies with
    this process. A job with ``"ends": true`` is its last one; the next job starts a new process. `keep` are file
    descriptors that it inherits (a held lock).
    """

    def __init__(self, keep: Sequence[int] = ()) -> None:
        self._keep = tuple(keep)
        self._child: subprocess.Popen[str] | None = None
        self._first_log: Path | None = None

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def start(self, log: Path) -> None:
        """Start the process, unless it runs, so that TensorFlow is loaded when the first job comes."""
        if self._child is not None:
            return
        log.parent.mkdir(parents=True, exist_ok=True)
        self._first_log = log
        with open(log, "wb") as errors:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "pxr_tf.executors.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**QUIET, **os.environ},
                pass_fds=self._keep,
                text=True,
            )

    def perform(self, job: Event, log: Path, on_event: Callable[[Event], None]) -> None:
        """Perform the job and pass on what the process tells of it, an event (a dict) a line.

        Everything else that it prints is added to the file `log`. Raises `PxrError` where the task failed.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        before = log.stat().st_size if log.exists() else 0
        self.start(log)
        try:
            fault, done = self._tell_and_listen({**job, "log": str(log.resolve())}, on_event)
            if done and not job.get("ends"):
                return
            code = self._child.wait()
        except BaseException:
            self.close()
            raise
        self.close()
        if fault:
            raise PxrError(fault)
        if not done:
            raise PxrError(self._explain_exit(job, code, log, before))

    def close(self) -> None:
        """End the process, whatever it is doing."""
        if self._child is not None:
            child, self._child = self._child, None
            child.kill()
            with contextlib.suppress(BrokenPipeError), child:  # closes the pipes and waits; a job may still lie in one
                child.stdin.close()
            child.wait()

    def _tell_and_listen(self, job: Event, on_event: Callable[[Event], None]) -> tuple[str | None, bool]:
        """Return (what went wrong, or None; whether the job was done)."""
        with contextlib.suppress(BrokenPipeError):  # it has died; what it said is read all the same
            self._child.stdin.write(json.dumps(job) + "\n")
            self._child.stdin.flush()
        fault = None
        for line in self._child.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if event["event"] == "done":
                return None, True
            if event["event"] == "fault":
                fault = event["message"]
            else:
                on_event(event)
        return fault, False

    def _explain_exit(self, job: Event, code: int, log: Path, before: int) -> str:
        words = log.read_bytes()[before:] if log.exists() else b""
        lines = (words or self._first_log.read_bytes()).decode(errors="replace").strip().splitlines()
        lines = [line for line in lines if not line.startswith(("I0000", "W0000", "WARNING"))]
        if code in (-9, 137):
            reason = "it was killed, perhaps for want of memory"
        else:
            reason = lines[-1] if lines else f"exit code {code}"
        return (
            f"The task {job['task']!r} failed: {reason}. Its log is {log}; the same command goes on from what is "
            "finished."
        )
