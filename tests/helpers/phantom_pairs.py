"""Phantoms as pairs of a picture and its lungs, and an atlas of eight pairs; made once per process."""

from functools import cache

from pxr_tf.lungs.atlas import LungAtlas, LungPair, build_atlas, prepare_pairs, shrink_pair
from pxr_tf.phantoms.anatomy import draw_chest

SIZE = 96


@cache
def phantom_pair(patient: int, size: int = SIZE) -> LungPair:
    chest = draw_chest(patient, 0, size)
    return chest.image, chest.whole_lungs


@cache
def phantom_atlas() -> LungAtlas:
    return build_atlas(prepare_pairs([shrink_pair(*phantom_pair(patient)) for patient in range(8)]))
