"""Decode one image file to one uint8 grey array, turned as the picture is shown.

Files are JPEG or PNG; 8 or 16 bit; grey, RGB, RGBA or palette. Pillow decodes: it reports truncation and broken
checksums, which OpenCV ignores, and its JPEG decoder can shrink a large picture. OpenCV resizes, and reads the colours
of 16-bit PNGs. Pillow keeps only their upper 8 bits: a 12-bit picture would have 16 levels, nearly black.
"""

import io
import math
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar

import cv2
import numpy as np
from PIL import ExifTags, Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from pxr_tf.errors import PxrError
from pxr_tf.files import open_regular
from pxr_tf.pictures.ancillary import pixel_data
from pxr_tf.pictures.preparation import Preparation, ResizeMode
from pxr_tf.sets.file_kinds import JPEG, PNG

Read = TypeVar("Read")
SIGNATURES = {JPEG: JpegImageFile, PNG: PngImageFile}
DETECTOR_BITS = (8, 10, 12, 14)  # 16-bit values have one of these ranges, or all 16 bits
# Share of the pixels that are not black. Hot pixels and burnt-in text cover less: in all but 5 of 6,233 public chest
# X-rays, pure white covers 2 % or less. A picture that uses its range has far more in the upper three quarters, which
# the next smaller range would cut off: 35 % or more in each of those X-rays.
BEYOND_RANGE = 0.02
MAX_EXIF = 65_536  # bytes: the most that a JPEG can hold
MAX_PIXELS = 40_000_000  # the largest detectors have 4k x 5k; a header that claims more is damaged or hostile
MAX_BYTES = 9 * MAX_PIXELS  # 16-bit RGBA that could not be compressed, with its names and dates


class UnreadableImageError(PxrError):
    """A file that cannot be decoded; the message is the reason, without the path."""


class InaccessibleImageError(UnreadableImageError):
    """A file that the system withholds: gone, forbidden, not regular, or too many are open. Its bytes may be good."""


class Header(NamedTuple):
    """What a file says about itself, read without decoding it."""

    format: str  # JPEG or PNG
    width: int  # pixels, of the picture as it is shown
    height: int  # pixels
    mode: str  # grey, grey16, rgb, rgb16, rgba, palette, …
    bytes: int  # of the file


_MODES = {"L": "grey", "1": "bilevel", "LA": "grey+alpha", "RGB": "rgb", "RGBA": "rgba", "P": "palette", "CMYK": "cmyk"}
# As a PNG codes them; Pillow's own modes have 8 bits, except for grey.
_DEEP_MODES = {"I;16B": "grey16", "LA;16B": "grey+alpha16", "RGB;16B": "rgb16", "RGBA;16B": "rgba16"}


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
    with _explained("damaged header"), io.BufferedReader(open_regular(path)) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            return _make_header(file, size)
        except UnreadableImageError:
            raise
        except Exception:  # perhaps only data besides the pixels are damaged
            file.seek(0)
            return _first_readable(_read_all(file), lambda data: _make_header(io.BytesIO(data), size))


def load_grey(path: str | Path, at_least: int = 0) -> np.ndarray:
    """Return the picture as uint8 [height, width], grey, 0-255, turned as its EXIF orientation says.

    Colour becomes luma (ITU-R 601), transparency is laid on black, 16-bit values are scaled by `fit_range`. If
    `at_least` > 0, a large JPEG is shrunk by 2, 4 or 8 while it is decoded; its smaller side keeps at least `at_least`
    pixels. Raises `UnreadableImageError`.
    """
    return load_as(path, to_uint8, at_least)


def load_as(path: str | Path, convert: Callable[[ImageFile], np.ndarray], at_least: int = 0) -> np.ndarray:
    """Return what `convert` makes of the file, turned as `load_grey` does; raise `UnreadableImageError`."""
    with _explained("damaged header"), open_regular(path) as file:
        return decode_as(_read_all(file), convert, at_least)


def decode_as(data: bytes, convert: Callable[[ImageFile], np.ndarray], at_least: int = 0) -> np.ndarray:
    """Return what `load_as` returns for a file that holds these bytes; raise `UnreadableImageError`."""
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


def fit_range(values: np.ndarray, brightest: np.ndarray | None = None) -> np.ndarray:
    """Return uint16 values as uint8: shifted, so linear from 0, and 255 for all above their range.

    The range is the smallest of 8, 10, 12, 14 and 16 bits that holds the `brightest` values, black and a share of
    `BEYOND_RANGE` left out. If `values` are luma, `brightest` has the brightest colour of each pixel.
    """
    judged = values if brightest is None else brightest
    allowed = BEYOND_RANGE * np.count_nonzero(judged)
    bits = next((bits for bits in DETECTOR_BITS if np.count_nonzero(judged >= 2**bits) <= allowed), 16)
    return np.minimum(values >> (bits - 8), 255).astype(np.uint8)


def load_prepared(path: str | Path, preparation: Preparation) -> np.ndarray:
    """Return a whole file as uint8 [size, size]; raise `UnreadableImageError`, or ValueError for a crop."""
    if preparation.crop != "none":
        raise ValueError(f"load_prepared shows whole pictures; received {preparation}")
    # The decoder shrinks by leaving out the high frequencies of each 8x8 block, which adds no aliasing. It rounds sizes
    # up, which moves an average by up to 1 %.
    at_least = 0 if preparation.resize == "average" else preparation.size
    return resize_grey(load_grey(path, at_least), preparation.size, preparation.resize)


@contextmanager
def _explained(damage: str) -> Iterator[None]:
    """Raise any error of the block as an `UnreadableImageError`, with the system's reason or the damage."""
    try:
        yield
    except (UnreadableImageError, MemoryError):
        raise
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error, zlib.error, …
        if isinstance(error, OSError) and error.errno:  # only the system's errors have a number
            raise InaccessibleImageError(error.strerror or str(error)) from error
        raise UnreadableImageError(f"{damage}: {' '.join(str(error).split()) or type(error).__name__}") from error


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


def _read_all(file: BinaryIO) -> bytes:
    size = os.fstat(file.fileno()).st_size
    if size > MAX_BYTES:
        raise UnreadableImageError(f"holds {size:,} bytes; at most {MAX_BYTES:,} are read")
    return file.read()


def _make_header(file: BinaryIO, size: int) -> Header:
    image = _identify(file)
    mode = deep_mode(image) or _MODES.get(image.mode, image.mode.lower())
    if image.format == "PNG" and "exif" not in image.info:
        image.info |= _find_late_exif(file)
    width, height = reversed(image.size) if _find_turn(image).exchanged else image.size
    return Header(str(image.format), width, height, mode, size)


def _decode(data: bytes, convert: Callable[[ImageFile], np.ndarray], at_least: int) -> np.ndarray:
    with _explained("damaged header"):
        image = _identify(io.BytesIO(data))
    if at_least and image.format == "JPEG":
        scale = min(image.size) / at_least  # Pillow takes the size as a lower bound for both sides
        image.draft("L", (math.ceil(image.width / scale), math.ceil(image.height / scale)) if scale > 1 else None)
    with _explained(f"damaged {image.format}"):
        return _turn(convert(image), _find_turn(image))


def _identify(file: BinaryIO) -> ImageFile:
    """Return a file as a JPEG or a PNG, whatever its name; check the size that it declares.

    `Image.open` is not used: it warns above 89 million pixels, and only a global setting of Pillow turns that off.
    """
    start = file.read(max(map(len, SIGNATURES)))
    reader = next((reader for signature, reader in SIGNATURES.items() if start.startswith(signature)), None)
    if reader is None:
        raise UnreadableImageError("not a JPEG or PNG" if start else "empty file")
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


def deep_mode(image: ImageFile) -> str | None:
    """Return the mode of a file with 16 bits per value; None for other files, and for a decoded file."""
    return _DEEP_MODES.get(image.tile[0].args) if image.format == "PNG" and image.tile else None


def to_uint8(image: ImageFile) -> np.ndarray:
    """Return an open file's pixels as uint8 [height, width]: see `load_grey`."""
    deep = deep_mode(image)
    if deep == "grey16":
        values, transparent = np.asarray(image), image.info.get("transparency")
        return fit_range(values if transparent is None else np.where(values == transparent, 0, values))
    if deep:
        return _load_deep_colour(image)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba)
    return np.array(image if image.mode == "L" else image.convert("L"))


def _load_deep_colour(image: ImageFile) -> np.ndarray:
    """Return a PNG in memory, with several channels of 16 bits, as uint8 [height, width]; close it."""
    data = np.frombuffer(image.fp.getvalue(), np.uint8)
    image.load()  # for its checks alone; the decoded pixels, 160 MB of the largest picture, are freed
    image.close()
    values = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16 or values.ndim != 3:
        raise ValueError("OpenCV cannot read its 16-bit colours")
    brightest = np.maximum(values[..., 0], values[..., 1])
    np.maximum(brightest, values[..., 2], out=brightest)
    if values.shape[2] == 3:
        return fit_range(cv2.cvtColor(values, cv2.COLOR_BGR2GRAY), brightest)
    alpha = values[..., 3]
    brightest[alpha == 0] = 0
    grey = fit_range(cv2.cvtColor(values, cv2.COLOR_BGRA2GRAY), brightest)
    return cv2.multiply(grey, alpha, scale=1 / 65535, dtype=cv2.CV_8U)


def _scale(image: np.ndarray, height: int, width: int) -> np.ndarray:
    if image.shape == (height, width):
        return image
    if height * width >= image.shape[0] * image.shape[1]:
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    if image.shape[0] < 3 * height and image.shape[1] < 3 * width:
        # OpenCV averages 2 x 2 pixels three times as fast as areas of odd sizes, and as smoothly.
        image = cv2.resize(image, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR)
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
