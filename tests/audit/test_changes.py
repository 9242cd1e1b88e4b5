"""Changes of prepared pictures: what they change, and what they leave."""

import cv2
import numpy as np
import pytest

from pxr_tf.audit import changes
from pxr_tf.audit.changes import SIMPLE
from pxr_tf.phantoms.acquisition import plant_marker
from pxr_tf.phantoms.sets import draw_phantom

SIDE = 96


@pytest.fixture(scope="module")
def chest():
    return draw_phantom(1, 0, "normal", SIDE)


@pytest.mark.parametrize("name", SIMPLE)
def test_a_change_gives_another_picture_of_the_same_shape_and_leaves_its_input(chest, name):
    before = chest.image.copy()
    changed = SIMPLE[name](chest.image)
    assert changed.shape == before.shape and changed.dtype == np.uint8
    assert np.array_equal(chest.image, before) and not np.array_equal(changed, before)
    assert np.array_equal(SIMPLE[name](chest.image), changed)


def test_borders_cover_the_outer_twentieth_alone(chest):
    width = round(SIDE / 20)
    for grey, draw in ((0, changes.draw_black_border), (255, changes.draw_white_border)):
        framed = draw(chest.image)
        inner = framed[width:-width, width:-width]
        assert np.array_equal(inner, chest.image[width:-width, width:-width])
        assert (framed[:width] == grey).all() and (framed[:, -width:] == grey).all()


def test_mirrored_and_inverted_twice_is_the_picture_itself(chest):
    for name in ("mirrored", "inverted"):
        assert np.array_equal(SIMPLE[name](SIMPLE[name](chest.image)), chest.image)


def test_a_marker_is_in_the_top_left_corner_alone(chest):
    changed = SIMPLE["marker"](chest.image) != chest.image
    assert changed.any() and not changed[SIDE // 4 :].any() and not changed[:, SIDE // 4 :].any()


def test_blanking_the_background_removes_a_letter_next_to_the_body_and_keeps_the_lungs():
    chest = draw_phantom(1, 0, "normal", 224)
    film = np.zeros((224, 224), np.uint8)
    film[:, 45:180] = cv2.resize(chest.image, (135, 224))  # air on both sides
    cv2.putText(film, "R", (8, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2)
    lungs = np.zeros((224, 224), np.uint8)
    lungs[:, 45:180] = cv2.resize(chest.lungs.astype(np.uint8), (135, 224))
    blank = changes.blank_background(film)
    assert not blank[:, :40].any()
    assert np.array_equal(blank[lungs > 0], film[lungs > 0])


def test_a_picture_of_one_grey_has_no_background():
    for grey in (0, 90):
        assert changes.find_body(np.full((SIDE, SIDE), grey, np.uint8)).all()


def test_a_frame_brings_the_marker_and_the_border_of_another_picture_and_leaves_the_centre(chest):
    other = changes.draw_black_border(plant_marker(draw_phantom(2, 0, "normal", SIDE).image.copy()))
    changed = changes.exchange_frame(chest.image, other)
    fifth, tenth = round(SIDE / 5), round(SIDE / 10)
    assert np.array_equal(changed[:fifth, :fifth], other[:fifth, :fifth])
    assert np.array_equal(changed[:tenth], other[:tenth]) and np.array_equal(changed[:, -tenth:], other[:, -tenth:])
    assert np.array_equal(changed[fifth:-fifth, tenth:-tenth], chest.image[fifth:-fifth, tenth:-tenth])


def test_a_matched_picture_has_the_wanted_histogram_and_keeps_the_order_of_its_greys(chest):
    wanted = np.zeros(256)
    wanted[50:150] = 1
    matched = changes.match_histogram(chest.image, wanted)
    assert matched.min() >= 50 and matched.max() < 150
    assert abs(matched.mean() - 99.5) < 2 and abs(matched.std() - 28.9) < 2
    order = np.argsort(chest.image.ravel(), kind="stable")
    assert (np.diff(matched.ravel()[order].astype(int)) >= 0).all()


def test_a_picture_matched_to_its_own_histogram_stays(chest):
    own = np.bincount(chest.image.ravel(), minlength=256)
    assert np.array_equal(changes.match_histogram(chest.image, own), chest.image)


def test_a_picture_matched_to_its_own_spectrum_stays(chest):
    matched = changes.match_spectrum(chest.image, changes.measure_spectrum(chest.image))
    assert np.array_equal(matched, chest.image)


def test_a_picture_takes_over_how_much_fine_detail_another_has_and_keeps_what_is_coarse(chest):
    soft = cv2.GaussianBlur(chest.image, (0, 0), 0.8)
    fine = slice(round(changes.FINE * SIDE) + 2, None)
    wanted = changes.measure_spectrum(soft)[fine]
    matched = changes.match_spectrum(chest.image, changes.measure_spectrum(soft))
    before, after = (changes.measure_spectrum(picture)[fine] for picture in (chest.image, matched))
    assert abs(after - wanted).mean() < 0.5 * abs(before - wanted).mean()
    coarse = cv2.GaussianBlur(matched, (0, 0), 6).astype(int) - cv2.GaussianBlur(chest.image, (0, 0), 6)
    assert abs(coarse).max() <= 3


@pytest.mark.parametrize("side", [31, 32])
def test_a_spectrum_has_a_number_for_each_frequency_of_odd_and_even_sides(side):
    picture = np.random.default_rng(0).integers(0, 256, (side, side), np.uint8)
    spectrum = changes.measure_spectrum(picture)
    assert spectrum.shape == (side // 2 + 1,) and np.isfinite(spectrum).all()
    assert changes.match_spectrum(picture, spectrum).shape == (side, side)
