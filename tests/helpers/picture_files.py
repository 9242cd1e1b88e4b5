"""Pictures, and files to decode them from."""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # channels -> the PNG header's code for grey, grey + alpha, RGB, RGBA


def make_picture(height: int = 60, width: int = 80) -> np.ndarray:
    """Return a smooth picture, uint8 [height, width]: a slope with a bright disc."""
    y, x = np.mgrid[:height, :width]
    disc = np.hypot(y - height / 2, x - width / 3) < height / 4
    return np.clip(x * 150 / width + 80 * disc + 10, 0, 255).astype(np.uint8)


def save(path: Path, array: np.ndarray | Image.Image, **options) -> Path:
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    image.save(path, **options)
    return path


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def encode_png(values: np.ndarray, before: bytes = b"", after: bytes = b"") -> bytes:
    """Return uint8 or uint16 [height, width(, channels)] as a PNG, with chunks before and after its pixels."""
    height, width, channels = (*values.shape, 1)[:3]
    depth = 8 * values.dtype.itemsize
    header = struct.pack(">IIBBBBB", width, height, depth, COLOUR_TYPES[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(f">u{depth // 8}").tobytes() for row in values)
    data = [chunk(b"IHDR", header), before, chunk(b"IDAT", zlib.compress(rows)), after, chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(data)
