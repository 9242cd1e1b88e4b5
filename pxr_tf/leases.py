"""Leases: locks by files alone, for folders that several machines share and whose `flock` may not reach them all.

A lease is a file that exists while it is held. Its holder writes a beat into it every few seconds. No clock is compared
with that of another machine: a lease counts as dead once its content has not changed for `PATIENCE` seconds of the
waiter's own clock. Making the file is atomic (``O_EXCL``), also on NFS since version 3.
"""

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from pathlib import Path
from typing import NamedTuple

from pxr_tf.errors import PxrError

PATIENCE = 20.0  # seconds without a beat, after which a lease is dead
BEAT = 4.0  # seconds between beats
BOOT = Path("/proc/sys/kernel/random/boot_id")


class Content(NamedTuple):
    """What a lease says."""

    holder: str = "another process"
    kernel: str = ""  # `kernel` of the holder
    token: str = ""  # of this lease alone
    beat: int = 0


def lease_of(lock: Path) -> Path:
    """Return the lease that belongs to a lock file."""
    return lock.with_name(f"{lock.name}.lease")


def kernel() -> str:
    """Return what identifies this machine since it started; containers of one machine share it."""
    return BOOT.read_text().strip() if BOOT.exists() else socket.gethostname()


class Lease:
    """A lease that this process holds, from `take` to `release`."""

    def __init__(self, path: Path, content: Content) -> None:
        self._path, self._content = path, content
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self.lost = False  # whether another process took it over, because this one gave no sign of life
        self._thread.start()

    def check(self) -> None:
        """Raise `PxrError` if another process holds this lease now."""
        if self.lost or read(self._path).token != self._content.token:
            self.lost = True
            raise PxrError(
                f"{self._path} was taken over by another process, because this one gave no sign of life for "
                f"{PATIENCE:.0f} s. Run the same command again."
            )

    def release(self) -> None:
        """Let others have it."""
        self._ended.set()
        self._thread.join()
        if read(self._path).token == self._content.token:
            self._path.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._ended.wait(BEAT):
            with contextlib.suppress(OSError):  # the next beat may succeed
                if read(self._path).token != self._content.token:
                    self.lost = True
                    return
                self._content = self._content._replace(beat=self._content.beat + 1)
                _write(self._path, self._content, os.O_WRONLY)


def take(path: Path) -> Lease | None:
    """Return the lease if nobody has it, else None."""
    content = Content(f"process {os.getpid()} on {socket.gethostname()}", kernel(), secrets.token_hex(8))
    try:
        _write(path, content, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        return None
    return Lease(path, content)


def read(path: Path) -> Content:
    """Return what a lease says; an empty content if there is none, or if it is just being made."""
    try:
        return Content(*json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return Content()


class Watch:
    """Looks at somebody else's lease until it is dead or gone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: Content | None = None
        self._since = 0.0

    @property
    def holder(self) -> str:
        """Who held the lease when it was last looked at."""
        return (self._seen or Content()).holder

    def is_dead(self, *, alone: bool) -> bool:
        """Return whether the lease gave no sign of life for `PATIENCE`.

        If this process is `alone` with the lock of its machine, a lease of the same machine is dead at once.
        """
        found = read(self._path)
        if found != self._seen:
            self._seen, self._since = found, time.monotonic()
        if alone and found.kernel == kernel():
            return True
        return time.monotonic() - self._since >= PATIENCE

    def remove(self) -> None:
        """Remove the dead lease, and no other: of two processes that try, one finds that it moved a living lease."""
        moved = self._path.with_name(f"{self._path.name}-{secrets.token_hex(4)}")
        with contextlib.suppress(FileNotFoundError):
            os.rename(self._path, moved)
            if read(moved) != self._seen:
                with contextlib.suppress(FileExistsError):
                    os.link(moved, self._path)
            moved.unlink()


def _write(path: Path, content: Content, flags: int) -> None:
    """Write a lease at once; opening and closing it shows it to the other machines of an NFS folder."""
    file = os.open(path, flags, 0o666)
    try:
        os.write(file, json.dumps(content).encode())
    finally:
        os.close(file)
