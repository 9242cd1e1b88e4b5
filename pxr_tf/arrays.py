"""Arrays that only grow: rows of one shape and dtype, each with a text key, computed once and shared by all runs.

A folder has two files. ``rows.raw`` has the rows, one after another and nothing else, so that a memory-map of it
begins on a page boundary. ``journal.txt`` has a line per block of rows, written after the block is safe on the disk::

    <CRC-32 of what follows> {"first": 256, "keys": [...], "crc32": …, "shape": [...], "dtype": "|u1", "faults": {}}

Readers need no lock: they map the rows in the journal, and later additions do not touch those. Writers take turns. A
killed writer loses only the block that it was writing. A damaged line of the journal, or a damaged block, costs no
other block. Rows in the journal are never overwritten: those of a damaged block are computed again and appended.

The folder's name must identify everything that decides the rows, except the keys.
"""

import errno
import json
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from pxr_tf import locks
from pxr_tf.events import OnWait
from pxr_tf.journal import Block, Journal, JournalEntry, drop_cut_off, read_journal, row_bytes

ROWS_FILE, JOURNAL_FILE = "rows.raw", "journal.txt"


class KeyedArray(NamedTuple):
    """The content of a folder at one moment; later additions do not change it."""

    values: np.ndarray  # [rows, *shape], a read-only memory-map
    rows: dict[str, int]  # key -> row
    faults: dict[str, str]  # key -> why it has no row


def load_array(folder: Path) -> KeyedArray:
    """Return the folder's content, without reading or verifying a row. Without rows, the values are uint8 [0]."""
    journal = read_journal(folder / JOURNAL_FILE)
    drop_cut_off(journal, folder / ROWS_FILE)
    return KeyedArray(_map_rows(folder / ROWS_FILE, journal), journal.rows(), journal.faults)


def missing_keys(folder: Path, keys: Iterable[str]) -> list[str]:
    """Return the keys, each once, without a fault and without a sound row (CRC-32 of its block). Takes no lock."""
    keys, journal = list(dict.fromkeys(keys)), read_journal(folder / JOURNAL_FILE)
    drop_cut_off(journal, folder / ROWS_FILE)
    for block in _find_damaged(journal, folder / ROWS_FILE, keys):
        del journal.blocks[block.first]
    return _unknown(journal, keys)


@contextmanager
def open_writer(
    folder: Path, shape: Sequence[int], dtype: DTypeLike, on_wait: OnWait | None = None
) -> Iterator["Writer"]:
    """Yield a writer of the folder, which is created if missing; nobody else writes while the block runs.

    Rows have this `shape` and `dtype`. If another process is writing, `on_wait` is called once with its name. The lock
    is ``<folder>.lock``; a process that already holds it waits for itself, forever. If several machines share the
    folders (`locks.share`), writers take turns block by block instead, and work at the same time.
    """
    if locks.is_shared():
        yield TurnWriter(folder, tuple(shape), np.dtype(dtype), on_wait)
    else:
        with _open_alone(folder, tuple(shape), np.dtype(dtype), on_wait) as writer:
            yield writer


@contextmanager
def _open_alone(
    folder: Path, shape: tuple[int, ...], dtype: np.dtype, on_wait: OnWait | None, journal: "Journal | None" = None
) -> Iterator["Writer"]:
    with locks.hold(_lock_of(folder), on_wait=on_wait):
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / ROWS_FILE, "ab"), open(folder / JOURNAL_FILE, "ab"):
            pass  # now both exist
        with open(folder / ROWS_FILE, "r+b") as rows, open(folder / JOURNAL_FILE, "r+b") as lines:
            yield Writer(folder, rows, lines, shape, dtype, journal)


class Writer:
    """Appends blocks to an array and finds damaged blocks; made by `open_writer`."""

    def __init__(
        self,
        folder: Path,
        rows: BinaryIO,
        lines: BinaryIO,
        shape: tuple[int, ...],
        dtype: np.dtype,
        journal: Journal | None = None,
    ) -> None:
        """Continue after the last good line of the journal; raise ValueError if its rows differ in shape or dtype.

        `journal` is what was read of it before; it grows by the lines that others added since.
        """
        self._folder, self._rows, self._lines = folder, rows, lines
        self._shape, self._dtype = shape, dtype
        self._row_bytes = row_bytes(shape, dtype)
        self._journal = read_journal(folder / JOURNAL_FILE, journal)
        for block in self._journal.blocks.values():
            if (block.shape, block.dtype) != (shape, dtype.str):
                raise ValueError(
                    f"{folder} holds rows of {block.dtype} {block.shape}, not {dtype.str} {shape}: "
                    "its name must identify what decides them"
                )
        lines.truncate(self._journal.size)
        lines.seek(0, os.SEEK_END)
        self._forget(drop_cut_off(self._journal, folder / ROWS_FILE))

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Return the same as `missing_keys`, and forget the damaged blocks found."""
        keys = list(dict.fromkeys(keys))
        self._forget(_find_damaged(self._journal, self._folder / ROWS_FILE, keys))
        return _unknown(self._journal, keys)

    def reserve(self, num_rows: int) -> None:
        """Allocate disk space for that many more rows; raise OSError (ENOSPC, EDQUOT) if there is too little."""
        have = os.fstat(self._rows.fileno()).st_size
        need = (self._journal.stop + num_rows) * self._row_bytes
        try:
            # Checked first: an allocation that fails would fill the disk for a moment, for all processes.
            if need - have > shutil.disk_usage(self._folder).free:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if need > have:
                _allocate(self._rows, have, need - have)
        except OSError as error:
            self._rows.truncate(have)
            raise OSError(error.errno, error.strerror, str(self._folder / ROWS_FILE)) from error

    def append(self, keys: Sequence[str], rows: Iterable[np.ndarray], faults: Mapping[str, str] | None = None) -> None:
        """Append a block: a row per key, and reasons for keys without a row; raise ValueError if these do not fit."""
        first, crc32, count = self._journal.stop, 0, 0
        self._rows.seek(first * self._row_bytes)
        for row in rows:
            if (row.shape, row.dtype) != (self._shape, self._dtype):
                raise ValueError(f"a row must be {self._dtype} {self._shape}; received {row.dtype} {row.shape}")
            data = np.ascontiguousarray(row).data
            self._rows.write(data)
            crc32, count = zlib.crc32(data, crc32), count + 1
        if count != len(keys):
            raise ValueError(f"each key needs a row; received {len(keys)} keys and {count} rows")
        _flush(self._rows)
        locks.check(_lock_of(self._folder))
        entry = {"first": first, "keys": list(keys), "crc32": crc32, "shape": self._shape, "dtype": self._dtype.str}
        self._note(entry | {"faults": dict(faults or {})})

    def _forget(self, blocks: Sequence[Block]) -> None:
        if blocks:
            self._note({"forget": [block.first for block in blocks]})

    def _note(self, entry: JournalEntry) -> None:
        """Append a line to the journal."""
        text = json.dumps(entry).encode()
        self._lines.write(b"%08x %s\n" % (zlib.crc32(text), text))
        _flush(self._lines)
        self._journal.add(json.loads(text))


class TurnWriter:
    """Appends blocks to an array to which other machines append, too; made by `open_writer`."""

    def __init__(self, folder: Path, shape: tuple[int, ...], dtype: np.dtype, on_wait: OnWait | None) -> None:
        self._folder, self._shape, self._dtype, self._on_wait = folder, shape, dtype, on_wait
        self._journal = Journal()

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Return what `Writer.missing` returns at this moment."""
        with self._turn() as writer:
            return writer.missing(keys)

    def reserve(self, num_rows: int) -> None:
        """Raise OSError (ENOSPC) if the disk has too little space for that many rows; others may take it meanwhile."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if num_rows * row_bytes(self._shape, self._dtype) > shutil.disk_usage(self._folder).free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._folder / ROWS_FILE))

    def append(self, keys: Sequence[str], rows: Iterable[np.ndarray], faults: Mapping[str, str] | None = None) -> None:
        """Append a block as `Writer.append` does, without the rows and faults that others have added meanwhile."""
        found = dict(zip(keys, rows, strict=True))
        with self._turn() as writer:
            new = set(_unknown(self._journal, [*found, *(faults or {})]))
            found = {key: row for key, row in found.items() if key in new}
            faults = {key: fault for key, fault in (faults or {}).items() if key in new}
            if found or faults:
                writer.append(list(found), found.values(), faults)

    def _turn(self) -> AbstractContextManager[Writer]:
        """Return the only writer, who has read what others have added; files are opened anew, as NFS needs it."""
        return _open_alone(self._folder, self._shape, self._dtype, self._on_wait, self._journal)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name + ".lock")


def _find_damaged(journal: Journal, path: Path, keys: Iterable[str]) -> list[Block]:
    """Return the blocks that have any of these keys and whose bytes differ from the journal's CRC-32."""
    wanted, values = set(keys), _map_rows(path, journal)
    blocks = [block for block in journal.blocks.values() if not wanted.isdisjoint(block.keys)]
    return [block for block in blocks if zlib.crc32(values[block.first : block.stop]) != block.crc32]


def _unknown(journal: Journal, keys: Iterable[str]) -> list[str]:
    known = journal.keys()
    return [key for key in keys if key not in known and key not in journal.faults]


def _map_rows(path: Path, journal: Journal) -> np.ndarray:
    """Return the rows up to the last one in the journal; an empty file cannot be mapped."""
    if not journal.blocks:
        return np.empty(0, np.uint8)
    last = max(journal.blocks.values(), key=lambda block: block.stop)
    return np.memmap(path, np.dtype(last.dtype), "r", shape=(last.stop, *last.shape))


def _allocate(file: BinaryIO, start: int, count: int) -> None:
    """Allocate disk space after the end of a file; write zeros if the system has no call for it (macOS)."""
    if hasattr(os, "posix_fallocate"):
        return os.posix_fallocate(file.fileno(), start, count)
    file.seek(start)
    zeros = bytes(1 << 20)
    for done in range(0, count, len(zeros)):
        file.write(zeros[: count - done])
    return file.flush()


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
