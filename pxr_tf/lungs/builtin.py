"""The atlas that needs no data: phantoms, whose lungs are known exactly."""

from functools import partial
from pathlib import Path

from pxr_tf.lungs.atlas import Atlas, Pair
from pxr_tf.lungs.contrast import SIDE
from pxr_tf.lungs.stored import open_atlas
from pxr_tf.phantoms.anatomy import draw_chest
from pxr_tf.phantoms.diseases import DISEASES

VERSION = 2  # raise it when the same number would be another pair
PAIRS = 60


def builtin_atlas(cache: Path) -> Atlas:
    """Return the atlas of phantoms, drawn the first time and kept below `cache`."""
    return open_atlas(cache, {f"phantom-{VERSION}-{number}": partial(_draw, number) for number in range(PAIRS)})


def _draw(number: int) -> Pair:
    chest = draw_chest(number, 0, SIDE, list(DISEASES.values())[number % len(DISEASES)])
    return chest.image, chest.whole_lungs
