"""Augmented pictures are pure functions: the same bytes for the same four values, in any order, on any thread."""

import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from messages import MAPPING, nearest, refused

from pxr_tf.pictures.augment import PRESETS, augment_image
from pxr_tf.vocabulary.augmentation import Movement

y, x = np.mgrid[:48, :48]
PICTURE = (40 + 3 * x + y + 40 * (np.hypot(x - 15, y - 30) < 9)).astype(np.uint8)
OWN = Movement(rotate=10, zoom=(1, 1.2), mirror=True)
TONES = Movement(exposure=0.4, blur=2.0, noise=8.0)
CHANGING = [*(preset for preset in PRESETS if preset != "none"), OWN, TONES]
SAMPLE = {"seed": 0, "image_id": "kermany/a.jpeg", "copy": 1, "epoch": 0}


def augment(preset: str | Movement, **changed) -> np.ndarray:
    return augment_image(PICTURE, preset, **(SAMPLE | changed))


@pytest.mark.parametrize("preset", ["none", *CHANGING])
def test_shape_and_type_are_kept_and_the_original_is_unchanged(preset):
    before = PICTURE.copy()
    result = augment(preset)
    assert result.shape == PICTURE.shape
    assert result.dtype == np.uint8
    assert np.array_equal(PICTURE, before)


def test_none_is_the_picture_itself():
    assert augment("none", copy=3, epoch=7) is PICTURE


@pytest.mark.parametrize("preset", CHANGING)
def test_the_same_values_give_the_same_bytes_in_any_order_on_any_thread(preset):
    samples = [{"copy": copy, "epoch": epoch} for copy in range(5) for epoch in range(4)]
    expected = [augment(preset, **sample).tobytes() for sample in samples]
    order = random.Random(0).sample(range(len(samples)), len(samples))
    with ThreadPoolExecutor(4) as pool:
        results = dict(
            zip(order, pool.map(lambda place: augment(preset, **samples[place]).tobytes(), order), strict=True)
        )
    assert [results[place] for place in range(len(samples))] == expected
    assert len(set(expected)) == len(expected)


@pytest.mark.parametrize("preset", CHANGING)
def test_global_random_states_have_no_effect_and_do_not_change(preset):
    expected = augment(preset)
    random.seed(1)
    np.random.seed(1)
    state = random.getstate(), np.random.get_state()[1].tobytes()
    assert np.array_equal(augment(preset), expected)
    assert (random.getstate(), np.random.get_state()[1].tobytes()) == state


@pytest.mark.parametrize("preset", CHANGING)
@pytest.mark.parametrize("changed", [{"seed": 1}, {"image_id": "kermany/b.jpeg"}, {"copy": 2}, {"epoch": 1}])
def test_each_of_the_four_values_matters(preset, changed):
    assert not np.array_equal(augment(preset), augment(preset, **changed))


def test_copy_1_of_epoch_12_differs_from_copy_11_of_epoch_2():
    assert not np.array_equal(augment("bozickovic2021", copy=1, epoch=12), augment("bozickovic2021", copy=11, epoch=2))


def test_half_of_the_papers_copies_are_mirrored():
    """The bright block is left of the middle; rotation, shift and zoom never carry it across."""
    half = np.zeros((48, 48), np.uint8)
    half[18:30, 6:14] = 255
    pictures = [augment_image(half, "bozickovic2021", **(SAMPLE | {"copy": copy})) for copy in range(200)]
    mirrored = sum(picture[:, 24:].sum() > picture[:, :24].sum() for picture in pictures)
    assert 70 < mirrored < 130


def test_a_preset_equals_its_movement():
    paper = Movement(rotate=15, zoom=(0.8, 1.2), shift=0.1, mirror=True, border="stretch")
    assert np.array_equal(augment("bozickovic2021"), augment(paper))
    assert np.array_equal(augment("practical"), augment(paper.model_copy(update={"border": "black"})))


def test_a_movement_names_copies_in_the_cache_of_features():
    """The text must stay as it is: with any other, the features of old runs would be computed again."""
    assert f"{OWN}" == "Movement(rotate=10.0, zoom=(1.0, 1.2), shift=0.0, mirror=True, border='black')"


def test_a_picture_is_moved_as_far_as_the_movement_says_and_no_further():
    """A white picture on black keeps its corners only if it is neither turned, shifted nor made smaller."""
    white = np.full((48, 48), 255, np.uint8)
    half = np.zeros((48, 48), np.uint8)
    half[:, :8] = 255

    def blackened(**movement) -> list[float]:
        pictures = [augment_image(white, Movement(**movement), **(SAMPLE | {"copy": copy})) for copy in range(40)]
        return [float((picture < 128).mean()) for picture in pictures]

    assert np.array_equal(augment(Movement()), PICTURE)
    assert max(blackened(zoom=(1, 1.2), mirror=True)) == 0
    assert max(blackened(rotate=10, zoom=(0.8, 1), shift=0.1, border="stretch")) == 0
    assert 0 < max(blackened(rotate=10)) < max(blackened(rotate=30))
    assert 0.05 < max(blackened(shift=0.1)) <= 1 - 0.89**2
    assert max(blackened(zoom=(0.9, 1))) <= 1 - 0.88**2
    right = [
        augment_image(half, Movement(mirror=mirror), **SAMPLE | {"copy": copy})[:, 40:].mean()
        for mirror in (False, True)
        for copy in range(40)
    ]
    assert (max(right[:40]), sum(value > 0 for value in right[40:]) in range(10, 31)) == (0, True)


def test_an_unknown_preset_is_refused_with_the_nearest_name():
    with refused("'practicle'", "none", MAPPING, "rotate, zoom", nearest("'practical'")):
        augment("practicle")


def test_tones_leave_the_movements_as_they_are():
    """A recipe without tones gives the same bytes as before there were any."""
    assert np.array_equal(augment(OWN), augment(OWN.model_copy(update={"exposure": 0.0})))
    moved, blurred = augment(OWN), augment(OWN.model_copy(update={"blur": 3.0}))
    assert np.corrcoef(moved.ravel(), blurred.ravel())[0, 1] > 0.9
    assert str(OWN) == "Movement(rotate=10.0, zoom=(1.0, 1.2), shift=0.0, mirror=True, border='black')"


@pytest.mark.parametrize("tone", ["exposure", "blur", "noise"])
def test_each_tone_changes_greys_and_moves_nothing(tone):
    values = {"exposure": 0.5, "blur": 2.0, "noise": 20.0}
    changed = [augment(Movement(**{tone: values[tone]}), epoch=epoch) for epoch in range(8)]
    assert any(not np.array_equal(picture, PICTURE) for picture in changed)
    for picture in changed:
        shown = np.corrcoef(picture.ravel().astype(float), PICTURE.ravel().astype(float))[0, 1]
        assert shown > 0.85
