"""Alignment is exact to a fraction of a pixel; a picture is read as inverted only if its negative fits far better."""

from itertools import product

import cv2
import numpy as np
import pytest
from phantom_pairs import phantom_atlas

from pxr_tf.lungs import align as module
from pxr_tf.lungs.align import SMALL, align, pull
from pxr_tf.lungs.atlas import LungAtlas, make_thumbnail
from pxr_tf.lungs.contrast import ATLAS_SIDE
from pxr_tf.lungs.fuse import fuse

MIDDLE = (ATLAS_SIDE - 1) / 2
FILMS = np.random.default_rng(0).integers(0, 256, (2, ATLAS_SIDE, ATLAS_SIDE), np.uint8)


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

    def find(*asked):
        calls.append(asked)
        if len(calls) > 1:
            raise cv2.error("no convergence")
        return -0.9, skewed

    monkeypatch.setattr(cv2, "findTransformECC", find)
    mean, picture = np.random.default_rng(0).integers(0, 256, (2, SMALL, SMALL)).astype(np.float32)
    found = module._align_upright(mean, picture)
    assert found.likeness < -1 and np.array_equal(found.matrix, skewed)
    starts = module._choose_starts(mean, picture)
    for (template, target, start, *others), expected in zip(calls, starts, strict=True):
        assert template is mean and target is picture and np.array_equal(start, expected)
        assert others == [cv2.MOTION_AFFINE, module._STOP, None, 1]


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


def affine(across: float, down: float, turn: float = 0.0) -> np.ndarray:
    """Return a map that stretches by two factors, then turns (degrees)."""
    cos, sin = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    return np.column_stack([np.array([[cos, -sin], [sin, cos]]) @ np.diag([across, down]), [3, -4]]).astype(np.float32)


@pytest.mark.parametrize("turn", [0, 30, 180])
def test_a_map_costs_by_its_skew_and_its_change_of_area(turn):
    assert module._cost(affine(1, 1, turn)) == pytest.approx(0, abs=1e-6)
    for sign in (-1, 1):
        root = np.exp(sign / 2)  # e times as large in area, or stretched e times as much in one direction
        assert module._cost(affine(root, root, turn)) == pytest.approx(0.5, rel=1e-5)
        assert module._cost(affine(root, 1 / root, turn)) == pytest.approx(0.3, rel=1e-5)
        assert module._cost(affine(root**2, 1, turn)) == pytest.approx(0.8, rel=1e-5)


def found_by(monkeypatch, matrix: np.ndarray | None, likeness: float = 0.9) -> module._Found:
    """Return what a search finds that ends at a matrix, or does not converge (None)."""

    def search(*asked: object) -> tuple[float, np.ndarray]:
        if matrix is None:
            raise cv2.error("no convergence")
        return likeness, matrix

    monkeypatch.setattr(cv2, "findTransformECC", search)
    return module._improve(None, None, affine(1, 1), (0, 0, 0))


def test_a_search_that_goes_astray_is_worse_than_any_likeness(monkeypatch):
    for area, sound in ((0.24, False), (0.26, True), (2.9, True), (3.1, False)):
        found = found_by(monkeypatch, affine(np.sqrt(area), np.sqrt(area)))
        assert found.likeness == pytest.approx(0.9 - 0.5 * np.log(area) ** 2 if sound else -np.inf, abs=1e-5)
        assert np.array_equal(found.matrix, affine(np.sqrt(area), np.sqrt(area)) if sound else np.eye(2, 3))
    lost = found_by(monkeypatch, None)
    assert lost.likeness == -np.inf and np.array_equal(lost.matrix, np.eye(2, 3))


@pytest.mark.parametrize("factor", [2, 4])
def test_a_map_for_larger_squares_moves_the_same_places(factor):
    matrix = affine(1.1, 0.9, 20)
    places = np.random.default_rng(0).uniform(0, 64, (9, 2))  # in pixels, counted from the corner
    large = module._rescale(matrix, factor)
    for place in places:
        moved = matrix @ (*(place - 0.5), 1) + 0.5
        assert large @ (*(factor * place - 0.5), 1) + 0.5 == pytest.approx(factor * moved, rel=1e-5)


def test_starts_are_compared_by_their_correlation():
    rng = np.random.default_rng(0)
    pictures, other = (
        rng.integers(0, 256, (5, 8, 8)).astype(np.float32),
        rng.integers(0, 256, (8, 8)).astype(np.float32),
    )
    pictures[4] = 7
    expected = [np.corrcoef(one.ravel(), other.ravel())[0, 1] for one in pictures[:4]]
    assert module._correlate(pictures, other) == pytest.approx([*expected, 0], abs=1e-5)


def test_starts_are_all_turns_zooms_and_shifts_around_the_middle():
    middle, seen = (module._COARSE - 1) / 2, set()
    for matrix in module._make_starts():
        assert matrix.dtype == np.float32
        shift = (matrix @ (middle, middle, 1) - middle) / module._COARSE
        scale, turn = np.sqrt(np.linalg.det(matrix[:, :2])), np.rad2deg(np.arctan2(matrix[0, 1], matrix[0, 0]))
        seen.add(tuple(np.round([*shift, scale, turn], 3) + 0.0))
    assert seen == set(product((-0.12, 0, 0.12), (-0.12, 0, 0.12), (0.8, 1, 1.25), (-12, 0, 12)))


def test_a_search_begins_where_nothing_moved_and_at_the_three_best_starts():
    mean = cv2.GaussianBlur(np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32), (0, 0), 5)
    right = next(start for start in module._STARTS if start[0, 0] > 1.2 and abs(start[0, 1]) > 0.1)
    inverse = cv2.invertAffineTransform(module._rescale(right, 2))
    picture = cv2.warpAffine(mean, inverse, (64, 64), flags=module._PULL, borderMode=cv2.BORDER_REPLICATE)
    starts = module._choose_starts(mean, picture)
    assert len(starts) == 4 and np.array_equal(starts[0], np.eye(2, 3))
    assert np.allclose(starts[1], module._rescale(right, 2))


def test_starts_are_compared_with_the_border_repeated(monkeypatch):
    seen = []
    monkeypatch.setattr(module, "_correlate", lambda pictures, other: seen.append(pictures) or np.zeros(len(pictures)))
    module._choose_starts(*np.full((2, SMALL, SMALL), 9, np.float32))
    assert np.array_equal(np.unique(seen[0]), [9])


@pytest.mark.parametrize(("likeness", "kept"), [(0.49, True), (0.47, False), (0.6, True)])
def test_the_exact_search_may_cost_a_fiftieth_of_likeness(monkeypatch, likeness, kept):
    first, better = module._Found(0.5, affine(1, 1)), module._Found(likeness, affine(1.1, 1))
    monkeypatch.setattr(module, "_align_upright", lambda template, target: first)
    asked = []
    monkeypatch.setattr(module, "_improve", lambda *values: asked.append(values) or better)
    found = align(FILMS[0], FILMS[1], may_invert=False)
    assert found.matrix[0, 0] == pytest.approx(1.1 if kept else 1)
    ((template, target, start, stop),) = asked
    assert np.array_equal(template, module._soften(FILMS[0])) and np.array_equal(target, module._soften(FILMS[1]))
    assert start is first.matrix and stop == module._STOP_BEST


def test_the_exact_search_of_an_inverted_picture_sees_its_negative(monkeypatch):
    sought = module._soften(255 - FILMS[1])
    asked = []
    found = module._Found(0.5, affine(1, 1))
    monkeypatch.setattr(
        module, "_align_upright", lambda template, target: found._replace(likeness=np.array_equal(target, sought))
    )
    monkeypatch.setattr(module, "_improve", lambda *values: asked.append(values) or found)
    assert align(FILMS[0], FILMS[1]).inverted
    assert np.array_equal(asked[0][1], sought)


def test_pictures_are_softened_alike_in_both_directions_before_they_are_compared():
    soft = module._soften(FILMS[0])
    assert soft.shape == (SMALL, SMALL) and np.allclose(module._soften(FILMS[0].T).T, soft, atol=1e-3)
    spot = np.zeros((SMALL, SMALL), np.uint8)
    spot[30, 30] = 200
    width = np.exp(-(np.arange(-4, 5) ** 2) / 2)
    found = module._soften(spot.repeat(4, 0).repeat(4, 1))[26:35, 26:35]
    assert found == pytest.approx(200 * np.outer(width, width) / width.sum() ** 2, abs=0.05)


def test_a_picture_is_pulled_to_where_the_map_begins_and_its_border_is_repeated():
    found = pull(FILMS[0], np.array([[1, 0, 5], [0, 1, -7]], np.float32))
    assert np.array_equal(found[7:, :-5], FILMS[0][:-7, 5:])
    assert (found[:7, :-5] == FILMS[0][0, 5:]).all() and (found[7:, -5:] == FILMS[0][:-7, -1:]).all()
