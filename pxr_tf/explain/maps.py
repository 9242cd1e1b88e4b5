"""What is done with raw maps: brought to the picture's size, and split by sign."""

from typing import NamedTuple

import cv2
import numpy as np


class Views(NamedTuple):
    """The four views of a signed map, each float32 and shaped as it."""

    absolute: np.ndarray  # how much a place matters
    positive: np.ndarray  # what speaks for the class; 0 elsewhere
    negative: np.ndarray  # what speaks against it, as values above 0; 0 elsewhere
    signed: np.ndarray


def views(maps: np.ndarray) -> Views:
    """Return absolute, positive, negative and signed views, as Novokshanov, "Pneumonia X-Ray Classification", has them.

    Written for Guided Grad-CAM: without rectifying its signs away, a guided gradient below 0 says where a *darker*
    pixel would raise the logit.
    """
    maps = np.asarray(maps, np.float32)
    return Views(np.abs(maps), np.maximum(maps, 0), np.maximum(-maps, 0), maps)


def at_picture_size(maps: np.ndarray, size: int) -> np.ndarray:
    """Return float32 [n, size, size] of [n, h, w]: bilinear, and constant beyond the centres of the outer cells.

    Cell i of 7 covers pixels 32 i to 32 i + 31 of 224, and its value lies at their centre, as the Grad-CAM authors
    have it (OpenCV's resize); tf-keras-vis 0.8.7 puts the outer cells' centres on the picture's outermost pixels, which
    moves what they show by half a cell, 16 of 224 pixels, towards the border.
    """
    maps = np.asarray(maps, np.float32)
    if maps.shape[1:] == (size, size):
        return maps
    return np.stack([cv2.resize(one, (size, size), interpolation=cv2.INTER_LINEAR) for one in maps])
