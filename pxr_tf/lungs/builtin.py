"""The atlas that needs no data: phantoms, whose lungs are known exactly."""

from functools import partial
from pathlib import Path

import numpy as np

from pxr_tf.lungs.atlas import LungAtlas, LungPair, open_stored_atlas
from pxr_tf.lungs.contrast import ATLAS_SIDE
from pxr_tf.phantoms.anatomy import Pose, draw_chest
from pxr_tf.phantoms.diseases import DISEASES

_VERSION = 3  # raise it when the same number would be another pair
_PAIRS = 72
# Wider than the phantoms that networks are trained on: people in bed breathe out and their diaphragm stands high.
_TURN, _ZOOM, _INSPIRATION = (-6.0, 6.0), (0.8, 1.05), (-0.3, 0.08)  # degrees; factor; anatomy units


def builtin_atlas(cache: Path) -> LungAtlas:
    """Return the atlas of phantoms, drawn the first time (seconds) and kept below `cache`."""
    return open_stored_atlas(
        cache, {f"phantom-{_VERSION}-{number:02d}": partial(draw_pair, number) for number in range(_PAIRS)}
    )


def draw_pair(number: int) -> LungPair:
    """Return one of the phantoms and its whole lungs: as the public masks have them, with what the heart hides."""
    rng = np.random.default_rng(number)
    pose = Pose(*(rng.uniform(*bounds) for bounds in (_TURN, _ZOOM, _INSPIRATION)))
    chest = draw_chest(number, 0, ATLAS_SIDE, list(DISEASES.values())[number % len(DISEASES)], pose)
    return chest.image, chest.whole_lungs
