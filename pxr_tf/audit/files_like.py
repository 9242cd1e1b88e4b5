"""A picture saved as another file is saved: with its JPEG tables, at its size, or both."""

import io
import math
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from pxr_tf.pictures.decode import read_header

SMALLEST = 16  # pixels of a side: a picture is not scaled below it
TABLES_ALONE, SIZE_ALONE, BOTH = "encoding", "resolution", "file"


class Encoding(NamedTuple):
    """How a file is saved."""

    pixels: int  # width times height
    tables: tuple[int, ...] | None  # the JPEG quantisation table of its brightness, 64 numbers; None: without loss


@lru_cache(maxsize=4096)
def read_encoding(path: str) -> Encoding:
    """Return how a file is saved; raise `UnreadableImageError` if it has no header."""
    header = read_header(path)
    if header.format != "JPEG":
        return Encoding(header.width * header.height, None)
    with open(path, "rb") as file:
        return Encoding(header.width * header.height, tuple(JpegImageFile(file).quantization[0]))


def save_like(picture: np.ndarray, donor: Encoding, what: str) -> bytes:
    """Return a file that shows the picture, uint8 [height, width], and is saved as the donor is.

    `what` is ``encoding`` (the donor's tables at the picture's own size), ``resolution`` (scaled to as many pixels as
    the donor has, and saved without loss) or ``file`` (both).
    """
    if what != TABLES_ALONE:
        picture = _scale_to(picture, donor.pixels)
    return _encode(picture, None if what == SIZE_ALONE else donor.tables)


def _scale_to(picture: np.ndarray, pixels: int) -> np.ndarray:
    """Return the picture with about as many pixels, of its own aspect."""
    factor = math.sqrt(pixels / picture.size)
    width, height = (max(SMALLEST, round(factor * side)) for side in reversed(picture.shape))
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)


def _encode(picture: np.ndarray, table: tuple[int, ...] | None) -> bytes:
    file, image = io.BytesIO(), Image.fromarray(picture)
    if table is None:
        image.save(file, "PNG", compress_level=0)  # it lives for milliseconds
    else:
        image.save(file, "JPEG", qtables=[list(table)])
    return file.getvalue()
