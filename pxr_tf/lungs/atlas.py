"""Chest X-rays whose lungs are known, prepared for comparison with others."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pxr_tf import files
from pxr_tf.lungs.contrast import SIDE, even_out, shrink

VERSION = 1  # raise it when the same atlas would find other lungs in the same picture
THUMBNAIL = 32  # pixels: what two chests are compared by


@dataclass(frozen=True)
class Atlas:
    """Pairs of an X-ray and its lungs; arrays are [pairs, SIDE, SIDE] unless they say otherwise."""

    pictures: np.ndarray  # uint8, `even_out`
    masks: np.ndarray  # float32, the share of each pixel that is lung
    thumbnails: np.ndarray  # float32 [pairs, THUMBNAIL * THUMBNAIL], mean 0 and length 1
    mean: np.ndarray  # float32 [SIDE, SIDE], of all pictures
    digest: str  # another one for every atlas that may find other lungs


def prepare_pair(picture: np.ndarray, lungs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (picture, lungs) as an atlas has them: uint8 [SIDE, SIDE] both, 255 = all lung.

    `picture` is uint8 [h, w], `lungs` bool [h, w].
    """
    return even_out(shrink(picture, SIDE)), shrink(lungs.astype(np.uint8) * np.uint8(255), SIDE)


def make_atlas(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> Atlas:
    """Return the atlas of pairs that `prepare_pair` made; there must be one at least."""
    both = np.stack([np.stack(pair) for pair in pairs])
    pictures, masks = np.ascontiguousarray(both[:, 0]), both[:, 1].astype(np.float32) / 255
    thumbnails = np.stack([describe(picture) for picture in pictures])
    content = hashlib.blake2b(both.tobytes(), digest_size=8).hexdigest()
    return Atlas(pictures, masks, thumbnails, pictures.mean(0, dtype=np.float32), files.digest(VERSION, content))


def describe(picture: np.ndarray) -> np.ndarray:
    """Return the thumbnail of an evened-out picture as a vector of mean 0 and length 1."""
    values = shrink(picture, THUMBNAIL).astype(np.float32).ravel()
    values -= values.mean()
    return values / (np.linalg.norm(values) + 1e-6)
