"""The store: every picture decoded once, in one memory-mapped uint8 array [images, height, width].

``<cache>/store-<key>/images.npy`` holds the pixels, ``index.json`` which content lies in which row, which files could
not be decoded and why, and a checksum. The key is made of the contents and of the preparation, so every run that
asks for the same pictures shares one store. It is built in blocks in ``store-<key>.partial``; a killed build goes on
from its last block, and two runs never build the same store twice: the second one waits for the first.
"""

import io
import math
import os
import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf import files, locks
from pxr_tf.pictures.decode import ResizeMode, UnreadableImageError, load_prepared

VERSION = 2  # raise it when the same file and preparation would give other pixels
BLOCK = 256  # images per block: 13 MB at 224 x 224, a second or so of work
CHECKSUM_BYTES = 1 << 26

Progress = Callable[[int, int], None]


class Store(NamedTuple):
    """Decoded pictures and where each lies."""

    key: str
    images: np.ndarray  # memory-mapped, read-only, uint8 [images, size, size]
    rows: dict[str, int]  # content -> row
    faults: dict[str, str]  # content -> why it could not be decoded; its row is black


def store_key(contents: Sequence[str], size: int, resize: ResizeMode) -> str:
    """Return the name under which the pictures with these contents, prepared like this, are stored."""
    return files.digest(VERSION, size, resize, *sorted(set(contents)))


def open_store(
    cache: Path,
    table: pd.DataFrame,
    *,
    size: int,
    resize: ResizeMode,
    threads: int | None = None,
    on_progress: Progress | None = None,
    on_wait: Callable[[str], None] | None = None,
) -> Store:
    """Return the store of the manifest's pictures, built now where it does not exist or is damaged.

    `table` has the columns ``path`` and ``content``. `threads` decode, by default one per processor and at most 8: each
    may need half a gigabyte for the largest images that are read. `on_progress` is called with (done, all) images,
    `on_wait` with the name of a process that is building this very store.
    """
    key = store_key(table.content.tolist(), size, resize)
    folder = cache / f"store-{key}"
    with locks.hold(cache / f"store-{key}.lock", on_wait=on_wait):
        unique = table.drop_duplicates("content").sort_values("content", ignore_index=True)
        if not is_whole(folder, unique.content.tolist(), size):
            shutil.rmtree(folder, ignore_errors=True)
            threads = threads or min(8, os.cpu_count() or 1)
            _build(folder, unique, size, resize, threads, on_progress or (lambda done, total: None))
    return load_store(folder)


def load_store(folder: Path) -> Store:
    """Return a store that is known to be whole; no pixel is read yet."""
    index = files.read_json(folder / "index.json")
    images = np.load(folder / "images.npy", mmap_mode="r")
    rows = {content: row for row, content in enumerate(index["contents"])}
    return Store(folder.name.removeprefix("store-"), images, rows, index["faults"])


def is_whole(folder: Path, contents: Sequence[str], size: int) -> bool:
    """Return whether a store of these contents exists, its pixels those that were written (CRC-32, about 2 GB/s)."""
    try:
        index = files.read_json(folder / "index.json")
        images = _map(folder / "images.npy", (len(contents), size, size))
        fits = index["contents"] == list(contents) and set(index["faults"]) <= set(contents)
        return fits and _checksum(images) == index["crc32"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _build(folder: Path, unique: pd.DataFrame, size: int, resize: ResizeMode, threads: int, progress: Progress) -> None:
    partial = folder.with_name(folder.name + ".partial")
    shape = (len(unique), size, size)
    state = _resume(partial, shape)
    with open(partial / "images.npy", "r+b") as file:
        file.seek(len(_header(shape)) + state["done"] * size * size)
        for start, results in _decode_blocks(unique.path.tolist(), state["done"], size, resize, threads):
            for row, result in enumerate(results, start):
                if isinstance(result, str):
                    state["faults"][unique.content[row]] = result
                    result = np.zeros((size, size), np.uint8)
                file.write(result.data)
                state["crc32"] = zlib.crc32(result, state["crc32"])
            file.flush()
            os.fsync(file.fileno())
            state["done"] = start + len(results)
            files.write_json(partial / "progress.json", state)
            progress(state["done"], len(unique))
    index = {"contents": unique.content.tolist(), "faults": state["faults"], "crc32": state["crc32"]}
    files.write_json(partial / "index.json", index)
    (partial / "progress.json").unlink(missing_ok=True)
    partial.replace(folder)


def _resume(partial: Path, shape: tuple[int, int, int]) -> dict:
    """Return how far the build is; it begins anew where there is none, or what is there does not fit."""
    try:
        state = files.read_json(partial / "progress.json")
        done = _map(partial / "images.npy", shape)[: state["done"]]
        if len(done) == state["done"] and _checksum(done) == state["crc32"] and isinstance(state["faults"], dict):
            return state
    except (OSError, ValueError, KeyError, TypeError):
        pass
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    _reserve(partial / "images.npy", shape)
    return {"done": 0, "faults": {}, "crc32": 0}


def _reserve(path: Path, shape: tuple[int, int, int]) -> None:
    """Make the file at its full size now, so that a disk that is too small is told before anything is decoded."""
    with open(path, "wb") as file:
        file.write(_header(shape))
        zeros = bytes(1 << 20)
        left = int(np.prod(shape, dtype=np.int64))
        while left > 0:
            left -= file.write(zeros[: min(left, len(zeros))])


def _header(shape: tuple[int, int, int]) -> bytes:
    """Return what an .npy file of uint8 in this shape begins with."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.getvalue()


def _map(path: Path, shape: tuple[int, int, int]) -> np.ndarray:
    """Return the .npy file's array, memory-mapped; raise ValueError where the file is not one of just this shape.

    `np.load` would fail in a dozen ways on a damaged header.
    """
    header = _header(shape)
    with open(path, "rb") as file:
        if file.read(len(header)) != header or path.stat().st_size != len(header) + math.prod(shape):
            raise ValueError(f"{path} does not hold uint8 of shape {shape}")
    return np.memmap(path, np.uint8, "r", offset=len(header), shape=shape)


def _decode_blocks(
    paths: Sequence[str], first: int, size: int, resize: ResizeMode, threads: int
) -> Iterator[tuple[int, list[np.ndarray | str]]]:
    """Yield (row, pictures or reasons) of each block from row `first` on; the next block is decoded meanwhile."""
    with ThreadPoolExecutor(threads) as pool:

        def submit(start: int) -> list[Future[np.ndarray | str]]:
            return [pool.submit(_decode, path, size, resize) for path in paths[start : start + BLOCK]]

        pending = submit(first)
        for start in range(first, len(paths), BLOCK):
            here, pending = pending, submit(start + BLOCK)
            yield start, [future.result() for future in here]


def _decode(path: str, size: int, resize: ResizeMode) -> np.ndarray | str:
    """Return the prepared picture, or the reason why there is none."""
    try:
        return load_prepared(path, size, resize)
    except UnreadableImageError as error:
        return str(error)


def _checksum(images: np.ndarray) -> int:
    flat, value = images.reshape(-1), 0
    for start in range(0, flat.size, CHECKSUM_BYTES):
        value = zlib.crc32(flat[start : start + CHECKSUM_BYTES], value)
    return value
