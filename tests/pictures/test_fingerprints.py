"""Fingerprints: one picture in two files is found, two chests are not taken for one."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pxr_tf.phantoms.sets import draw_phantom
from pxr_tf.pictures.decode import load_prepared
from pxr_tf.pictures.fingerprints import find_twins, fingerprints
from pxr_tf.pictures.preparation import Preparation

LABELS = ("normal", "viral", "bacterial", "covid19")


@pytest.fixture(scope="module")
def chests() -> np.ndarray:
    """Pictures of twelve patients, uint8 [12, 224, 224]."""
    return np.stack([draw_phantom(patient, 0, LABELS[patient % 4], 224).image for patient in range(12)])


def prints_of(pixels: np.ndarray) -> np.ndarray:
    return fingerprints(pixels, range(len(pixels)))


def test_a_fingerprint_is_a_centred_thumbnail_of_unit_length(chests):
    found = fingerprints(chests, [3, 1])
    assert found.shape == (2, 1024) and found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(found.mean(1), 0, atol=1e-6)
    blocks = chests[3].reshape(32, 7, 32, 7).mean((1, 3)).reshape(-1)  # 224 = 32 x 7
    np.testing.assert_allclose(np.corrcoef(blocks, found[0])[0, 1], 1, atol=1e-5)


def test_strangers_are_no_twins(chests):
    assert find_twins(prints_of(chests)).shape == (0, 2)


def test_an_exact_copy_is_a_twin(chests):
    pixels = chests[[0, 1, 2, 1, 3, 1]]
    assert find_twins(prints_of(pixels)).tolist() == [[1, 3], [1, 5], [3, 5]]


@pytest.mark.parametrize(("size", "quality"), [(224, 40), (400, 80), (1024, 95), (96, 90)])
def test_a_picture_coded_anew_in_another_size_is_a_twin(chests, tmp_path, size, quality):
    data = io.BytesIO()
    Image.fromarray(chests[4]).resize((size, size)).save(data, "JPEG", quality=quality)
    (tmp_path / "copy.jpeg").write_bytes(data.getvalue())
    copy = load_prepared(tmp_path / "copy.jpeg", Preparation(224, "squash"))
    assert find_twins(prints_of(np.concatenate([chests, copy[None]]))).tolist() == [[4, 12]]


def test_brighter_and_of_more_contrast_is_the_same_picture(chests):
    brighter = (40 + 0.7 * chests[2]).astype(np.uint8)
    assert find_twins(prints_of(np.stack([chests[2], brighter]))).tolist() == [[0, 1]]


def test_the_negative_and_the_mirror_image_are_other_pictures(chests):
    assert len(find_twins(prints_of(np.stack([chests[2], 255 - chests[2], chests[2][:, ::-1]])))) == 0


@pytest.mark.parametrize("size", [16, 50, 224, 299])
def test_pictures_of_one_grey_are_nobodys_twins(size):
    pixels = np.stack([np.full((size, size), grey, np.uint8) for grey in (0, 7, 7, 131, 255)])
    assert not prints_of(pixels).any()
    assert len(find_twins(prints_of(pixels))) == 0


def test_no_pictures_no_twins(chests):
    none = fingerprints(chests, [])
    assert none.shape == (0, 1024)
    assert find_twins(none).shape == (0, 2)


@given(st.integers(1, 60), st.integers(2, 5), st.integers(0, 3))
def test_blocks_find_what_the_whole_product_finds(count, kinds, seed):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(kinds, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = vectors[rng.integers(0, kinds, count)]
    whole = np.argwhere(np.triu(vectors @ vectors.T > 0.99, 1))
    for tile in (1, 7, 60, 1000):
        np.testing.assert_array_equal(find_twins(vectors, tile=tile), whole)
