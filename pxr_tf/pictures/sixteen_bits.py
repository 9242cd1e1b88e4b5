"""Pictures of 16 bits as 8 bits: the range that their values use, and the colours that Pillow cannot read."""

import cv2
import numpy as np
from PIL.ImageFile import ImageFile

DETECTOR_BITS = (8, 10, 12, 14)  # 16-bit values have one of these ranges, or all 16 bits
# Share of the pixels that are not black. Hot pixels and burnt-in text cover less: in all but 5 of 6,233 public chest
# X-rays, pure white covers 2 % or less. A picture that uses its range has far more in the upper three quarters, which
# the next smaller range would cut off: 35 % or more in each of those X-rays.
BEYOND_RANGE = 0.02
# As a PNG codes them; Pillow's own modes have 8 bits, except for grey.
_DEEP_MODES = {"I;16B": "grey16", "LA;16B": "grey+alpha16", "RGB;16B": "rgb16", "RGBA;16B": "rgba16"}


def fit_range(values: np.ndarray, brightest: np.ndarray | None = None) -> np.ndarray:
    """Return uint16 values as uint8: shifted, so linear from 0, and 255 for all above their range.

    The range is the smallest of 8, 10, 12, 14 and 16 bits that holds the `brightest` values, black and a share of
    `BEYOND_RANGE` left out. If `values` are luma, `brightest` has the brightest colour of each pixel.
    """
    judged = values if brightest is None else brightest
    allowed = BEYOND_RANGE * np.count_nonzero(judged)
    bits = next((bits for bits in DETECTOR_BITS if np.count_nonzero(judged >= 2**bits) <= allowed), 16)
    return np.minimum(values >> (bits - 8), 255).astype(np.uint8)


def deep_mode(image: ImageFile) -> str | None:
    """Return the mode of a file with 16 bits per value; None for other files, and for a decoded file."""
    return _DEEP_MODES.get(image.tile[0].args) if image.format == "PNG" and image.tile else None


def load_deep_colour(image: ImageFile) -> np.ndarray:
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
