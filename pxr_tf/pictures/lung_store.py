"""Store the lungs of every picture, found once for all sizes, crops and margins.

``<cache>/lungs-<key>`` is a keyed array (`arrays`) of packed bits: the mask of the whole picture at 256 x 256 pixels,
the box of the exact mask in pixels of the file, and the confidence. It is filled like the pictures (`store.fill`).
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd

from pxr_tf import arrays
from pxr_tf.events import OnProgress, OnWait
from pxr_tf.lungs.contrast import Box
from pxr_tf.lungs.find import Lungs
from pxr_tf.pictures.lung_source import AtlasLungs, LungSource, open_lung_finder
from pxr_tf.pictures.store import MakeRow, fill

MASK_SIDE = 256  # pixels of a stored mask: the square in which `find_lungs` searches; a network sees about 224
_BLOCK = 64  # pictures per block: 4 s of work on two cores
NUMBERS = struct.Struct("<d6i")  # confidence, box, width, height
ROW = MASK_SIDE * MASK_SIDE // 8 + NUMBERS.size  # bytes


class PictureLungs(NamedTuple):
    """The lungs of one picture file."""

    mask: np.ndarray  # bool [MASK_SIDE, MASK_SIDE], of the whole picture, squashed to a square
    box: Box  # of the exact mask, in pixels of the file as it is shown, half-open
    width: int  # pixels, of the file as it is shown
    height: int
    confidence: float  # 0 to 1

    @property
    def empty(self) -> bool:
        """Whether no lungs were found."""
        return not self.mask.any()


class FoundLungs(NamedTuple):
    """The lungs of some picture files; files that could not be read have none."""

    values: np.ndarray  # memory-mapped, uint8 [rows, ROW]
    rows: Mapping[str, int]  # path -> row

    def of(self, path: str) -> PictureLungs | None:
        """Return the lungs in a file; None if it could not be read."""
        return unpack(self.values[self.rows[path]]) if path in self.rows else None


def open_lungs(
    cache: Path,
    table: pd.DataFrame,
    source: LungSource,
    *,
    threads: int | None = None,
    on_progress: OnProgress | None = None,
    on_wait: OnWait | None = None,
    block: int = _BLOCK,
) -> FoundLungs:
    """Return the lungs of the table's files, and find those that are missing. Arguments as in `store.open_pictures`.

    Any number of threads gives the same bytes. Raises `PxrError` if the source has no lungs for a file.
    """
    keyed, folder = source.with_keys(table), lungs_folder(cache, source)
    making = partial(_make_row, source=source)
    if isinstance(source, AtlasLungs) and source.place:
        making = FoundByAtlas(source.place, cache)
    fill(folder, (ROW,), keyed, making, threads=threads, on_progress=on_progress, on_wait=on_wait, block=block)
    return read_lungs(folder, keyed)


def read_lungs(folder: Path, keyed: pd.DataFrame) -> FoundLungs:
    """Return the lungs that a keyed array has for files (``path, content``)."""
    stored = arrays.load_array(folder)
    files = zip(keyed.path, keyed.content, strict=True)
    return FoundLungs(stored.values, {path: stored.rows[key] for path, key in files if key in stored.rows})


@dataclass(frozen=True)
class FoundByAtlas:
    """The lungs that an atlas or a network finds (`lung_source.open_lung_finder`)."""

    atlas: str
    cache: Path

    def open(self, table: pd.DataFrame) -> MakeRow:
        """Return a function that finds the lungs in each file."""
        return partial(_make_row, source=AtlasLungs(open_lung_finder(self.atlas, self.cache)))


def lungs_folder(cache: Path, source: LungSource) -> Path:
    """Return the keyed array of the lungs that a source finds."""
    return cache / f"lungs-{source.kept_under(MASK_SIDE)}"


def _make_row(path: str, source: LungSource) -> np.ndarray:
    return pack(find_in(path, source))


def find_in(path: str, source: LungSource) -> PictureLungs:
    """Return the lungs that the source has for a file; raise `UnreadableImageError` if it cannot be decoded."""
    return as_stored(source.find(path))


def as_stored(lungs: Lungs) -> PictureLungs:
    """Return the lungs of a picture as they are stored."""
    height, width = lungs.mask.shape
    return PictureLungs(_shrink(lungs), lungs.box, width, height, lungs.confidence)


def pack(lungs: PictureLungs) -> np.ndarray:
    """Return the lungs of a picture as uint8 [ROW]; `unpack` reverses it."""
    numbers = NUMBERS.pack(lungs.confidence, *lungs.box, lungs.width, lungs.height)
    return np.concatenate([np.packbits(lungs.mask), np.frombuffer(numbers, np.uint8)])


def unpack(row: np.ndarray) -> PictureLungs:
    """Return the lungs from a row that `pack` made."""
    confidence, left, top, right, bottom, width, height = NUMBERS.unpack(row[-NUMBERS.size :].tobytes())
    mask = np.unpackbits(row[: -NUMBERS.size]).reshape(MASK_SIDE, MASK_SIDE).astype(bool)
    return PictureLungs(mask, Box(left, top, right, bottom), width, height, confidence)


def _shrink(lungs: Lungs) -> np.ndarray:
    """Return the mask as bool [MASK_SIDE, MASK_SIDE]: a pixel is lung if more than half of its area is."""
    return (
        cv2.resize(lungs.mask.astype(np.uint8) * np.uint8(255), (MASK_SIDE, MASK_SIDE), interpolation=cv2.INTER_AREA)
        > 127
    )
