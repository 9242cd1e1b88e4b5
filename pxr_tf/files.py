"""Files that are written whole or not at all, and digests of their bytes."""

import csv
import errno
import hashlib
import io
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pxr_tf.errors import PxrError, one_line, shorten

if TYPE_CHECKING:
    import pandas as pd

# Remedies for damaged files: of one that can be made again, and of one that a run was prepared with.
RUN_AGAIN = "Delete it and run the same command again."
DELETE_RUN = "Restore it, or delete the run's folder."
UNWRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP)


@contextmanager
def reading(what: object) -> Iterator[None]:
    """Turn an OSError in the block into a `PxrError` that says that `what` cannot be read, and why."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise PxrError(f"{what} cannot be read: {reason}. Check the path, its permissions and the disk.") from error


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a path to write to; the file (or folder) gets its own name only after the block succeeds.

    Until then its name is ``<name>.partial``, so that the next process overwrites what a killed process left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    yield partial
    if partial.is_file():
        with open(partial, "rb") as file:
            os.fsync(file.fileno())
    os.replace(partial, path)


def check_writable(path: Path) -> None:
    """Raise the OSError that writing this file would end with; write nothing. For work that takes long."""
    place = next(folder for folder in path.absolute().parents if os.path.lexists(folder))
    if not place.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(place))
    if not os.access(place, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(place))


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file, whole or not at all."""
    with written_whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, value: object) -> None:
    """Write a JSON file, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path, remedy: str = RUN_AGAIN) -> Any:
    """Return the value in a JSON file, None if the file is missing; raise `PxrError` if it cannot be read."""
    with reading(path), _undamaged(path, remedy):
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def write_csv(path: Path, table: "pd.DataFrame") -> None:
    """Write a CSV file, whole or not at all; numbers keep seven significant digits, like float32.

    All text reads back unchanged. An unquoted carriage return would end a line, and pandas quotes it only if it quotes
    everything.
    """
    options = {"index": False, "float_format": "%.7g", "lineterminator": "\n"}
    text = table.to_csv(**options)
    if "\r" in text:
        text = table.to_csv(**options, quoting=csv.QUOTE_ALL)
    with written_whole(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="")


def read_csv(
    path: Path, columns: Iterable[str], is_number: Callable[[str], bool] = lambda name: False, remedy: str = RUN_AGAIN
) -> "pd.DataFrame":
    """Return the table in a CSV file that `write_csv` wrote: text, and numbers in the columns that `is_number` accepts.

    An empty number is NaN. Raises `PxrError` if the file cannot be read, lacks one of `columns`, has a row with too
    many values, or text in place of a number.
    """
    import pandas as pd

    with reading(path), _undamaged(path, remedy):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)  # a class may be called NA
        missing = [name for name in columns if name not in table]
        if missing or not isinstance(table.index, pd.RangeIndex):  # a first row that is too long makes an index
            raise ValueError(f"no column {shorten(missing)}" if missing else "a row is longer than the header")
        return table.assign(**{name: pd.to_numeric(table[name]) for name in table if is_number(name)})


@contextmanager
def _undamaged(path: Path, remedy: str) -> Iterator[None]:
    """Turn a ValueError in the block, which reads one of our own files, into a `PxrError` with this remedy."""
    try:
        yield
    except ValueError as error:
        raise PxrError(f"{path} was damaged or edited: {one_line(error)}. {remedy}") from error


def digest(*parts: object, size: int = 8) -> str:
    """Return a hexadecimal digest (BLAKE2b, `size` bytes) of the parts' text."""
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()


def open_regular(path: str | Path) -> io.FileIO:
    """Return the file, open for reading, unbuffered; raise OSError for anything but a regular file.

    Reading a pipe would wait until somebody writes to it, and a device may never end.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return open(path, "rb", buffering=0)


def digest_file(path: Path) -> str:
    """Return a hexadecimal digest (first 16 bytes of SHA-256, which processors have instructions for) of a file."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def digest_bytes(data: bytes) -> str:
    """Return the digest that `digest_file` gives a file that holds these bytes."""
    return hashlib.sha256(data).hexdigest()[:32]


def stamp(path: str | Path) -> str:
    """Return text that changes if the file is written, replaced or linked to another file; raise OSError."""
    found = os.stat(path)
    return f"{found.st_dev}-{found.st_ino}-{found.st_size}-{found.st_mtime_ns}-{found.st_ctime_ns}"


def explain_os_error(error: OSError) -> str | None:
    """Return one line for a full disk or an output path that cannot be used; None for other errors (see `reading`)."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        place = f" ({error.filename})" if error.filename else ""
        return f"The disk is full{place}; nothing was damaged. Free some space and run the same command: it continues."
    if error.errno in UNWRITABLE or (error.errno == errno.ENOENT and str(error.filename).startswith("/proc/")):
        place = error.filename or "the run directory"
        if os.path.isfile(place) and not os.access(place, os.R_OK):
            return (
                f"Cannot read {place}: {error.strerror}. Change its permissions, or choose another folder (RUNS=...)."
            )
        return f"Cannot write to {place}: {error.strerror}. Choose another folder (RUNS=...)."
    return None
