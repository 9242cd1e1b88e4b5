"""Pictures asked for are compared with known ones: each is found in the first known picture that it copies."""

import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pxr_tf.phantoms.diseases import PHANTOM_CLASSES
from pxr_tf.phantoms.sets import draw_phantom
from pxr_tf.pictures import fingerprints
from pxr_tf.pictures.decode import load_prepared, resize_grey
from pxr_tf.pictures.fingerprints import (
    CORRELATION,
    DIFFERENCE,
    THUMBNAIL,
    correlations,
    find_copies,
    tone_differences,
)


@pytest.fixture(scope="module")
def chests() -> np.ndarray:
    """Pictures of eight patients, uint8 [8, 224, 224]."""
    return np.stack([draw_phantom(patient, 0, PHANTOM_CLASSES[patient % 4], 224).image for patient in range(8)])


def named(letter: str, pictures: np.ndarray) -> dict[str, np.ndarray]:
    """Return name -> thumbnail: ``a0``, ``a1``, …"""
    return {
        f"{letter}{number}": resize_grey(picture, THUMBNAIL.size, THUMBNAIL.resize)
        for number, picture in enumerate(pictures)
    }


def test_only_copies_are_found(chests):
    known = named("k", chests[:6])
    assert find_copies(named("a", chests[4:]), known) == {"a0": "k4", "a1": "k5"}
    assert find_copies(named("a", chests[6:]), known) == {}


def test_a_picture_encoded_again_at_another_size_is_found(chests, tmp_path):
    data = io.BytesIO()
    Image.fromarray(chests[3]).resize((300, 260)).save(data, "JPEG", quality=15)
    (tmp_path / "copy").write_bytes(data.getvalue())
    assert find_copies({"a": load_prepared(tmp_path / "copy", THUMBNAIL)}, named("k", chests)) == {"a": "k3"}


def test_pictures_asked_for_are_not_compared_with_each_other(chests):
    assert find_copies(named("a", chests[[1, 1, 1]]), named("k", chests[:1])) == {}


def test_the_first_of_several_known_copies_is_named(chests):
    assert find_copies(named("a", chests[[2]]), named("k", chests[[0, 2, 2]])) == {"a0": "k1"}


@pytest.mark.parametrize("grey", [0, 131])
def test_a_picture_of_one_grey_copies_nothing(grey):
    flat = named("a", np.full((2, 50, 50), grey, np.uint8))
    assert find_copies(flat, flat) == {}


def test_nothing_asked_or_nothing_known_finds_nothing(chests):
    some = named("a", chests[:2])
    assert find_copies({}, some) == find_copies(some, {}) == {}


@settings(max_examples=20)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 99), st.sampled_from([1, 5, 1000]))
def test_blocks_find_what_comparing_every_pair_finds(asked, known, seed, tile):
    rng = np.random.default_rng(seed)
    kind = cv2.resize(rng.normal(size=(5, 5, 3)), (32, 32), interpolation=cv2.INTER_CUBIC).transpose(2, 0, 1)
    count = asked + known
    strength = 10.0 ** rng.uniform(-2, -0.5, (count, 1, 1))  # of noise: from harmless to enough to separate copies
    values = kind[rng.integers(0, 3, count)] + strength * rng.normal(size=(count, 32, 32))
    pictures = (128 + 30 * values).clip(0, 255).astype(np.uint8)
    mine, theirs = named("a", pictures[:asked]), named("k", pictures[asked:])
    expected = {}
    for name, picture in mine.items():  # slow and obvious
        for other, shown in theirs.items():
            alike = correlations(picture[None], shown[None])[0] > CORRELATION
            if alike and tone_differences(picture[None], shown[None])[0] < DIFFERENCE:
                expected.setdefault(name, other)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fingerprints, "_TILE", tile)
        patch.setattr(fingerprints, "_PAIRS", max(1, tile // 2))
        blocks = []
        assert find_copies(mine, theirs, lambda done, total: blocks.append((done, total))) == expected
    assert blocks[-1] == (len(blocks), len(blocks))
