"""One image file -> one uint8 grey array.

JPEG and PNG; 8 and 16 bit; grey, RGB, RGBA and palette. Pillow decodes: it reports truncation and broken checksums,
which OpenCV passes over in silence, and lets the JPEG decoder itself shrink a large picture. OpenCV resizes.
"""

import math
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from pxr_tf.errors import PxrError
from pxr_tf.pictures.preparation import Preparation, ResizeMode

SIGNATURES = {b"\xff\xd8\xff": JpegImageFile, b"\x89PNG\r\n\x1a\n": PngImageFile}
MAX_PIXELS = 40_000_000  # the largest detectors have 4k x 5k; a header that claims more is damaged or hostile


class UnreadableImageError(PxrError):
    """A file that cannot be decoded; the message is the reason, without the path."""


class InaccessibleImageError(UnreadableImageError):
    """A file that the system does not hand out: it is gone, forbidden, or too many are open. Its bytes may be good."""


class Header(NamedTuple):
    """What a file says of itself, read without decoding it."""

    format: str  # JPEG or PNG
    width: int  # pixels
    height: int  # pixels
    mode: str  # grey, grey16, rgb, rgba, palette, …
    bytes: int  # of the file


_MODES = {"L": "grey", "1": "bilevel", "LA": "grey+alpha", "RGB": "rgb", "RGBA": "rgba", "P": "palette", "CMYK": "cmyk"}


def read_header(path: str | Path) -> Header:
    """Return the file's header; raise `UnreadableImageError` where there is none."""
    with _open(path) as image:
        mode = "grey16" if image.mode.startswith("I") else _MODES.get(image.mode, image.mode.lower())
        return Header(str(image.format), image.width, image.height, mode, Path(path).stat().st_size)


def load_grey(path: str | Path, at_least: int = 0) -> np.ndarray:
    """Return the picture as uint8 [height, width], grey, 0-255.

    Colour becomes luma (ITU-R 601), transparency is laid on black, 16-bit values are scaled from the smallest range
    (8, 10, 12, 14 or 16 bits) that holds their maximum. With `at_least` > 0 a large JPEG is shrunk by 2, 4 or 8
    while it is decoded, its smaller side staying at or above `at_least` pixels. Raises `UnreadableImageError`.
    """
    with _open(path) as image:
        if at_least and image.format == "JPEG":
            scale = min(image.size) / at_least  # Pillow takes the size as a lower bound for both sides
            image.draft("L", (math.ceil(image.width / scale), math.ceil(image.height / scale)) if scale > 1 else None)
        try:
            return _to_uint8(image)
        except MemoryError:
            raise
        except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error, zlib.error
            raise _explain(error, f"damaged {image.format}") from error


def resize_grey(image: np.ndarray, size: int, resize: ResizeMode) -> np.ndarray:
    """Return the uint8 picture [height, width] as uint8 [size, size].

    ``squash`` scales both sides to `size`, the aspect is lost; ``pad`` keeps it and centres the picture on black;
    ``average`` is ``squash`` without short cuts: every pixel is the mean of the area that it covers.
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


def load_prepared(path: str | Path, preparation: Preparation) -> np.ndarray:
    """Return the file as the networks see it: uint8 [size, size]. Raises `UnreadableImageError`."""
    # The decoder shrinks by leaving out the high frequencies of each 8x8 block, which adds no aliasing. It rounds sizes
    # up, which moves an average by up to 1 %.
    at_least = 0 if preparation.resize == "average" else preparation.size
    return resize_grey(load_grey(path, at_least), preparation.size, preparation.resize)


def _open(path: str | Path) -> ImageFile:
    """Open a file as a JPEG or a PNG, whatever its name says, and check the size that it declares.

    `Image.open` is not used: it warns of more than 89 million pixels, which only a setting of all Pillow turns off.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            start = file.read(max(map(len, SIGNATURES)))
        reader = next((reader for signature, reader in SIGNATURES.items() if start.startswith(signature)), None)
        if reader is None:
            raise UnreadableImageError("not a JPEG or PNG" if start else "empty file")
        image = reader(path)
    except (OSError, SyntaxError, ValueError, ArithmeticError, LookupError) as error:
        raise _explain(error, "damaged header") from error
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise UnreadableImageError(f"declares {image.width} x {image.height} pixels; at most {MAX_PIXELS:,} are read")
    return image


def _explain(error: Exception, damage: str) -> UnreadableImageError:
    """Return what is wrong with a file; Pillow raises OSError for damage, too, but only the system's has a number."""
    if isinstance(error, OSError) and error.errno:
        return InaccessibleImageError(error.strerror or str(error))
    return UnreadableImageError(f"{damage}: {error or type(error).__name__}")


def _to_uint8(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I"):  # 16-bit grey
        values = np.asarray(image).astype(np.int64)
        highest = int(values.max())
        bits = next(bits for bits in (8, 10, 12, 14, 16) if highest < 2**bits)
        return (values >> (bits - 8)).clip(0).astype(np.uint8)
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
        # Averages of 2 x 2 are what OpenCV does fast: three times as fast as areas of odd sizes, and as smooth.
        image = cv2.resize(image, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR)
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
