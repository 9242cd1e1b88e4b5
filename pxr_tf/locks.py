"""Locks that nobody holds any more once their process has died.

On one machine, the operating system drops them (`flock`). If several machines share the folders (`share`), a lock is
also a lease (`leases`), since `flock` may not reach the others.
"""

import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pxr_tf import leases
from pxr_tf.errors import PxrError
from pxr_tf.events import OnWait

PAUSE = 0.1  # seconds between attempts
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # what a folder without `flock` answers

_shared = False
_held: dict[Path, leases.Lease] = {}


def share() -> None:
    """Let all locks of this process count on other machines, too: they work in the same folders."""
    global _shared
    _shared = True


def is_shared() -> bool:
    """Return whether other machines work in the same folders."""
    return _shared


def lock_of(folder: Path) -> Path:
    """Return the lock file of a run directory, which is next to it; the spelling of the path does not matter."""
    folder = Path(os.path.realpath(folder))
    return folder.with_name(f".{folder.name}.lock")


@contextmanager
def hold(lock: Path, patience: float = float("inf"), on_wait: OnWait | None = None) -> Iterator[int]:
    """Hold the lock file while the block runs; nobody holds it once the process has died.

    If another process holds it, call `on_wait` once with its description and wait up to `patience` seconds, then
    raise `PxrError`. A disk without locks raises it too, unless the folders are shared. Yields the file descriptor: a
    child process that inherits it also holds the lock, for this machine.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    waiting = _Waiting(lock, patience, on_wait)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        alone = _acquire(descriptor, waiting)
        lease = _take_lease(lock, waiting, alone=alone)
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
            yield descriptor
            check(lock)
        finally:
            if lease is not None:
                del _held[lock]
                lease.release()
    finally:
        os.close(descriptor)


def check(lock: Path) -> None:
    """Raise `PxrError` if another machine took this lock over, because this process gave no sign of life for long."""
    if lock in _held:
        _held[lock].check()


class _Waiting:
    """How long one waits for a lock, and who is told."""

    def __init__(self, lock: Path, patience: float, on_wait: OnWait | None) -> None:
        self.lock, self._on_wait = lock, on_wait
        self._until = time.monotonic() + patience

    def wait(self, holder: str) -> None:
        """Wait a moment; raise `PxrError` at the end of the patience."""
        if time.monotonic() >= self._until:
            place = self.lock.with_name(self.lock.name.removeprefix(".").removesuffix(".lock"))
            raise PxrError(f"{place} is in use by {holder}. Wait until it ends, or stop it, and run this again.")
        if self._on_wait is not None:
            self._on_wait(holder)
            self._on_wait = None
        time.sleep(PAUSE)


def _acquire(descriptor: int, waiting: _Waiting) -> bool:
    """Wait for the lock of this machine; return whether the folder has such locks."""
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError as error:
            if _shared and error.errno in NO_LOCKS:
                return False
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise PxrError(_explain_no_locks(waiting.lock, error)) from error
        waiting.wait(os.pread(descriptor, 200, 0).decode(errors="replace") or "another process")


def _take_lease(lock: Path, waiting: _Waiting, *, alone: bool) -> leases.Lease | None:
    """Return the lease if the folders are shared; else only wait until no other machine has it."""
    path = leases.lease_of(lock)
    watch = leases.Watch(path)
    while _shared or path.exists():
        lease = leases.take(path) if _shared else None
        if lease is not None:
            _held[lock] = lease
            return lease
        if watch.is_dead(alone=alone):
            watch.remove()
        else:
            waiting.wait(watch.holder)
    return None


def _explain_no_locks(lock: Path, error: OSError) -> str:
    return (
        f"{lock.parent} lies on a disk without locks ({error.strerror}), so two commands could damage each other's "
        "files. Choose a folder on a local disk (RUNS=..., or OUT=... for a gallery, masks or a network)."
    )
