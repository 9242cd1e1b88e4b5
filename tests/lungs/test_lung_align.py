"""Alignment is exact to a fraction of a pixel; a picture is read as inverted only if its negative fits far better."""

import cv2
import numpy as np
import pytest
from phantom_pairs import phantom_atlas

from pxr_tf.lungs import align as module
from pxr_tf.lungs.align import SMALL, align
from pxr_tf.lungs.atlas import LungAtlas, make_thumbnail
from pxr_tf.lungs.contrast import ATLAS_SIDE
from pxr_tf.lungs.fuse import fuse

MIDDLE = (ATLAS_SIDE - 1) / 2


@pytest.mark.parametrize("zoom", [0.75, 1.0, 1.25])
def test_a_zoom_around_the_centre_is_found_around_the_centre(zoom):
    mean = phantom_atlas().mean
    matrix = cv2.getRotationMatrix2D((MIDDLE, MIDDLE), 0, zoom)
    picture = cv2.warpAffine(mean, matrix, (ATLAS_SIDE, ATLAS_SIDE), borderMode=cv2.BORDER_REPLICATE)
    found = align(mean, picture.astype(np.uint8), may_invert=False).matrix
    assert found @ (MIDDLE, MIDDLE, 1) == pytest.approx((MIDDLE, MIDDLE), abs=0.15)
    assert found[0, 0] == pytest.approx(zoom, abs=0.01)


@pytest.mark.parametrize(("likeness", "inverted"), [(0.5, False), (0.59, False), (0.61, True), (0.4, False)])
def test_a_negative_must_resemble_a_chest_by_a_tenth_more(monkeypatch, likeness, inverted):
    def align_upright(template: np.ndarray, target: np.ndarray) -> module._Found:
        return module._Found(likeness if target.mean() > 127 else 0.5, np.eye(2, 3, dtype=np.float32))

    monkeypatch.setattr(module, "_align_upright", align_upright)
    black = np.zeros((ATLAS_SIDE, ATLAS_SIDE), np.uint8)
    assert align(black, black, exactly=False).inverted == inverted
    assert not align(black, black, may_invert=False, exactly=False).inverted


def test_any_map_that_was_found_is_better_than_none(monkeypatch):
    """A map that skews the chest costs more than its correlation can give."""
    skewed, calls = np.array([[1.5, 0, 0], [0, 0.55, 0]], np.float32), []

    def find(template, target, start, *others):
        calls.append(start)
        if len(calls) > 1:
            raise cv2.error("no convergence")
        return -0.9, skewed

    monkeypatch.setattr(cv2, "findTransformECC", find)
    picture = np.random.default_rng(0).integers(0, 256, (SMALL, SMALL)).astype(np.float32)
    found = module._align_upright(picture, picture)
    assert found.likeness < -1 and np.array_equal(found.matrix, skewed)


def test_a_voter_that_resembles_the_picture_outweighs_voters_that_do_not():
    picture = phantom_atlas().pictures[0]
    noise = np.random.default_rng(0).integers(0, 256, (4, ATLAS_SIDE, ATLAS_SIDE), np.uint8)
    pictures, lungs = np.stack([picture, *noise]), np.zeros((5, ATLAS_SIDE, ATLAS_SIDE), np.float32)
    lungs[0] = 1  # it alone calls everything lung
    thumbnails = np.stack([make_thumbnail(one) for one in pictures])
    atlas = LungAtlas(pictures, lungs, thumbnails, lungs.reshape(5, -1), pictures.mean(0, dtype=np.float32), "")
    fusion = fuse(picture, make_thumbnail(picture), atlas)
    assert len(fusion.votes) == 5
    assert fusion.chances.mean() > 0.8  # a vote of five would give 0.2
