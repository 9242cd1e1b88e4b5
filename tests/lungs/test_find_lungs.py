"""Lungs are found in pictures that the atlas has not seen, however they were changed, and in nothing else."""

import cv2
import numpy as np
import pytest
from lung_measures import CHANGES, MOVES, change_pair
from phantom_pairs import phantom_atlas, phantom_pair

from pxr_tf.lungs.confidence import TRUSTED
from pxr_tf.lungs.contrast import Box, bounding_box, steady_box
from pxr_tf.lungs.find import find_lungs
from pxr_tf.lungs.fuse import dice

NEW = (20, 21)  # patients that are not in the atlas


@pytest.mark.parametrize("change", list(CHANGES))
@pytest.mark.parametrize("patient", NEW)
def test_lungs_of_new_patients_are_found_however_the_picture_was_changed(patient, change):
    picture, known = change_pair(phantom_pair(patient), change)
    lungs = find_lungs(picture, phantom_atlas())
    assert dice(lungs.mask, known) > 0.9
    assert lungs.inverted == (change == "inverted")
    assert lungs.confidence > TRUSTED


def test_moved_pictures_have_moved_lungs():
    """Otherwise the test above would compare a moved mask with a mask that did not move."""
    pair = phantom_pair(20)
    assert [change for change in CHANGES if (change_pair(pair, change)[1] != pair[1]).any()] == [*MOVES]


@pytest.mark.parametrize("shape", [(150, 90), (80, 200)])
def test_mask_and_box_are_in_pixels_of_the_picture(shape):
    picture, known = (
        cv2.resize(one.astype(np.uint8), shape[::-1], interpolation=cv2.INTER_LINEAR) for one in phantom_pair(20)
    )
    lungs = find_lungs(picture, phantom_atlas())
    assert (lungs.mask.shape, lungs.mask.dtype) == (shape, bool)
    assert dice(lungs.mask, known > 0) > 0.9
    assert lungs.box == steady_box(lungs.mask)
    assert np.abs(np.subtract(lungs.box, bounding_box(lungs.mask))).max() <= 0.05 * max(shape)


def test_even_borders_make_no_difference():
    picture, _ = phantom_pair(20, 256)
    plain = find_lungs(picture, phantom_atlas())
    padded = find_lungs(np.pad(picture, ((40, 0), (0, 90))), phantom_atlas())
    assert dice(padded.mask[40:, :-90], plain.mask) > 0.98
    assert padded.mask[:40].sum() == padded.mask[:, -90:].sum() == 0


def test_any_number_of_threads_gives_the_same_bytes_and_is_restored():
    picture, _ = phantom_pair(20, 256)
    before, found = cv2.getNumThreads(), []
    try:
        for threads in (1, 2, 5):
            cv2.setNumThreads(threads)
            found.append(find_lungs(picture, phantom_atlas()))
            assert cv2.getNumThreads() == threads
    finally:
        cv2.setNumThreads(before)
    assert [np.array_equal(one.mask, found[0].mask) and one[1:] == found[0][1:] for one in found] == [True] * 3


RANDOM = np.random.default_rng(0)
EMPTY = {
    "black": np.zeros((50, 70), np.uint8),
    "white": np.full((50, 70), 255, np.uint8),
    "one pixel": np.zeros((1, 1), np.uint8),
    "one line": np.zeros((1, 300), np.uint8),
    "six pixels": np.uint8([[151, 210, 202], [106, 220, 212]]),
    "black with a letter": cv2.putText(np.zeros((200, 200), np.uint8), "L", (5, 20), 0, 0.5, 255),
}
STRANGE = {
    "noise": RANDOM.integers(0, 256, (120, 100), np.uint8),
    "clouds": cv2.GaussianBlur(RANDOM.integers(0, 256, (200, 200), np.uint8), (0, 0), 8),
    "three pixels": RANDOM.integers(0, 256, (3, 3), np.uint8),
    "ramp": np.tile(np.arange(256, dtype=np.uint8), (100, 1)),
    "edge": np.repeat(np.repeat(np.uint8([[0, 255]]), 80, axis=0), 40, axis=1),
}


@pytest.mark.parametrize("name", EMPTY)
def test_an_even_picture_has_no_lungs(name):
    height, width = EMPTY[name].shape
    lungs = find_lungs(EMPTY[name], phantom_atlas())
    assert lungs.mask.shape == (height, width) and not lungs.mask.any()
    assert lungs[1:] == (Box(0, 0, width, height), 0.0, False)


@pytest.mark.parametrize("name", STRANGE)
def test_a_picture_of_something_else_is_not_trusted(name):
    lungs = find_lungs(STRANGE[name], phantom_atlas())
    assert lungs.mask.shape == STRANGE[name].shape
    assert 0 <= lungs.confidence < TRUSTED
