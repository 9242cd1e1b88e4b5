"""Hand-made features of thumbnails, for the gate: grey values and the directions of edges. No network is needed."""

import numpy as np

from pxr_tf.pictures.fingerprints import THUMBNAIL

SIDE = THUMBNAIL.size  # pixels of a thumbnail's side
_COARSE = 2  # pixels per side that one grey value is the mean of
_CELL = 4  # pixels per side of a cell whose edges are counted
_BINS = 12  # directions, 30 degrees apart: bright to dark is another one than dark to bright
_FLAT = 4  # grey levels, standard deviation: below it, noise would be stretched
_LARGEST = 0.4  # share of a cell's edges in one direction above which a feature no longer grows
NUMBERS = (SIDE // _COARSE) ** 2 + (SIDE // _CELL) ** 2 * _BINS


def describe(thumbnails: np.ndarray) -> np.ndarray:
    """Return float32 [n, `NUMBERS`] of uint8 [n, 32, 32]: what a picture shows, whatever its contrast.

    The directions are histograms of oriented gradients (Dalal and Triggs, CVPR 2005) with signed directions.
    """
    values = thumbnails.astype(np.float32)
    values -= values.mean((1, 2), keepdims=True)
    values /= values.std((1, 2), keepdims=True) + _FLAT
    return np.concatenate([_blocks(values, _COARSE).reshape(len(values), -1) / _COARSE, _directions(values)], axis=1)


def _directions(values: np.ndarray) -> np.ndarray:
    """Return float32 [n, cells * directions]: the share of each cell's edges in each direction."""
    padded = np.pad(values, ((0, 0), (1, 1), (1, 1)), mode="edge")
    across, down = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2], padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    strength = np.hypot(across, down)
    place = np.arctan2(down, across) * (_BINS / (2 * np.pi))
    cells = [
        _blocks(strength * np.maximum(0, 1 - np.abs((place - number + _BINS / 2) % _BINS - _BINS / 2)), _CELL)
        for number in range(_BINS)
    ]
    found = np.stack(cells, axis=-1)  # [n, cells, cells, directions]
    energy = np.pad((found**2).sum(-1), ((0, 0), (1, 1), (1, 1)), mode="edge")
    rows, columns = found.shape[1:3]
    around = sum(energy[:, y : y + rows, x : x + columns] for y in range(3) for x in range(3)) / 9
    norm = np.sqrt(around)[..., None] + strength.mean((1, 2))[:, None, None, None] / 100 + 1e-6
    return np.minimum(found / norm, _LARGEST).reshape(len(values), -1)


def _blocks(values: np.ndarray, side: int) -> np.ndarray:
    """Return the means of blocks of side x side pixels, [n, height / side, width / side]."""
    number, height, width = values.shape
    return values.reshape(number, height // side, side, width // side, side).mean((2, 4))
