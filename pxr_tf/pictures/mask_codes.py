"""Read a lung mask in any usual coding, and say why a mask cannot show lungs.

The background is black. Lungs are white, or have grey levels, colours or numbers: 1, or 1 and 2 for left and right.
Borders may be smooth, or blurred by JPEG.
"""

from pathlib import Path

import cv2
import numpy as np
from PIL.ImageFile import ImageFile

from pxr_tf.errors import PxrError
from pxr_tf.pictures.decode import UnreadableImageError, deep_mode, load_as, to_uint8

MASKS_VERSION = 2  # raise it when the same mask file would be read differently
CODINGS = "accepted: white (255), coloured or numbered (1, 2, …) lungs on black"
_NUMBERS = 32  # a mask whose highest level is at most this is numbered: every level above 0 is lung
_BLACK = 1 / 16  # of the highest level: lower levels are background, because JPEG adds some to black
_CODE = 0.15  # a level is a code if it has this share of the pixels of the most frequent code, as the smaller lung has
_ALIKE = 0.75  # of the highest level: if all codes are above it, they are one code that JPEG blurred
# Area of the lungs as a share of the picture: 0.09 to 0.61 in 72 films of adults.
_SMALLEST, _LARGEST = 0.02, 0.8
# Share of the lung pixels that do not have one of the `_FEW` most frequent levels. 287 of 288 X-rays have 0.57 or more,
# 72 masks of 48 pixels with smooth borders, coded as JPEG, 0.45 or less.
_FEW, _SPREAD = 8, 0.5
_EDGE = 0.5  # share of the picture's outermost pixels that are lung: 0.03 at most in those films


def read_mask(path: Path) -> np.ndarray:
    """Return a mask as bool [h, w]; raise `PxrError` if it cannot be read, or is an X-ray rather than a mask."""
    try:
        values = load_as(path, _to_brightest)
    except UnreadableImageError as error:
        raise PxrError(f"The mask {path} cannot be read: {error}. Replace or remove it.") from error
    highest = int(values.max())
    counts = np.bincount(values.ravel())
    counts[: 1 if highest <= _NUMBERS else int(np.ceil(_BLACK * highest))] = 0
    if highest > _NUMBERS and np.sort(counts)[:-_FEW].sum() > _SPREAD * counts.sum():
        raise PxrError(f"The mask {path} has as many grey levels as an X-ray; {CODINGS}. Replace or remove it.")
    codes = np.flatnonzero(counts > (0 if highest <= _NUMBERS else _CODE * counts.max()))
    lowest = highest if not len(codes) or codes[0] > _ALIKE * highest else int(codes[0])
    return values >= max(1, (lowest + 1) // 2)


def check_lungs(path: Path, mask: np.ndarray) -> None:
    """Raise `PxrError` if a mask, bool [h, w], cannot show lungs."""
    reason = why_no_lungs(mask)
    if reason:
        raise PxrError(f"The mask {path} {reason}; {CODINGS}. Correct or remove it.")


def why_no_lungs(mask: np.ndarray) -> str:
    """Return why a mask, bool [h, w], cannot show lungs, after "the mask"; "" if it can."""
    area = float(mask.mean())
    edge = float(np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]]).mean())
    if area in (0, 1):
        return "is empty" if area == 0 else "has one colour: all of it is lung"
    if edge > _EDGE:
        return f"has lung on {_percent(edge)} of the picture's edge, so it may be inverted"
    if not _SMALLEST <= area <= _LARGEST:
        return f"covers {_percent(area)} of the picture, but lungs cover {_percent(_SMALLEST)} to {_percent(_LARGEST)}"
    return ""


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


def _to_brightest(image: ImageFile) -> np.ndarray:
    """Return each pixel's brightest colour, on black; the opacity of a picture of one colour; the luma of 16 bits."""
    if deep_mode(image) or image.mode == "L":
        return to_uint8(image)
    rgba = np.asarray(image.convert("RGBA"))
    colours, opacity = rgba[..., :3], rgba[..., 3]
    if (colours == colours[0, 0]).all():
        return np.where(colours.any(), opacity, 0) if opacity.min() == 255 else opacity
    return cv2.multiply(np.ascontiguousarray(colours.max(axis=2)), np.ascontiguousarray(opacity), scale=1 / 255)
