"""How a picture is taken and stored: what differs between hospitals, and between classes with a shortcut."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np


class Acquisition(NamedTuple):
    """Properties of a picture that say nothing about the lungs; the defaults change nothing."""

    body_size: float = 1.0  # how much of the frame the chest fills, as a factor; drawn by `anatomy.draw_chest`
    contrast: float = 1.0  # slope of the tone curve at middle grey
    polarity: float = 0.0  # 1 = a negative; below 1 only the brightest greys are inverted
    resolution: float = 1.0  # share of the pixels of a side that the picture had before it was enlarged
    border: float = 0.0  # width of a black frame, as a share of its full width
    marker: float = 0.0  # brightness of a letter over the background: 1 = white
    quality: float = 92  # of JPEG


PLAIN = Acquisition()
DENSEST = 0.8  # share of the grey scale; the 99th percentile of a phantom is 0.6 to 0.9, on average 0.76


def acquire(image: np.ndarray, acquisition: Acquisition) -> np.ndarray:
    """Return an image, uint8 [size, size], as this acquisition shows it: all but body size and JPEG quality."""
    image = cv2.LUT(image, _tone_curve(acquisition.contrast, acquisition.polarity))
    image = plant_marker(_add_border(_coarsen(image, acquisition.resolution), acquisition.border), acquisition.marker)
    return image


def write_picture(path: Path, image: np.ndarray, quality: float = PLAIN.quality) -> None:
    """Write a uint8 image as its name says, .jpeg or .png; the quality is that of JPEG."""
    options = [cv2.IMWRITE_JPEG_QUALITY, round(quality)] if path.suffix == ".jpeg" else []
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, image, options)[1].tobytes())


def plant_marker(image: np.ndarray, brightness: float = 1.0) -> np.ndarray:
    """Draw a letter into the top left corner of an image, uint8 [size, size], and return it; 1 = white."""
    if brightness == 0:
        return image
    size = len(image)
    corner = (round(0.07 * size), round(0.17 * size))
    white = image.copy()
    cv2.putText(white, "R", corner, cv2.FONT_HERSHEY_SIMPLEX, size / 250, 255, max(1, size // 80), cv2.LINE_AA)
    image[:] = np.rint(image + brightness * (white.astype(float) - image))
    return image


def _tone_curve(contrast: float, polarity: float) -> np.ndarray:
    """Return the grey, uint8 [256], that each grey becomes.

    The curve has the shape of a film's: it multiplies the log odds of a grey by `contrast`, so middle grey, black and
    white stay. `polarity` mirrors the greys above a threshold, which falls from `DENSEST` to black (solarisation).
    A mean of a picture and its negative would be an empty picture half-way.
    """
    grey = np.linspace(0, 1, 256)
    grey = grey**contrast / (grey**contrast + (1 - grey) ** contrast)
    if polarity:
        threshold = DENSEST * (1 - polarity)
        grey = threshold - np.abs(grey - threshold) + max(0, 1 - 2 * threshold)
    return np.rint(255 * grey.clip(0, 1)).astype(np.uint8)


def _coarsen(image: np.ndarray, resolution: float) -> np.ndarray:
    size = len(image)
    fewer = max(2, round(resolution * size))
    if fewer >= size:
        return image
    small = cv2.resize(image, (fewer, fewer), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC)


def _add_border(image: np.ndarray, share: float) -> np.ndarray:
    """Return the image with a black frame; the full width is a twentieth of the image. Parts of a pixel are grey."""
    if share == 0:
        return image
    from_edge = np.minimum(np.arange(len(image)), np.arange(len(image))[::-1])
    depth = np.minimum.outer(from_edge, from_edge)
    covered = np.clip(share * max(1, len(image) // 20) - depth, 0, 1)
    return np.rint(image * (1 - covered)).astype(np.uint8)
