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
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypedDict

import numpy as np
from numpy.typing import DTypeLike

from pxr_tf import locks
from pxr_tf.events import OnWait

ROWS_FILE, JOURNAL_FILE = "rows.raw", "journal.txt"


class KeyedArray(NamedTuple):
    """The content of a folder at one moment; later additions do not change it."""

    values: np.ndarray  # [rows, *shape], a read-only memory-map
    rows: dict[str, int]  # key -> row
    faults: dict[str, str]  # key -> why it has no row


class JournalEntry(TypedDict, total=False):
    """A line of the journal: a block of rows with its faults, or the first rows of blocks that are damaged."""

    first: int
    keys: list[str]
    crc32: int
    shape: Sequence[int]
    dtype: str
    faults: dict[str, str]
    forget: list[int]


class Block(NamedTuple):
    """Rows that were appended together."""

    first: int  # row
    keys: Sequence[str]
    crc32: int  # of the rows' bytes
    shape: tuple[int, ...]  # of a row
    dtype: str

    @property
    def stop(self) -> int:
        return self.first + len(self.keys)


@dataclass
class Journal:
    """The good lines of a journal, merged; a later line overrides an earlier one."""

    blocks: dict[int, Block] = field(default_factory=dict)  # by first row
    faults: dict[str, str] = field(default_factory=dict)
    stop: int = 0  # the row at which the next block begins: after all blocks, forgotten or not
    size: int = 0  # bytes up to the end of the last good line

    def add(self, entry: JournalEntry) -> None:
        """Apply one line: new rows, or blocks to forget."""
        for first in entry.get("forget", ()):
            self.blocks.pop(first, None)
        if "first" in entry:
            block = Block(entry["first"], entry["keys"], entry["crc32"], tuple(entry["shape"]), entry["dtype"])
            self.stop = max(self.stop, block.stop)
            self.faults |= entry["faults"]
            for key in self.faults.keys() & set(block.keys):
                del self.faults[key]
            if block.keys:
                self.blocks[block.first] = block

    def rows(self) -> dict[str, int]:
        """Return the row of each key."""
        return {key: row for block in self.blocks.values() for row, key in enumerate(block.keys, block.first)}


def load_array(folder: Path) -> KeyedArray:
    """Return the folder's content, without reading or verifying a row. Without rows, the values are uint8 [0]."""
    journal = _read_journal(folder / JOURNAL_FILE)
    _drop_cut_off(journal, folder / ROWS_FILE)
    return KeyedArray(_map_rows(folder / ROWS_FILE, journal), journal.rows(), journal.faults)


def missing_keys(folder: Path, keys: Iterable[str]) -> list[str]:
    """Return the keys, each once, without a fault and without a sound row (CRC-32 of its block). Takes no lock."""
    keys, journal = list(dict.fromkeys(keys)), _read_journal(folder / JOURNAL_FILE)
    _drop_cut_off(journal, folder / ROWS_FILE)
    for block in _find_damaged(journal, folder / ROWS_FILE, keys):
        del journal.blocks[block.first]
    return _unknown(journal, keys)


@contextmanager
def open_writer(
    folder: Path, shape: Sequence[int], dtype: DTypeLike, on_wait: OnWait | None = None
) -> Iterator["Writer"]:
    """Yield the only writer of the folder, which is created if missing; nobody else writes while the block runs.

    Rows have this `shape` and `dtype`. If another process is writing, `on_wait` is called once with its name. The lock
    is ``<folder>.lock``; a process that already holds it waits for itself, forever.
    """
    with locks.hold(folder.with_name(folder.name + ".lock"), on_wait=on_wait):
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / ROWS_FILE, "ab"), open(folder / JOURNAL_FILE, "ab"):
            pass  # now both exist
        with open(folder / ROWS_FILE, "r+b") as rows, open(folder / JOURNAL_FILE, "r+b") as lines:
            yield Writer(folder, rows, lines, tuple(shape), np.dtype(dtype))


class Writer:
    """Appends blocks to an array and finds damaged blocks; made by `open_writer`."""

    def __init__(self, folder: Path, rows: BinaryIO, lines: BinaryIO, shape: tuple[int, ...], dtype: np.dtype) -> None:
        """Continue after the last good line of the journal; raise ValueError if its rows differ in shape or dtype."""
        self._folder, self._rows, self._lines = folder, rows, lines
        self._shape, self._dtype = shape, dtype
        self._row_bytes = _row_bytes(shape, dtype)
        self._journal = _read_journal(folder / JOURNAL_FILE)
        for block in self._journal.blocks.values():
            if (block.shape, block.dtype) != (shape, dtype.str):
                raise ValueError(
                    f"{folder} holds rows of {block.dtype} {block.shape}, not {dtype.str} {shape}: "
                    "its name must identify what decides them"
                )
        lines.truncate(self._journal.size)
        lines.seek(0, os.SEEK_END)
        self._forget(_drop_cut_off(self._journal, folder / ROWS_FILE))

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


def _read_journal(path: Path) -> Journal:
    """Return the merged good lines; skip damaged lines, and a last line that a kill cut short."""
    journal, size = Journal(), 0
    for line in path.read_bytes().splitlines(keepends=True) if path.exists() else ():
        size += len(line)
        checksum, _, text = line[:-1].partition(b" ")
        if line.endswith(b"\n") and checksum == b"%08x" % zlib.crc32(text):
            journal.add(json.loads(text))
            journal.size = size
    return journal


def _drop_cut_off(journal: Journal, path: Path) -> list[Block]:
    """Remove the blocks that reach beyond the end of the file, as they cannot be mapped; return them."""
    size = path.stat().st_size if path.exists() else 0
    cut_off = [block for block in journal.blocks.values() if block.stop * _row_bytes(block.shape, block.dtype) > size]
    for block in cut_off:
        del journal.blocks[block.first]
    return cut_off


def _find_damaged(journal: Journal, path: Path, keys: Iterable[str]) -> list[Block]:
    """Return the blocks that have any of these keys and whose bytes differ from the journal's CRC-32."""
    wanted, values = set(keys), _map_rows(path, journal)
    blocks = [block for block in journal.blocks.values() if not wanted.isdisjoint(block.keys)]
    return [block for block in blocks if zlib.crc32(values[block.first : block.stop]) != block.crc32]


def _unknown(journal: Journal, keys: Iterable[str]) -> list[str]:
    known = journal.rows().keys() | journal.faults.keys()
    return [key for key in keys if key not in known]


def _map_rows(path: Path, journal: Journal) -> np.ndarray:
    """Return the rows up to the last one in the journal; an empty file cannot be mapped."""
    if not journal.blocks:
        return np.empty(0, np.uint8)
    last = max(journal.blocks.values(), key=lambda block: block.stop)
    return np.memmap(path, np.dtype(last.dtype), "r", shape=(last.stop, *last.shape))


def _row_bytes(shape: Sequence[int], dtype: DTypeLike) -> int:
    return int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize


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
