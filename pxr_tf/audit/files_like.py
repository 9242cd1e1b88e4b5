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
    the donor has, and back, without loss of the file) or ``file`` (as many pixels, and its tables).
    """
    height, width = picture.shape
    if what != TABLES_ALONE:
        picture = _scale_to(picture, donor.pixels)
    if what == SIZE_ALONE:
        picture = _scale(picture, width, height)
    return _encode(picture, None if what == SIZE_ALONE else donor.tables)


def _scale_to(picture: np.ndarray, pixels: int) -> np.ndarray:
    factor = math.sqrt(pixels / picture.size)
    return _scale(picture, *(max(SMALLEST, round(factor * side)) for side in reversed(picture.shape)))


def _scale(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    smaller = width * height < picture.size
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)


def _encode(picture: np.ndarray, table: tuple[int, ...] | None) -> bytes:
    file, image = io.BytesIO(), Image.fromarray(picture)
    if table is None:
        image.save(file, "PNG", compress_level=0)  # it lives for milliseconds
    else:
        image.save(file, "JPEG", qtables=[list(table)])
    return file.getvalue()
