"""Run tasks in a separate process on this machine: its memory is freed, and the parent never loads TensorFlow."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pxr_tf.errors import WORK_FAILED, PxrError
from pxr_tf.events import OnEvent
from pxr_tf.executors.perform import LIGHT
from pxr_tf.tasks import Failures, Task, do_in_order

# Unless the user sets these, no banners from TensorFlow, and no check for updates by albumentations.
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "GRPC_VERBOSITY": "ERROR", "NO_ALBUMENTATIONS_UPDATE": "1"}
LOG_ENCODING = {"PYTHONIOENCODING": "utf-8:backslashreplace"}  # whatever the terminal's, a log may hold any character
LIGHTLY = "--light"  # words for the worker
SHARED = "--shared"
KILLED = (-9, 137)  # exit codes of a process that the system killed, usually for its memory


class WorkerDiedError(PxrError):
    """The worker ended in the middle of a task without a word: it was killed, or crashed."""


class LocalProcess:
    """Runs tasks one after another in a worker process.

    The worker is ``python -m pxr_tf.executors.worker``. It reads tasks from standard input, a line each, and ends when
    this process ends. After a task that leaves memory behind, the next task starts a new worker.
    """

    def __init__(
        self, variables: Mapping[str, str] | None = None, without: Sequence[str] = (), *, shared: bool = False
    ) -> None:
        """Start nothing yet. The worker's environment is this process's, less `without`, and with these `variables`.

        With `shared`, the worker works in folders that several machines use (`locks.share`).
        """
        self._variables, self._without, self._shared = variables or {}, without, shared
        self._keep: tuple[int, ...] = ()
        self._child: subprocess.Popen[str] | None = None
        self._first_log: Path | None = None

    def start(self, log: Path, keep: Sequence[int] = (), *, light: bool = False) -> None:
        """Start the worker unless it is running, to load TensorFlow early; each worker inherits the files `keep`.

        A `light` worker loads TensorFlow only with a task that needs it.
        """
        self._keep = tuple(keep) or self._keep
        if self._child is not None:
            return
        log.parent.mkdir(parents=True, exist_ok=True)
        self._first_log = log
        with open(log, "wb") as errors:
            self._child = subprocess.Popen(  # -P: a data folder `dl` here is no module that a library looks for
                [sys.executable, "-P", "-m", "pxr_tf.executors.worker", *self._words(light)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**QUIET, **self._environment(), **LOG_ENCODING},
                pass_fds=self._keep,
                encoding="utf-8",
            )

    def run(self, batches: Iterable[Sequence[Task]], on_event: OnEvent) -> Failures:
        """Run the tasks in the order of their needs, log their output, pass on events; return what failed and why."""
        return do_in_order(batches, self.perform, on_event)

    def close(self) -> None:
        """End the worker, whatever it is doing."""
        if self._child is not None:
            child, self._child = self._child, None
            child.kill()
            with contextlib.suppress(BrokenPipeError), child:  # closes the pipes and waits; a task may still be in one
                child.stdin.close()
            child.wait()

    def perform(self, task: Task, on_event: OnEvent) -> None:
        """Run one task; raise `PxrError` if it fails, `WorkerDiedError` if the worker dies."""
        log = task.log
        log.parent.mkdir(parents=True, exist_ok=True)
        before = log.stat().st_size if log.exists() else 0
        self.start(log, light=task.kind in LIGHT)
        try:
            fault, done = self._tell_and_listen({"task": task.as_json(), "log": str(log.resolve())}, on_event)
            code = None if done else self._child.wait()
        except BaseException:
            self.close()
            raise
        if not done or task.leaves_memory:
            self.close()
        if not done:
            died = WorkerDiedError if code is not None and (code < 0 or code in KILLED) else PxrError
            raise fault or died(self._explain_exit(task, code, log, before), WORK_FAILED)

    def _words(self, light: bool) -> list[str]:
        return [word for word, given in ((LIGHTLY, light), (SHARED, self._shared)) if given]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in self._without}
        return kept | dict(self._variables)

    def _tell_and_listen(self, job: dict[str, object], on_event: OnEvent) -> tuple[PxrError | None, bool]:
        """Send a task; return (what went wrong, or None; whether the task was done)."""
        with contextlib.suppress(BrokenPipeError):  # it has died; its last events are still read
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
                fault = PxrError(event["message"], event["exit_code"])
            else:
                on_event(event)
        return fault, False

    def _explain_exit(self, task: Task, code: int | None, log: Path, before: int) -> str:
        words = log.read_bytes()[before:] if log.exists() else b""
        if not words:  # it died before it began the task
            log = self._first_log
            words = log.read_bytes() if log.exists() else b""
        lines = words.decode(errors="replace").strip().splitlines()
        lines = [line for line in lines if not line.startswith(("I0000", "W0000", "WARNING"))]
        if code in KILLED:
            reason = "it was killed, perhaps because the machine ran out of memory"
        else:
            reason = lines[-1] if lines else f"exit code {code}"
        place = f"Its log is {log}. " if log.exists() else ""
        return f"The task {task.name!r} failed: {reason}. {place}Run the same command again; it keeps finished work."
