"""Draw maps as colours over an X-ray, which stays visible below them.

Green supports the class, red counts against it: bluish green and vermilion from the palette of Okabe and Ito ("Color
Universal Design", 2008), which people who confuse red and green can distinguish. The legend adds a plus and a minus.
Maps without a sign use matplotlib's viridis, whose lightness alone shows the order.
"""

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

SUPPORTS, AGAINST = (0, 158, 115), (213, 94, 0)  # RGB
_LUNGS = (86, 180, 233)  # sky blue of the same palette: the outline
FULL = 99.5  # percentile of a map's strength at which its colour is full: gradients have single extreme pixels
MOST = 0.62  # the map's largest share of a pixel's colour; the X-ray gives the rest
_LEAST = 0.02  # of the full strength: below it nothing is drawn


class Painted(NamedTuple):
    """A picture, and the map's value at which its colour is full."""

    pixels: np.ndarray  # uint8 [side, side, 3]
    full: float


def paint(picture: np.ndarray, values: np.ndarray, side: int, *, signed: bool, full: float | None = None) -> Painted:
    """Return a picture, uint8 [size, size], at `side` pixels with a map over it; opacity shows its strength.

    `values` is float [any height, any width]. Colours are full from strength `full` on (default: percentile `FULL`).
    """
    full = full_strength(values) if full is None else full
    steps = _steps(values, side, full, signed=signed)
    grey = enlarge(picture, side)[..., None].astype(np.float32)
    opacity = opacities(signed)[steps][..., None]
    return Painted((grey + (colours(signed)[steps] - grey) * opacity + 0.5).astype(np.uint8), full)


def fade(values: np.ndarray, side: int, *, signed: bool) -> np.ndarray:
    """Return a map's colours alone, RGBA, uint8 [side, side, 4]: laid over a picture, they look as `paint` does."""
    steps = _steps(values, side, full_strength(values), signed=signed)
    opacity = np.round(opacities(signed)[steps] * 255)[..., None]
    return np.concatenate([colours(signed)[steps], opacity], axis=2).astype(np.uint8)


def _steps(values: np.ndarray, side: int, full: float, *, signed: bool) -> np.ndarray:
    """Return the step of `colours` at each pixel, uint8 [side, side]."""
    wide = cv2.resize(values.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
    share = np.clip(wide / full, -1, 1) if full else np.zeros_like(wide)
    return np.round((share + 1) / 2 * 255 if signed else np.maximum(share, 0) * 255).astype(np.uint8)


def full_strength(values: np.ndarray) -> float:
    """Return the strength of a map at which its colour is full; 0 for a map that is zero everywhere."""
    strength = np.abs(values)
    return float(np.percentile(strength, FULL) or strength.max())


def enlarge(picture: np.ndarray, side: int) -> np.ndarray:
    """Return a picture, uint8 [size, size], at `side` pixels."""
    smaller = side < len(picture)
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)


def outline(pixels: np.ndarray, mask: np.ndarray) -> None:
    """Draw the border of a mask, bool [any, any], into pixels, uint8 [side, side, 3], one pixel wide."""
    side = len(pixels)
    wide = cv2.resize(mask.astype(np.uint8) * np.uint8(255), (side, side), interpolation=cv2.INTER_LINEAR)
    lines, _ = cv2.findContours((wide > 127).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(pixels, lines, -1, _LUNGS, 1, cv2.LINE_AA)


@lru_cache
def colours(signed: bool) -> np.ndarray:
    """Return float32 [256, 3]: the colour of each step; in signed maps zero is in the middle."""
    if signed:
        return np.array([AGAINST] * 128 + [SUPPORTS] * 128, np.float32)
    from matplotlib import colormaps

    return (colormaps["viridis"](np.linspace(0.25, 1, 256))[:, :3] * 255).astype(np.float32)


@lru_cache
def opacities(signed: bool) -> np.ndarray:
    """Return float32 [256]: the map's share of a pixel's colour at each step; 0 below `_LEAST`."""
    share = np.linspace(0, 1, 256, dtype=np.float32)
    strength = np.abs(2 * share - 1) if signed else share
    return np.where(strength < _LEAST, 0, MOST * strength**0.75).astype(np.float32)
