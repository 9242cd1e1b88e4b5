"""The atlas that needs no data: phantoms, whose lungs are known exactly."""

from functools import partial
from pathlib import Path

import numpy as np

from pxr_tf.lungs.atlas import Atlas, Pair
from pxr_tf.lungs.contrast import SIDE
from pxr_tf.lungs.stored import open_atlas
from pxr_tf.phantoms.anatomy import Pose, draw_chest
from pxr_tf.phantoms.diseases import DISEASES

VERSION = 3  # raise it when the same number would be another pair
PAIRS = 72
# Wider than the phantoms that networks are trained on: people in bed breathe out and their diaphragm stands high.
TURN, ZOOM, INSPIRATION = (-6.0, 6.0), (0.8, 1.05), (-0.3, 0.08)  # degrees; factor; anatomy units


def builtin_atlas(cache: Path) -> Atlas:
    """Return the atlas of phantoms, drawn the first time (seconds) and kept below `cache`."""
    return open_atlas(cache, {f"phantom-{VERSION}-{number:02d}": partial(draw_pair, number) for number in range(PAIRS)})


def draw_pair(number: int) -> Pair:
    """Return one of the phantoms and its whole lungs: as the public masks have them, with what the heart hides."""
    rng = np.random.default_rng(number)
    pose = Pose(*(rng.uniform(*bounds) for bounds in (TURN, ZOOM, INSPIRATION)))
    chest = draw_chest(number, 0, SIDE, list(DISEASES.values())[number % len(DISEASES)], pose)
    return chest.image, chest.whole_lungs
