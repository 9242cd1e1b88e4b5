"""The run directory: its name, whole-or-nothing writes, the lock, and where the numbers came from."""

import errno
import fcntl
import hashlib
import json
import os
import platform
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pxr_tf.errors import PxrError

if TYPE_CHECKING:
    import pandas as pd

EPOCHS = "epochs.json"  # how many epochs each phase gets, chosen on the hold-out

PACKAGES = (
    "pxr_tf",
    "tensorflow",
    "keras",
    "numpy",
    "pandas",
    "scikit-learn",
    "albumentations",
    "opencv-python",
    "pillow",
)


def run_directory(runs: Path, experiment: str, backbone: str, strategy: int) -> Path:
    """Return ``runs/<experiment>/<backbone>-strategy<n>``; nothing is made."""
    return runs / experiment / f"{backbone}-strategy{strategy}"


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a path to write to; the file (or folder) appears under its own name only after the block ended well.

    The name in between is ``<name>.partial``, so that what a killed process left is overwritten by the next one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    yield partial
    if partial.is_file():
        with open(partial, "rb") as file:
            os.fsync(file.fileno())
    os.replace(partial, path)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file, whole or not at all."""
    with written_whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Return the content of a JSON file, or None where there is no such file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def write_csv(path: Path, table: "pd.DataFrame") -> None:
    """Write a CSV file, whole or not at all; numbers keep seven significant digits, as float32 has."""
    with written_whole(path) as partial:
        table.to_csv(partial, index=False, float_format="%.7g", lineterminator="\n")


def digest(*parts: object, size: int = 8) -> str:
    """Return a short hexadecimal digest (BLAKE2b, `size` bytes) of the parts' text."""
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()


def digest_file(path: Path) -> str:
    """Return a hexadecimal digest (the first 16 bytes of SHA-256, which processors compute themselves) of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def lock_of(folder: Path) -> Path:
    """Return the lock file of a run directory; it lies beside it."""
    return folder.with_name(f".{folder.name}.lock")


@contextmanager
def hold(lock: Path, patience: float = float("inf"), on_wait: Callable[[str], None] | None = None) -> Iterator[int]:
    """Hold the lock file while the block runs; the operating system lets go of it when the process dies.

    Where another process holds it, call `on_wait` once with its description and wait up to `patience` seconds, then
    raise `PxrError`. Gives the file descriptor: a child process that inherits it holds the lock too.
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


def _acquire(descriptor: int, lock: Path, patience: float, on_wait: Callable[[str], None] | None) -> None:
    started = time.monotonic()
    told = False
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
        holder = os.pread(descriptor, 200, 0).decode(errors="replace") or "another process"
        if time.monotonic() - started >= patience:
            place = lock.with_name(lock.name.removeprefix(".").removesuffix(".lock"))
            raise PxrError(f"{place} is in use by {holder}. Wait until it ends, or stop it, and run this again.")
        if on_wait and not told:
            on_wait(holder)
            told = True
        time.sleep(0.1)


def explain_os_error(error: OSError) -> str | None:
    """Return one line for a full disk or a place that cannot be written to; None for anything else."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        place = f" ({error.filename})" if error.filename else ""
        return f"The disk is full{place}; nothing was damaged. Free some space and run the same command: it continues."
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG):
        place = error.filename or "the run directory"
        return f"Cannot write to {place}: {error.strerror}. Choose another folder (RUNS=...)."
    return None


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide the numbers."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def now() -> str:
    """Return the time, UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
