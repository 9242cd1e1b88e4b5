"""Processes of tests: whether one runs, and how to wait for it."""

import time
from collections.abc import Callable
from pathlib import Path


def is_running(process: int) -> bool:
    """Return whether a process runs; a process that ended and was not collected (a zombie) does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
