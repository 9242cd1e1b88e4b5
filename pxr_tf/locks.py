"""Locks that the operating system drops when a process dies."""

import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pxr_tf.errors import PxrError
from pxr_tf.events import OnWait


_shared = False


def share() -> None:
    global _shared
    _shared = True


def lock_of(folder: Path) -> Path:
    """Return the lock file of a run directory, which is next to it; the spelling of the path does not matter."""
    folder = Path(os.path.realpath(folder))
    return folder.with_name(f".{folder.name}.lock")


@contextmanager
def hold(lock: Path, patience: float = float("inf"), on_wait: OnWait | None = None) -> Iterator[int]:
    """Hold the lock file while the block runs; the operating system releases it when the process dies.

    If another process holds it, call `on_wait` once with its description and wait up to `patience` seconds, then
    raise `PxrError`. A disk without locks raises it too. Yields the file descriptor: a child process that inherits it
    also holds the lock.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        _acquire(descriptor, lock, patience, on_wait)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, lock: Path, patience: float, on_wait: OnWait | None) -> None:
    started = time.monotonic()
    reported = False
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise PxrError(_explain_no_locks(lock, error)) from error
        holder = os.pread(descriptor, 200, 0).decode(errors="replace") or "another process"
        if time.monotonic() - started >= patience:
            place = lock.with_name(lock.name.removeprefix(".").removesuffix(".lock"))
            raise PxrError(f"{place} is in use by {holder}. Wait until it ends, or stop it, and run this again.")
        if on_wait and not reported:
            on_wait(holder)
            reported = True
        time.sleep(0.1)


def _explain_no_locks(lock: Path, error: OSError) -> str:
    return (
        f"{lock.parent} lies on a disk without locks ({error.strerror}), so two commands could damage each other's "
        "files. Choose a folder on a local disk (RUNS=..., or OUT=... for a gallery, masks or a network)."
    )
