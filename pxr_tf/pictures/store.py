"""The store: every picture is decoded once for all data sets, class lists and seeds.

``<cache>/pictures-<key>`` is a keyed array (`arrays`) of uint8 [size, size] rows, each under the content of its file.
The key depends on the preparation and on what else decides the pixels, not on the list of files: a data set that grew
by ten images decodes ten. Pictures are added in blocks; a killed command continues after its last block. Two commands
never decode the same picture twice: the second waits for the first.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd

from pxr_tf import arrays, files, machine, rundir
from pxr_tf.events import OnProgress, OnWait
from pxr_tf.pictures.decode import InaccessibleImageError, UnreadableImageError, load_prepared
from pxr_tf.pictures.preparation import Preparation

# Raise it when the same file and preparation would give other pixels or another fault. 5: damage outside the pixels, in
# a colour profile or a text, is not a fault.
PICTURES_VERSION = 5
_BLOCK = 256  # pictures per block: 13 MB at 224 x 224, a second or so of work
UNREADABLE = "unreadable:"  # `data.patients.add_content` puts it before an image id if a file has no content
CHANGED = "changed while it was read; run the same command again"

Decode = Callable[[str, Preparation], np.ndarray]
MakeRow = Callable[[str], np.ndarray]  # path -> uint8, of one shape for all files
FEW = 512  # rows that are not worth sending to other machines


class Making(Protocol):
    """What rows are made of, as plain data (a frozen dataclass), so that other machines can make them."""

    def open(self, table: pd.DataFrame) -> MakeRow:
        """Return a function that makes the row of each file of a table (``path, content``)."""


@dataclass(frozen=True)
class WholePicture:
    """A picture that is not cropped."""

    preparation: Preparation

    def open(self, table: pd.DataFrame) -> MakeRow:
        """Return a function that makes the picture of each file."""
        return lambda path: load_prepared(path, self.preparation)


class Filling(NamedTuple):
    """Rows that a keyed array lacks."""

    folder: Path
    shape: tuple[int, ...]  # of a row
    table: pd.DataFrame  # ``path, content`` and perhaps ``stamp`` of each
    making: Making
    block: int  # rows that are stored together


Filler = Callable[[Filling, OnProgress | None, OnWait | None], dict[str, str]]  # returns passing faults
_filler: Filler | None = None


def fill_by(filler: Filler | None) -> None:
    """From now on, let this function fill arrays that lack many rows; None: this process does it."""
    global _filler
    _filler = filler


class Pictures(NamedTuple):
    """Decoded pictures and the row of each."""

    key: str
    pixels: np.ndarray  # memory-mapped, read-only, uint8 [rows, size, size]
    rows: dict[str, int]  # content -> row
    faults: dict[str, str]  # content -> why it could not be decoded; it has no row

    def find(self, contents: Sequence[str]) -> np.ndarray:
        """Return int64 [contents], their rows; raise KeyError for a content that is not decoded."""
        return np.array([self.rows[content] for content in contents], np.int64)


class DecodedFile(NamedTuple):
    """The result of decoding one file."""

    content: str
    picture: np.ndarray | None  # uint8 [size, size], or another row (`fill`)
    fault: str = ""  # why there is no picture
    lasting: bool = True  # the fault is in the file's bytes, which still have this content


def pictures_key(preparation: Preparation) -> str:
    """Return the key of pictures with this preparation; other library versions may give other pixels."""
    return files.digest(PICTURES_VERSION, preparation.digest, *rundir.name_versions("pillow", "opencv-python"))


def open_pictures(
    cache: Path,
    table: pd.DataFrame,
    preparation: Preparation,
    *,
    threads: int | None = None,
    on_progress: OnProgress | None = None,
    on_wait: OnWait | None = None,
    block: int = _BLOCK,
    decode: Decode | Making | None = None,
) -> Pictures:
    """Return all stored pictures; verify those of the table, and decode them now if they are missing.

    `table` has the columns ``path`` and ``content``, and ``stamp`` (`data.patients.add_content`) if files that changed
    since are to be noticed. `threads` decode, by default one per processor and at most 8: each may need 0.65 GB for the
    largest images that are read. `on_progress` is called with (done, all) of the missing pictures, `on_wait` with the
    name of a process that is adding pictures to the same store. `decode` crops or replaces the usual decoding.

    A file without a picture has a fault instead. A fault of its bytes is remembered. A fault of the system (file
    missing, forbidden, changed meanwhile, or too many files open) is reported this time only.
    """
    passing = fill(
        _folder(cache, preparation),
        (preparation.size, preparation.size),
        table,
        (lambda path: decode(path, preparation)) if callable(decode) else decode or WholePicture(preparation),
        threads=threads,
        on_progress=on_progress,
        on_wait=on_wait,
        block=block,
    )
    pictures = load_pictures(cache, preparation)
    return pictures._replace(faults=pictures.faults | passing)


def fill(
    folder: Path,
    shape: tuple[int, ...],
    table: pd.DataFrame,
    making: Making | MakeRow,
    *,
    threads: int | None = None,
    on_progress: OnProgress | None = None,
    on_wait: OnWait | None = None,
    block: int = _BLOCK,
) -> dict[str, str]:
    """Add the missing uint8 rows to a keyed array, by ``content``; return passing faults. See `open_pictures`.

    Other machines may do it (`fill_by`), unless what is made is a function of this process.
    """
    unique = table.drop_duplicates("content")
    missing = arrays.missing_keys(folder, unique.content)
    if not missing:
        return {}
    if _filler is not None and not callable(making) and len(missing) >= FEW:
        lacking = unique[unique.content.isin(missing)]
        return _filler(Filling(folder, shape, lacking, making, block), on_progress, on_wait)
    make_row = making if callable(making) else making.open(unique)
    return fill_here(
        folder, shape, unique, make_row, threads=threads, on_progress=on_progress, on_wait=on_wait, block=block
    )


def fill_here(
    folder: Path,
    shape: tuple[int, ...],
    unique: pd.DataFrame,
    make_row: MakeRow,
    *,
    threads: int | None = None,
    on_progress: OnProgress | None = None,
    on_wait: OnWait | None = None,
    block: int = _BLOCK,
) -> dict[str, str]:
    """Do what `fill` does, in this process, for rows of different contents."""
    with arrays.open_writer(folder, shape, np.uint8, on_wait) as writer:
        missing = unique[unique.content.isin(writer.missing(unique.content))]
        writer.reserve(len(missing))
        blocks = _decode_blocks(missing, partial(_decode, make_row), threads, block)
        return _add_blocks(writer, blocks, len(missing), on_progress)


def load_pictures(cache: Path, preparation: Preparation) -> Pictures:
    """Return all stored pictures as they are, for processes whose parent verified them; no pixel is read yet."""
    pixels, rows, faults = arrays.load_array(_folder(cache, preparation))
    if not rows:
        pixels = np.empty((0, preparation.size, preparation.size), np.uint8)
    return Pictures(pictures_key(preparation), pixels, rows, faults)


def _folder(cache: Path, preparation: Preparation) -> Path:
    return cache / f"pictures-{pictures_key(preparation)}"


def _add_blocks(
    writer: arrays.Writer, blocks: Iterator[list[DecodedFile]], total: int, on_progress: OnProgress | None
) -> dict[str, str]:
    """Store each block as it is decoded; return the faults that are not remembered."""
    passing, done = {}, 0
    for results in blocks:
        pictures = {result.content: result.picture for result in results if result.picture is not None}
        faults = {result.content: result.fault for result in results if result.picture is None and result.lasting}
        writer.append(list(pictures), pictures.values(), faults)
        passing |= {result.content: result.fault for result in results if not result.lasting}
        done += len(results)
        if on_progress:
            on_progress(done, total)
    return passing


def _decode_blocks(
    table: pd.DataFrame, decode: Callable[[str, str, str], DecodedFile], threads: int | None, block: int
) -> Iterator[list[DecodedFile]]:
    """Yield the results of each block of files; the next block is decoded meanwhile."""
    stamps = table.get("stamp", default=pd.Series("", table.index))
    rows = list(zip(table.content, table.path, stamps, strict=True))
    with ThreadPoolExecutor(threads or min(8, machine.processors())) as pool:

        def submit(start: int) -> list[Future[DecodedFile]]:
            return [pool.submit(decode, *row) for row in rows[start : start + block]]

        pending = submit(0)
        for start in range(0, len(rows), block):
            here, pending = pending, submit(start + block)
            yield [future.result() for future in here]


def _decode(make_row: MakeRow, content: str, path: str, stamp: str) -> DecodedFile:
    nameless = content.startswith(UNREADABLE)  # another file may have this content later
    try:
        decoded = DecodedFile(content, make_row(path))
    except UnreadableImageError as error:
        lasting = not (nameless or isinstance(error, InaccessibleImageError))
        decoded = DecodedFile(content, None, str(error), lasting)
    if nameless and decoded.picture is not None:
        return DecodedFile(content, None, "could not be read at first; run the same command again", lasting=False)
    if stamp and decoded.lasting and has_changed(path, content, stamp):
        return DecodedFile(content, None, CHANGED, lasting=False)
    return decoded


def has_changed(path: str, content: str, stamp: str) -> bool:
    """Return whether the file changed since its content was found; it is read only if its stamp differs."""
    try:
        return files.stamp(path) != stamp and files.digest_file(Path(path)) != content
    except OSError:
        return True
