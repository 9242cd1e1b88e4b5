"""Atlases on the disk: each pair is prepared once and kept under its content."""

from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path

import numpy as np

from pxr_tf import arrays, files
from pxr_tf.lungs.atlas import Atlas, make_atlas, prepare_pair
from pxr_tf.lungs.contrast import SIDE

VERSION = 1  # raise it when the same pair would be prepared to other bytes

Pair = tuple[np.ndarray, np.ndarray]  # uint8 [h, w] and bool [h, w], the picture and its lungs


def open_atlas(cache: Path, pairs: Mapping[str, Callable[[], Pair]]) -> Atlas:
    """Return the atlas of these pairs (name of the content -> how to get it); those that are stored are not asked for.

    They are kept in ``<cache>/atlas-<key>``, for all atlases. What a pair raises is raised, and then nothing is stored.
    """
    folder = cache / f"atlas-{files.digest(VERSION, SIDE, metadata.version('opencv-python'))}"
    if arrays.missing_keys(folder, pairs):
        with arrays.open_writer(folder, (2, SIDE, SIDE), np.uint8) as writer:
            missing = writer.missing(pairs)
            writer.append(missing, [np.stack(prepare_pair(*pairs[name]())) for name in missing])
    stored = arrays.load_array(folder)
    return make_atlas([tuple(stored.values[stored.rows[name]]) for name in pairs])
