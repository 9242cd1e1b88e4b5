"""Run one task of a run in a process of its own: memory is given back, and the parent never loads TensorFlow."""

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


def run_in_process(job: Event, log: Path, on_event: Callable[[Event], None], keep: Sequence[int] = ()) -> None:
    """Run ``python -m pxr_tf.worker`` with the job and pass on what it tells, an event (a dict) a line.

    Everything else that it prints goes to the file `log`. The child dies with this process: its standard input ends.
    `keep` are file descriptors that it inherits (a held lock). Raises `PxrError` where the task failed.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    before = log.stat().st_size if log.exists() else 0
    with (
        open(log, "ab") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "pxr_tf.worker", json.dumps(job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**QUIET, **os.environ},
            pass_fds=tuple(keep),
            text=True,
        ) as child,
    ):
        try:
            fault = _listen(child, on_event)
            code = child.wait()
        finally:
            child.kill()
    if fault:
        raise PxrError(fault)
    if code:
        raise PxrError(_explain_exit(job, code, log, before))


def _listen(child: subprocess.Popen, on_event: Callable[[Event], None]) -> str | None:
    fault = None
    for line in child.stdout:
        event = json.loads(line)
        if event["event"] == "fault":
            fault = event["message"]
        else:
            on_event(event)
    return fault


def _explain_exit(job: Event, code: int, log: Path, before: int) -> str:
    lines = log.read_bytes()[before:].decode(errors="replace").strip().splitlines()
    lines = [line for line in lines if not line.startswith(("I0000", "W0000", "WARNING"))]
    if code in (-9, 137):
        reason = "it was killed, perhaps for want of memory"
    else:
        reason = lines[-1] if lines else f"exit code {code}"
    return (
        f"The task {job['task']!r} failed: {reason}. Its log is {log}; the same command goes on from what is finished."
    )
