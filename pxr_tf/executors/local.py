"""Tasks in a process of their own on this machine: memory is given back, and the parent never loads TensorFlow."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pxr_tf.errors import PxrError
from pxr_tf.events import OnEvent
from pxr_tf.tasks import Failures, Task, do_in_order

# Quiet unless the user set them: TensorFlow's banners, and albumentations' look for news on a server.
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "GRPC_VERBOSITY": "ERROR", "NO_ALBUMENTATIONS_UPDATE": "1"}
KILLED = (-9, 137)  # exit codes of a process that the system killed, usually for its memory


class LocalProcess:
    """A process that performs one task after another.

    It runs ``python -m pxr_tf.executors.worker``, is told its tasks on its standard input, a line each, and dies with
    this process. A task that leaves memory behind is its last one; the next task starts a new process.
    """

    def __init__(self) -> None:
        self._keep: tuple[int, ...] = ()
        self._child: subprocess.Popen[str] | None = None
        self._first_log: Path | None = None

    def start(self, log: Path, keep: Sequence[int] = ()) -> None:
        """Start the process, unless it runs, so that TensorFlow is loaded when the first task comes.

        `keep` are file descriptors that it, and those that follow it, inherit (a held lock).
        """
        self._keep = tuple(keep) or self._keep
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

    def run(self, tasks: Sequence[Task], on_event: OnEvent) -> Failures:
        """Do the tasks in the order of their needs, log what they print, pass on events; return what failed and why."""
        return do_in_order(tasks, self._perform, on_event)

    def close(self) -> None:
        """End the process, whatever it is doing."""
        if self._child is not None:
            child, self._child = self._child, None
            child.kill()
            with contextlib.suppress(BrokenPipeError), child:  # closes the pipes and waits; a task may still lie in one
                child.stdin.close()
            child.wait()

    def _perform(self, task: Task, on_event: OnEvent) -> None:
        log = task.log
        log.parent.mkdir(parents=True, exist_ok=True)
        before = log.stat().st_size if log.exists() else 0
        self.start(log)
        try:
            fault, done = self._tell_and_listen({"task": task.as_json(), "log": str(log.resolve())}, on_event)
            code = None if done else self._child.wait()
        except BaseException:
            self.close()
            raise
        if not done or task.leaves_memory:
            self.close()
        if not done:
            raise PxrError(fault or self._explain_exit(task, code, log, before))

    def _tell_and_listen(self, job: dict[str, object], on_event: OnEvent) -> tuple[str | None, bool]:
        """Return (what went wrong, or None; whether the task was done)."""
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

    def _explain_exit(self, task: Task, code: int | None, log: Path, before: int) -> str:
        words = log.read_bytes()[before:] if log.exists() else b""
        lines = (words or self._first_log.read_bytes()).decode(errors="replace").strip().splitlines()
        lines = [line for line in lines if not line.startswith(("I0000", "W0000", "WARNING"))]
        if code in KILLED:
            reason = "it was killed, perhaps because the machine ran out of memory"
        else:
            reason = lines[-1] if lines else f"exit code {code}"
        return (
            f"The task {task.name!r} failed: {reason}. Its log is {log}; the same command goes on from what is "
            "finished."
        )
