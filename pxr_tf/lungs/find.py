"""Find the lungs in any frontal chest X-ray, with an atlas or with a network that was trained for it.

The atlas follows Candemir et al. 2014 (IEEE TMI 33:577). The picture is evened out, and an affine map aligns it with
the atlas's mean picture. Optical flow bends the most similar atlas pictures to it, and their lungs vote: each pixel is
weighted by how alike the two pictures are around it.
"""

from typing import NamedTuple

import cv2
import numpy as np
from scipy import ndimage

from pxr_tf.lungs.align import align, pull
from pxr_tf.lungs.atlas import LungAtlas, compare_shape, make_thumbnail
from pxr_tf.lungs.confidence import (
    Evidence,
    NetworkEvidence,
    find_surroundings,
    keep_confidence,
    measure_contrast,
    rate,
)
from pxr_tf.lungs.contrast import ATLAS_SIDE, Box, even_out, find_content, shrink, steady_box
from pxr_tf.lungs.fuse import Fusion, dice, fuse
from pxr_tf.lungs.network import LungNetwork, look_twice, prepare_square
from pxr_tf.lungs.threads import one_thread

SMALLEST_LUNG = 0.15  # area, as a share of the larger lung's; less is a stomach bubble, or air next to the body
LungFinder = LungAtlas | LungNetwork  # finds the lungs in any picture


class Lungs(NamedTuple):
    """The lungs in one picture."""

    mask: np.ndarray  # bool [h, w], in the picture's own pixels; empty if no lungs were found
    box: Box  # of the mask (`steady_box`), in pixels, half-open; the whole picture if the mask is empty
    confidence: float  # 0 to 1
    inverted: bool  # the picture was read as its negative: air is bright in it


class _Seen(NamedTuple):
    """The lungs in a picture without its borders, squashed to a square."""

    chances: np.ndarray  # float32 [ATLAS_SIDE, ATLAS_SIDE], 0 to 1
    confidence: float
    inverted: bool


def find_lungs(picture: np.ndarray, known: LungFinder) -> Lungs:
    """Return the lungs in a uint8 picture [h, w]; the same bytes for the same picture and atlas.

    An atlas takes 0.1 s of one core, a network 0.02 s. A picture without lungs gets a low confidence, an even picture
    an empty mask and confidence 0. Nothing is raised.
    """
    content = find_content(picture)
    if content is None:
        return no_lungs(picture.shape)
    with one_thread():
        square = shrink(picture[content.rows, content.columns], ATLAS_SIDE)
        seen = _ask_network(square, known) if isinstance(known, LungNetwork) else _ask_atlas(square, known)
        mask = _put_back(seen.chances, content, picture.shape)
    if not mask.any():
        return no_lungs(picture.shape)
    return Lungs(mask, steady_box(mask), seen.confidence * keep_confidence(mask, content), seen.inverted)


def no_lungs(shape: tuple[int, int]) -> Lungs:
    """Return an empty mask with confidence 0."""
    return Lungs(np.zeros(shape, bool), Box(0, 0, shape[1], shape[0]), 0.0, False)


def _put_back(chances: np.ndarray, content: Box, shape: tuple[int, int]) -> np.ndarray:
    """Return the mask of the whole picture, bool: chances above 1/2, resized from the square to the box `content`."""
    size = content.right - content.left, content.bottom - content.top
    mask = np.zeros(shape, bool)
    mask[content.rows, content.columns] = cv2.resize(chances, size, interpolation=cv2.INTER_LINEAR) > 0.5
    return mask


def _ask_atlas(square: np.ndarray, atlas: LungAtlas) -> _Seen:
    alignment = align(atlas.mean, even_out(square))
    aligned = even_out(pull(255 - square if alignment.inverted else square, alignment.matrix))
    fusion = fuse(aligned, make_thumbnail(aligned), atlas)
    chances = keep_two_lungs(fusion.chances)
    lungs = chances > 0.5
    confidence = rate(_weigh(aligned, lungs, fusion, atlas)) if lungs.any() else 0.0
    put_back = cv2.warpAffine(chances, alignment.matrix, (ATLAS_SIDE, ATLAS_SIDE), flags=cv2.INTER_LINEAR)
    return _Seen(put_back, confidence, alignment.inverted)


def _weigh(picture: np.ndarray, lungs: np.ndarray, fusion: Fusion, atlas: LungAtlas) -> Evidence:
    """Return the evidence for the lungs; all arguments are in the atlas's square."""
    surroundings = find_surroundings(lungs)
    return Evidence(
        agreement=float(np.mean([dice(vote > 0.5, lungs) for vote in fusion.votes])),
        shape=compare_shape(lungs, atlas),
        likeness=float(fusion.likeness[surroundings].mean()),
        contrast=measure_contrast(picture, lungs, surroundings),
    )


def _ask_network(square: np.ndarray, network: LungNetwork) -> _Seen:
    picture = prepare_square(square)
    views = look_twice(picture, network)
    chances = keep_two_lungs(np.mean(views, axis=0))
    lungs = chances > 0.5
    if not lungs.any():
        return _Seen(cv2.resize(chances, (ATLAS_SIDE, ATLAS_SIDE)), 0.0, False)
    contrast = measure_contrast(picture, lungs, find_surroundings(lungs))
    evidence = NetworkEvidence(
        agreement=dice(*(keep_two_lungs(view) > 0.5 for view in views)),
        certainty=float(2 * chances[lungs].sum() / (chances.sum() + lungs.sum())),
        contrast=abs(contrast),
    )
    return _Seen(cv2.resize(chances, (ATLAS_SIDE, ATLAS_SIDE)), rate(evidence), contrast < 0)


def keep_two_lungs(chances: np.ndarray) -> np.ndarray:
    """Return chances, float32 [h, w], in which only the two largest parts stay above 1/2; their holes become 1."""
    parts, count = ndimage.label(chances > 0.5)
    if not count:
        return np.zeros_like(chances)
    areas = np.bincount(parts.ravel())[1:]
    order = np.argsort(-areas, kind="stable")[:2]
    kept = np.isin(parts, 1 + order[areas[order] > SMALLEST_LUNG * areas[order[0]]])
    filled = ndimage.binary_fill_holes(kept)
    dropped = (chances > 0.5) & ~filled
    return np.where(filled & ~kept, 1, np.where(dropped, 0, chances)).astype(np.float32)
