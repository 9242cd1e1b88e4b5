"""An atlas is prepared once and kept under its content."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from phantom_pairs import phantom_pair

from pxr_tf.arrays import ROWS_FILE
from pxr_tf.lungs import atlas as module
from pxr_tf.lungs.align import Alignment
from pxr_tf.lungs.atlas import (
    LungAtlas,
    build_atlas,
    compare_shape,
    draw_pair,
    open_stored_atlas,
    prepare_pairs,
    shrink_pair,
)
from pxr_tf.lungs.confidence import find_surroundings
from pxr_tf.lungs.contrast import ATLAS_SIDE, even_out
from pxr_tf.lungs.fuse import dice

FILM = np.random.default_rng(0).integers(0, 256, (ATLAS_SIDE, ATLAS_SIDE), np.uint8)


def pairs_of(*patients: int) -> dict:
    return {f"phantom-{patient}": lambda patient=patient: phantom_pair(patient) for patient in patients}


def not_asked() -> None:
    raise AssertionError("prepared again")


def same(first: LungAtlas, second: LungAtlas) -> bool:
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in LungAtlas.__dataclass_fields__)


def test_a_stored_atlas_is_not_prepared_again(tmp_path):
    first = open_stored_atlas(tmp_path, pairs_of(0, 1, 2))
    assert same(first, open_stored_atlas(tmp_path, dict.fromkeys(pairs_of(2, 1, 0), not_asked)))


def test_another_set_of_pairs_is_another_atlas(tmp_path):
    first, second = open_stored_atlas(tmp_path, pairs_of(0, 1, 2)), open_stored_atlas(tmp_path, pairs_of(0, 1))
    assert first.digest != second.digest
    assert (len(first.pictures), len(second.pictures)) == (3, 2)


def test_an_atlas_holds_its_pairs_their_thumbnails_and_their_shapes():
    picture, lungs = phantom_pair(0, ATLAS_SIDE)
    pairs = [(picture, lungs * np.uint8(255)), (255 - picture, lungs[::-1] * np.uint8(128))]
    atlas = build_atlas(pairs)
    np.testing.assert_array_equal(atlas.pictures, [picture, 255 - picture])
    np.testing.assert_allclose(atlas.masks, [lungs, lungs[::-1] * (128 / 255)], atol=1e-6)
    np.testing.assert_allclose(atlas.mean, np.full((ATLAS_SIDE, ATLAS_SIDE), 127.5))
    np.testing.assert_allclose(build_atlas(pairs[:1] * 2).mean, picture)
    assert {one.dtype for one in (atlas.masks, atlas.thumbnails, atlas.shapes, atlas.mean)} == {np.dtype(np.float32)}
    np.testing.assert_allclose(atlas.thumbnails.mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(atlas.thumbnails, axis=1), 1, rtol=1e-5)
    assert atlas.thumbnails[0] @ atlas.thumbnails[1] == pytest.approx(-1, abs=1e-4)
    assert atlas.thumbnails.shape == (2, 32 * 32) and atlas.shapes.shape == (2, 64 * 64)
    np.testing.assert_allclose(atlas.shapes.mean(axis=1), atlas.masks.mean(axis=(1, 2)), rtol=1e-5)
    assert build_atlas(pairs[::-1]).digest != atlas.digest == build_atlas(list(pairs)).digest


@pytest.mark.parametrize(("place", "name"), [(module, "_VERSION"), (cv2, "__version__")])
def test_the_digest_changes_with_what_may_find_other_lungs(monkeypatch, place, name):
    pairs = [(FILM, FILM)]
    before = build_atlas(pairs).digest
    monkeypatch.setattr(place, name, "another")
    assert build_atlas(pairs).digest != before


@pytest.fixture
def kept_in(monkeypatch, tmp_path):
    """Return a function from names of pairs to the folder of their atlas."""

    def stop(folder, names):
        raise InterruptedError(folder)

    def ask(*names):
        with pytest.raises(InterruptedError) as stopped:
            open_stored_atlas(tmp_path, dict.fromkeys(names, not_asked))
        return stopped.value.args[0]

    monkeypatch.setattr(module.arrays, "missing_keys", stop)
    return ask


@pytest.mark.parametrize(("place", "name"), [(module, "_STORED_VERSION"), (module, "ATLAS_SIDE"), (cv2, "__version__")])
def test_an_atlas_is_kept_apart_from_those_of_other_pairs_versions_and_sizes(
    kept_in, monkeypatch, tmp_path, place, name
):
    before = kept_in("a", "b")
    assert before == kept_in("b", "a") != kept_in("a", "c")
    assert before.parent == tmp_path and before.name.startswith("atlas-")
    monkeypatch.setattr(place, name, 128)
    assert kept_in("a", "b") != before


def test_the_builtin_atlas_is_made_of_72_drawn_pairs(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "open_stored_atlas", lambda cache, pairs: (cache, pairs))
    monkeypatch.setattr(module, "draw_pair", lambda number: number)
    cache, pairs = module.builtin_atlas(tmp_path)
    assert cache == tmp_path and [make() for make in pairs.values()] == list(range(72))
    monkeypatch.setattr(module, "_BUILTIN_VERSION", "another")
    assert not set(module.builtin_atlas(tmp_path)[1]) & set(pairs)


def test_drawn_chests_are_of_all_diseases_and_in_all_poses(monkeypatch):
    drawn, chest = [], SimpleNamespace(image=FILM, whole_lungs=FILM)
    monkeypatch.setattr(module, "draw_chest", lambda *asked: drawn.append(asked) or chest)
    for number in range(72):
        draw_pair(number)
    assert [one[:3] for one in drawn] == [(number, 0, ATLAS_SIDE) for number in range(72)]
    diseases = list(module.DISEASES.values())
    assert [one[3] for one in drawn] == [diseases[number % len(diseases)] for number in range(72)]
    poses = np.array([one[4] for one in drawn])
    lowest, highest = [-6, 0.8, -0.3], [6, 1.05, 0.08]
    near = np.subtract(highest, lowest) / 10
    assert ((poses >= lowest) & (poses <= highest)).all()
    assert (poses.min(axis=0) < lowest + near).all() and (poses.max(axis=0) > highest - near).all()


def test_the_shape_is_compared_with_the_most_similar_mask():
    squares = np.zeros((2, ATLAS_SIDE, ATLAS_SIDE), np.uint8)
    squares[0, :64, :64] = squares[1, 64:128, :64] = 255
    atlas = build_atlas([(squares[0], one) for one in squares])
    assert compare_shape(squares[1] > 0, atlas) == pytest.approx(1)
    moved = np.zeros((ATLAS_SIDE, ATLAS_SIDE), bool)
    moved[:64, 16:80] = True  # three quarters of the first, and nothing of the second
    assert compare_shape(moved, atlas) == pytest.approx(0.75)
    assert compare_shape(~(squares > 0).any(axis=0), atlas) == 0


def test_pairs_of_an_atlas_are_aligned_with_one_another():
    pairs = [shrink_pair(*phantom_pair(patient)) for patient in range(4)]
    turned = cv2.getRotationMatrix2D((ATLAS_SIDE / 2, ATLAS_SIDE / 2), 9, 0.9)
    moved = [tuple(cv2.warpAffine(one, turned, (ATLAS_SIDE, ATLAS_SIDE)) for one in pair) for pair in pairs[:1]]
    assert {one.dtype for pair in pairs for one in pair} == {np.dtype(np.uint8)} and set(np.unique(pairs[0][1])) >= {
        0,
        255,
    }
    prepared = prepare_pairs([*moved, *pairs[1:]])
    outlines = [lungs > 127 for _, lungs in prepared]
    before = dice(moved[0][1] > 127, pairs[1][1] > 127)
    assert dice(outlines[0], outlines[1]) > before + 0.03
    for picture, lungs in prepared:
        assert picture.std() > 30 and abs(picture.mean() - 128) < 8  # evened out
        assert picture[lungs > 250].mean() < picture[find_surroundings(lungs > 127) & (lungs < 5)].mean() - 20


def test_pairs_are_aligned_with_their_mean_early_and_as_they_are(monkeypatch):
    asked = []
    place = Alignment(np.float32([[1, 0, 3], [0, 1, 0]]), False)
    monkeypatch.setattr(module, "align", lambda *values, **options: asked.append((values, options)) or place)
    prepared = prepare_pairs([(FILM, FILM), (FILM.T, FILM.T)])
    even = [even_out(one) for one in (FILM, np.ascontiguousarray(FILM.T))]
    for ((mean, picture), options), expected in zip(asked, even, strict=True):
        np.testing.assert_allclose(mean, np.mean(even, axis=0))
        assert np.array_equal(picture, expected) and options == {"may_invert": False, "exactly": False}
    assert np.array_equal(prepared[0][1][:, :-3], FILM[:, 3:])


def test_drawn_pairs_differ_and_each_is_always_the_same():
    first, again, other = draw_pair(3), draw_pair(3), draw_pair(4)
    assert all(np.array_equal(*both) for both in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0]) and not np.array_equal(first[1], other[1])
    assert (first[0].shape, first[0].dtype, first[1].dtype) == ((ATLAS_SIDE, ATLAS_SIDE), np.uint8, bool)
    assert 0.1 < first[1].mean() < 0.5


def test_a_damaged_file_is_prepared_again(tmp_path):
    first = open_stored_atlas(tmp_path, pairs_of(0, 1))
    (rows,) = tmp_path.glob(f"atlas-*/{ROWS_FILE}")
    damaged = bytearray(rows.read_bytes())
    damaged[5000] ^= 255
    rows.write_bytes(damaged)
    assert same(first, open_stored_atlas(tmp_path, pairs_of(0, 1)))


def test_a_pair_that_fails_stores_nothing(tmp_path):
    with pytest.raises(AssertionError, match="prepared again"):
        open_stored_atlas(tmp_path, pairs_of(0) | {"bad": not_asked})
    assert not list(tmp_path.iterdir())
