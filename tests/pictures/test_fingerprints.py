"""Fingerprints: one picture in two files is found; two chests are not taken for the same picture."""

import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pxr_tf.phantoms.diseases import PHANTOM_CLASSES
from pxr_tf.phantoms.sets import draw_phantom
from pxr_tf.pictures.decode import load_prepared, resize_grey
from pxr_tf.pictures.fingerprints import (
    CORRELATION,
    DIFFERENCE,
    THUMBNAIL,
    correlations,
    group_twins,
    tone_differences,
)

METHODS = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "box": Image.BOX}


@pytest.fixture(scope="module")
def chests() -> np.ndarray:
    """Pictures of twelve patients, uint8 [12, 224, 224]."""
    return np.stack([draw_phantom(patient, 0, PHANTOM_CLASSES[patient % 4], 224).image for patient in range(12)])


def thumbnails(pictures) -> np.ndarray:
    return np.stack([resize_grey(picture, THUMBNAIL.size, THUMBNAIL.resize) for picture in pictures])


def twins(pictures: np.ndarray, **options) -> dict[int, int]:
    """Return place -> first place of its group, for all thumbnails that are neither alone nor first."""
    groups = group_twins(pictures, **options)
    return {place: first for place, first in enumerate(groups.tolist()) if place != first}


def test_a_thumbnail_is_made_of_plain_averages(chests, tmp_path):
    Image.fromarray(chests[3]).save(tmp_path / "chest.png")
    blocks = chests[3].reshape(32, 7, 32, 7).mean((1, 3))  # 224 = 32 x 7
    np.testing.assert_allclose(load_prepared(tmp_path / "chest.png", THUMBNAIL), blocks, atol=0.5001)


def test_different_chests_are_not_twins(chests):
    assert twins(thumbnails(chests)) == {}


def test_an_exact_copy_is_a_twin(chests):
    pictures = chests[[0, 1, 2, 1, 3, 1]]
    assert twins(thumbnails(pictures)) == {3: 1, 5: 1}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("size", "kind", "options"), [((299, 299), "PNG", {}), ((400, 300), "JPEG", {"quality": 10})])
def test_a_picture_encoded_again_at_another_size_is_a_twin(chests, tmp_path, method, size, kind, options):
    data = io.BytesIO()
    Image.fromarray(chests[4]).resize(size, METHODS[method]).save(data, kind, **options)
    (tmp_path / "copy").write_bytes(data.getvalue())
    copy = load_prepared(tmp_path / "copy", THUMBNAIL)
    assert twins(np.concatenate([thumbnails(chests), copy[None]])) == {12: 4}


@pytest.mark.parametrize("tone", [lambda x: 40 + 0.7 * x, lambda x: 1.2 * x - 20, lambda x: 255 * (x / 255) ** 0.8])
def test_a_picture_with_other_brightness_or_contrast_is_a_twin(chests, tone):
    other = tone(chests[2].astype(float)).clip(0, 255).astype(np.uint8)
    assert twins(thumbnails([chests[2], other])) == {1: 0}


def test_the_negative_and_the_mirror_image_are_other_pictures(chests):
    assert twins(thumbnails([chests[2], 255 - chests[2], chests[2][:, ::-1]])) == {}


def test_a_chest_with_another_disease_or_from_another_day_is_not_a_twin():
    """Correlation alone would take some of these pictures for copies; the second test prevents it."""
    patients = (3, 24, 34, 52)
    diseases = [
        thumbnails(draw_phantom(patient, 0, label, 96).image for label in PHANTOM_CLASSES) for patient in patients
    ]
    again = [thumbnails(draw_phantom(patient, day, "normal", 96).image for day in range(4)) for patient in patients]
    alike = 0
    for pictures in diseases + again:
        assert twins(pictures) == {}
        first, second = pictures[np.triu_indices(4, 1)[0]], pictures[np.triu_indices(4, 1)[1]]
        alike += (correlations(first, second) > CORRELATION).sum()
    assert alike >= 2


@pytest.mark.parametrize("size", [16, 50, 224, 299])
def test_pictures_of_one_grey_have_no_twins(size):
    pictures = thumbnails(np.full((size, size), grey, np.uint8) for grey in (0, 7, 7, 131, 255))
    assert twins(pictures) == {}
    assert not correlations(pictures, pictures).any()


def test_no_pictures_have_no_twins():
    assert len(group_twins(np.empty((0, 32, 32), np.uint8))) == 0


@settings(max_examples=20)
@given(st.integers(2, 14), st.integers(2, 4), st.integers(0, 99), st.sampled_from([1, 5, 14, 1000]))
def test_blocks_and_coarse_codes_find_what_comparing_every_pair_finds(count, kinds, seed, tile):
    rng = np.random.default_rng(seed)
    kind = cv2.resize(rng.normal(size=(5, 5, kinds)), (32, 32), interpolation=cv2.INTER_CUBIC).transpose(2, 0, 1)
    strength = 10.0 ** rng.uniform(-2, -0.5, (count, 1, 1))  # of noise: from harmless to enough to separate copies
    values = kind[rng.integers(0, kinds, count)] + strength * rng.normal(size=(count, 32, 32))
    pictures = (128 + 30 * values).clip(0, 255).astype(np.uint8)
    every = np.argwhere(np.triu(np.ones((count, count)), 1))
    first, second = pictures[every[:, 0]], pictures[every[:, 1]]
    same = (correlations(first, second) > CORRELATION) & (tone_differences(first, second) < DIFFERENCE)
    groups = np.arange(count)
    for a, b in every[same]:  # slow and obvious
        groups[groups == max(groups[a], groups[b])] = min(groups[a], groups[b])
    np.testing.assert_array_equal(group_twins(pictures, tile=tile), groups)


def test_chests_on_the_same_large_black_square_are_not_twins(chests):
    """The square alone correlates; it must not merge different patients."""
    square = np.zeros((len(chests), 224, 224), np.uint8)
    square[:, 75:150, 75:150] = [cv2.resize(chest, (75, 75), interpolation=cv2.INTER_AREA) for chest in chests]
    vectors = thumbnails(square).reshape(len(chests), -1)
    assert (np.corrcoef(vectors)[np.triu_indices(len(chests), 1)] > CORRELATION).any()
    assert twins(thumbnails(square)) == {}


def test_a_border_of_only_one_of_two_pictures_counts():
    """Only a border of both is left out. A film with its edges blacked out is not the same picture."""
    film = np.random.default_rng(0).integers(60, 200, (1, 32, 32), dtype=np.uint8)
    framed = film.copy()
    framed[:, :4], framed[:, -4:], framed[:, :, :4], framed[:, :, -4:] = 0, 0, 0, 0
    whole = np.corrcoef(film.ravel(), framed.ravel())[0, 1]
    assert whole < 0.5
    for first, second in ((film, framed), (framed, film)):
        assert correlations(first, second)[0] == pytest.approx(whole, abs=1e-5)
        assert tone_differences(first, second)[0] > DIFFERENCE
    assert correlations(framed, framed)[0] == pytest.approx(1)
    assert twins(np.concatenate([film, framed])) == {}


def test_tones_are_matched_in_both_directions():
    """Grey values that fold onto each other follow from the others, but not the other way round."""
    slope = np.tile(np.linspace(0, 255, 32).round().astype(np.uint8), (1, 32, 1))
    folded = (np.abs(slope.astype(int) - 128) * 2).clip(0, 255).astype(np.uint8)
    curved = (((slope / 127.5 - 1) ** 2) * 255).round().astype(np.uint8)
    for other in (folded, curved):
        there, back = tone_differences(slope, other)[0], tone_differences(other, slope)[0]
        assert there == back > 1
    constant_sum = tone_differences(slope, 255 - slope)[0]
    assert constant_sum < 0.05  # a polynomial of each explains the other


def test_thousands_of_copies_of_one_picture_are_one_group(chests):
    noise = np.random.default_rng(0).integers(-4, 5, (1500, 32, 32))
    copies = (thumbnails(chests[:1]).astype(int) + noise).clip(0, 255).astype(np.uint8)
    assert not group_twins(copies).any()
