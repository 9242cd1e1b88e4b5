"""Decode one image file to one uint8 grey array, turned as the picture is shown.

Files are JPEG or PNG, 8 or 16 bit, grey, RGB, RGBA or palette; or DICOM (`dicom`). Pillow decodes: it reports
truncation and broken checksums, which OpenCV ignores, and its JPEG decoder can shrink a large picture. OpenCV resizes,
and reads the colours of 16-bit PNGs. Pillow keeps only their upper 8 bits: a 12-bit picture would have 16 levels,
nearly black.
"""

import io
import math
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar

import cv2
import numpy as np
from PIL import ExifTags, Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from pxr_tf.files import open_regular
from pxr_tf.pictures.ancillary import pixel_data
from pxr_tf.pictures.dicom import open_dicom, read_dicom_header
from pxr_tf.pictures.preparation import Preparation, ResizeMode
from pxr_tf.pictures.sixteen_bits import deep_mode, fit_range, load_deep_colour
from pxr_tf.pictures.unreadable import MAX_PIXELS, InaccessibleImageError, UnreadableImageError, explained
from pxr_tf.sets.file_kinds import DICOM, DICOM_START, JPEG, PNG, is_dicom

Read = TypeVar("Read")
SIGNATURES = {JPEG: JpegImageFile, PNG: PngImageFile}
MAX_EXIF = 65_536  # bytes: the most that a JPEG can hold
MAX_BYTES = 9 * MAX_PIXELS  # 16-bit RGBA that could not be compressed, with its names and dates


class Header(NamedTuple):
    """What a file says about itself, read without decoding it."""

    format: str  # JPEG, PNG or DICOM
    width: int  # pixels, of the picture as it is shown
    height: int  # pixels
    mode: str  # grey, grey16, rgb, rgb16, rgba, palette, …
    bytes: int  # of the file
    spacing: float | None = None  # millimetres between pixels, if a DICOM says it


_MODES = {"L": "grey", "1": "bilevel", "LA": "grey+alpha", "RGB": "rgb", "RGBA": "rgba", "P": "palette", "CMYK": "cmyk"}


class Turn(NamedTuple):
    """How stored pixels become the picture as shown: rows and columns are reversed, then exchanged."""

    rows: int = 1  # step, -1 for the last row first
    columns: int = 1
    exchanged: bool = False


# By EXIF orientation. 1, and any value outside the standard, leaves the pixels as they are.
_TURNS = {
    2: Turn(columns=-1),
    3: Turn(-1, -1),
    4: Turn(rows=-1),
    5: Turn(exchanged=True),
    6: Turn(rows=-1, exchanged=True),  # a quarter clockwise
    7: Turn(-1, -1, exchanged=True),
    8: Turn(columns=-1, exchanged=True),  # a quarter anticlockwise
}
# The places in `info` where Pillow looks for an orientation.
_EXIF_PLACES = frozenset({"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"})


def read_header(path: str | Path) -> Header:
    """Return the file's header; raise `UnreadableImageError` if it has none."""
    with explained("damaged header"), io.BufferedReader(open_regular(path)) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            return _make_header(file, size)
        except UnreadableImageError:
            raise
        except Exception:  # perhaps only data besides the pixels are damaged
            file.seek(0)
            return _first_readable(_read_all(file), lambda data: _make_header(io.BytesIO(data), size))


def load_grey(path: str | Path | bytes, at_least: int = 0) -> np.ndarray:
    """Return a file (a path, or its bytes) as uint8 [height, width], grey, 0-255, turned as its EXIF orientation says.

    Colour becomes luma (ITU-R 601), transparency is laid on black, 16-bit values are scaled by `fit_range`. If
    `at_least` > 0, a large JPEG is shrunk by 2, 4 or 8 while it is decoded; its smaller side keeps at least `at_least`
    pixels. A DICOM's values become grey as `dicom.open_dicom` says. Raises `UnreadableImageError`.
    """
    return load_as(path, to_uint8, at_least)


def load_as(path: str | Path | bytes, convert: Callable[[ImageFile], np.ndarray], at_least: int = 0) -> np.ndarray:
    """Return what `convert` makes of the file, turned as `load_grey` does; raise `UnreadableImageError`."""
    with explained("damaged header"):
        data = path if isinstance(path, bytes) else _read_path(path)
        if is_dicom(data):
            return convert(open_dicom(data))
        return _first_readable(data, lambda version: _decode(version, convert, at_least))


def resize_grey(image: np.ndarray, size: int, resize: ResizeMode) -> np.ndarray:
    """Return the uint8 picture [height, width] as uint8 [size, size].

    ``squash`` scales both sides to `size` and loses the aspect. ``pad`` keeps the aspect and centres the picture on
    black. ``average`` is ``squash`` without shortcuts: every pixel is the mean of the area that it covers.
    """
    height, width = image.shape
    if resize == "average":
        return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
    if resize == "squash":
        return _scale(image, size, size)
    longest = max(height, width)
    inner_height, inner_width = max(1, round(height * size / longest)), max(1, round(width * size / longest))
    canvas = np.zeros((size, size), np.uint8)
    top, left = (size - inner_height) // 2, (size - inner_width) // 2
    canvas[top : top + inner_height, left : left + inner_width] = _scale(image, inner_height, inner_width)
    return canvas


def load_prepared(path: str | Path | bytes, preparation: Preparation) -> np.ndarray:
    """Return a whole file as uint8 [size, size]; raise `UnreadableImageError`, or ValueError for a crop."""
    if preparation.crop != "none":
        raise ValueError(f"load_prepared shows whole pictures; received {preparation}")
    # The decoder shrinks by leaving out the high frequencies of each 8x8 block, which adds no aliasing. It rounds sizes
    # up, which moves an average by up to 1 %.
    at_least = 0 if preparation.resize == "average" else preparation.size
    return resize_grey(load_grey(path, at_least), preparation.size, preparation.resize)


def _first_readable(data: bytes, read: Callable[[bytes], Read]) -> Read:
    """Return what `read` makes of the first of the `pixel_data` that it can read; raise its last fault."""
    fault: Exception | None = None
    for version in pixel_data(data):
        try:
            return read(version)
        except (InaccessibleImageError, MemoryError):
            raise
        except Exception as error:
            fault = error
    raise fault or ValueError("no data")


def _read_path(path: str | Path) -> bytes:
    with open_regular(path) as file:
        return _read_all(file)


def _read_all(file: BinaryIO) -> bytes:
    size = os.fstat(file.fileno()).st_size
    if size > MAX_BYTES:
        raise UnreadableImageError(f"holds {size:,} bytes; at most {MAX_BYTES:,} are read")
    return file.read()


def _make_header(file: BinaryIO, size: int) -> Header:
    start = file.read(DICOM_START)
    file.seek(0)
    if is_dicom(start):
        width, height, mode, spacing = read_dicom_header(file)
        return Header(DICOM, width, height, mode, size, spacing)
    image = _identify(file)
    mode = deep_mode(image) or _MODES.get(image.mode, image.mode.lower())
    if image.format == "PNG" and "exif" not in image.info:
        image.info |= _find_late_exif(file)
    width, height = reversed(image.size) if _find_turn(image).exchanged else image.size
    return Header(str(image.format), width, height, mode, size)


def _decode(data: bytes, convert: Callable[[ImageFile], np.ndarray], at_least: int) -> np.ndarray:
    with explained("damaged header"):
        image = _identify(io.BytesIO(data))
    if at_least and image.format == "JPEG":
        scale = min(image.size) / at_least  # Pillow takes the size as a lower bound for both sides
        image.draft("L", (math.ceil(image.width / scale), math.ceil(image.height / scale)) if scale > 1 else None)
    with explained(f"damaged {image.format}"):
        return _turn(convert(image), _find_turn(image))


def _identify(file: BinaryIO) -> ImageFile:
    """Return a file as a JPEG or a PNG, whatever its name; check the size that it declares.

    `Image.open` is not used: it warns above 89 million pixels, and only a global setting of Pillow turns that off.
    """
    start = file.read(max(map(len, SIGNATURES)))
    reader = next((reader for signature, reader in SIGNATURES.items() if start.startswith(signature)), None)
    if reader is None:
        raise UnreadableImageError("not a JPEG, PNG or DICOM" if start else "empty file")
    file.seek(0)
    image = reader(file)
    if image.width * image.height > MAX_PIXELS:
        raise UnreadableImageError(f"declares {image.width} x {image.height} pixels; at most {MAX_PIXELS:,} are read")
    return image


def _find_late_exif(file: BinaryIO) -> dict[str, bytes]:
    """Return the EXIF block that may follow a PNG's pixels, as Pillow has it in `info`; no pixel is decoded."""
    file.seek(8)
    while len(start := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", start)
        if kind == b"eXIf":
            return {"exif": b"Exif\0\0" + file.read(min(length, MAX_EXIF))}
        file.seek(length + 4, os.SEEK_CUR)
    return {}


def _find_turn(image: ImageFile) -> Turn:
    """Return how the picture is turned to be shown; a damaged EXIF block is ignored."""
    if _EXIF_PLACES.isdisjoint(image.info):
        return Turn()  # nearly always: Pillow would take 5 us to find nothing, 4 % of a small JPEG
    try:
        # The method of the base class: a PNG's own method decodes the pixels to find what follows them.
        return _TURNS.get(Image.Image.getexif(image).get(ExifTags.Base.Orientation), Turn())
    except Exception:  # struct.error, SyntaxError, ValueError, TypeError, …: not the picture's fault
        return Turn()


def _turn(picture: np.ndarray, turn: Turn) -> np.ndarray:
    if turn == Turn():
        return picture
    picture = picture[:: turn.rows, :: turn.columns]
    return np.ascontiguousarray(picture.T if turn.exchanged else picture)


def to_uint8(image: ImageFile) -> np.ndarray:
    """Return an open file's pixels as uint8 [height, width]: see `load_grey`."""
    deep = deep_mode(image)
    if deep == "grey16":
        values, transparent = np.asarray(image), image.info.get("transparency")
        return fit_range(values if transparent is None else np.where(values == transparent, 0, values))
    if deep:
        return load_deep_colour(image)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba)
    return np.array(image if image.mode == "L" else image.convert("L"))


def _scale(image: np.ndarray, height: int, width: int) -> np.ndarray:
    if image.shape == (height, width):
        return image
    if height * width >= image.shape[0] * image.shape[1]:
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    if image.shape[0] < 3 * height and image.shape[1] < 3 * width:
        # OpenCV averages 2 x 2 pixels three times as fast as areas of odd sizes, and as smoothly.
        image = cv2.resize(image, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR)
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
