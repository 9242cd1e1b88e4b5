"""The journal of a keyed array (`arrays`): which rows are good, and under which keys."""

import json
import math
import zlib
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypedDict

import numpy as np
from numpy.typing import DTypeLike


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
    _known: set[str] = field(default_factory=set)  # keys of the blocks that begin at `_seen`
    _seen: set[int] = field(default_factory=set)

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

    def keys(self) -> Set[str]:
        """Return the keys that have a row; only blocks that came since the last call cost time, unless some are gone.

        A writer among a million rows calls this for every block.
        """
        if not self._seen <= self.blocks.keys():
            self._known, self._seen = set(), set()
        for first in self.blocks.keys() - self._seen:
            self._known.update(self.blocks[first].keys)
        self._seen = set(self.blocks)
        return self._known


def read_journal(path: Path, known: Journal | None = None) -> Journal:
    """Return the merged good lines; skip damaged lines, and a last line that a kill cut short.

    If a part of them is `known`, only what follows it is read, and added to it.
    """
    journal = known or Journal()
    size = journal.size
    for line in _read_from(path, size).splitlines(keepends=True):
        size += len(line)
        checksum, _, text = line[:-1].partition(b" ")
        if line.endswith(b"\n") and checksum == b"%08x" % zlib.crc32(text):
            journal.add(json.loads(text))
            journal.size = size
    return journal


def _read_from(path: Path, start: int) -> bytes:
    if not path.exists():
        return b""
    with open(path, "rb") as file:
        file.seek(start)
        return file.read()


def drop_cut_off(journal: Journal, path: Path) -> list[Block]:
    """Remove the blocks that reach beyond the end of the file, as they cannot be mapped; return them."""
    size = path.stat().st_size if path.exists() else 0
    cut_off = [block for block in journal.blocks.values() if block.stop * row_bytes(block.shape, block.dtype) > size]
    for block in cut_off:
        del journal.blocks[block.first]
    return cut_off


def row_bytes(shape: Sequence[int], dtype: DTypeLike) -> int:
    """Return the size of a row in bytes."""
    return math.prod(shape) * np.dtype(dtype).itemsize
