"""Fingerprints: what a picture shows, in 32 x 32 numbers, so that one picture in two files is found.

The bytes of a file tell exact copies only. Thumbnails also tell those that were coded anew or resized: 32 x 32 grey
thumbnails that correlate above 0.99 are one picture. In Kermany's and Cohen's sets that finds four pairs which neither
bytes nor ids tell, and no two pictures of different patients beside them come above 0.975.
"""

import cv2
import numpy as np
from numpy.typing import ArrayLike

SIDE = 32  # pixels
TWINS = 0.99  # correlation
FLAT = 0.1  # grey levels, standard deviation: less is what rounding leaves of a picture of one grey
TILE = 2048  # fingerprints per side of a block of correlations: 16 MB


def fingerprints(pixels: np.ndarray, rows: ArrayLike) -> np.ndarray:
    """Return float32 [rows, 1024]: area-averaged thumbnails, centred and scaled to unit length.

    `pixels` is uint8 [pictures, size, size], `rows` numbers of pictures. The product of two fingerprints is the
    correlation of their thumbnails. A picture of one grey has no correlation; it gets zeros.
    """
    rows = np.asarray(rows, np.int64)
    thumbnails = np.empty((len(rows), SIDE * SIDE), np.float32)
    for place, row in enumerate(rows):
        small = cv2.resize(pixels[row].astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        thumbnails[place] = small.reshape(-1)
    thumbnails -= thumbnails.mean(1, keepdims=True)
    lengths = np.linalg.norm(thumbnails, axis=1, keepdims=True)
    return np.divide(thumbnails, lengths, out=np.zeros_like(thumbnails), where=lengths > FLAT * SIDE)


def find_twins(fingerprints: np.ndarray, threshold: float = TWINS, *, tile: int = TILE) -> np.ndarray:
    """Return int64 [pairs, 2]: the places i < j of all fingerprints that correlate above the threshold, in order.

    All pairs are compared, in blocks: 14,000 pictures take seconds, and memory does not grow with their number.
    """
    found = [np.empty((0, 2), np.int64)]
    for top in range(0, len(fingerprints), tile):
        for left in range(top, len(fingerprints), tile):
            similar = fingerprints[top : top + tile] @ fingerprints[left : left + tile].T > threshold
            pairs = np.argwhere(similar) + np.array([top, left])
            found.append(pairs[pairs[:, 0] < pairs[:, 1]])
    pairs = np.concatenate(found)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
