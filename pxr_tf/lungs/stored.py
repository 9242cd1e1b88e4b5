"""Atlases on the disk: prepared once, kept under the content of their pairs."""

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np

from pxr_tf import arrays, files
from pxr_tf.lungs.atlas import LungAtlas, LungPair, build_atlas, prepare_pairs, shrink_pair
from pxr_tf.lungs.contrast import ATLAS_SIDE

_VERSION = 2  # raise it when the same pairs would be prepared to other bytes


def open_stored_atlas(cache: Path, pairs: Mapping[str, Callable[[], LungPair]]) -> LungAtlas:
    """Return the atlas of these pairs (name of the content -> how to get it); where it is stored none is asked for.

    It is kept in ``<cache>/atlas-<key>``. A pair is uint8 [h, w] and bool [h, w]. What getting one raises is raised,
    and then nothing is stored.
    """
    folder = cache / f"atlas-{files.digest(_VERSION, ATLAS_SIDE, cv2.__version__, *sorted(pairs))}"
    names = sorted(pairs)
    if arrays.missing_keys(folder, names):
        prepared = prepare_pairs([shrink_pair(*pairs[name]()) for name in names])
        with arrays.open_writer(folder, (2, ATLAS_SIDE, ATLAS_SIDE), np.uint8) as writer:
            missing = set(writer.missing(names))
            rows = {name: np.stack(pair) for name, pair in zip(names, prepared, strict=True) if name in missing}
            writer.append(list(rows), rows.values())
    stored = arrays.load_array(folder)
    return build_atlas([tuple(stored.values[stored.rows[name]]) for name in names])
