"""The box and the confidence of lungs: noise hardly moves the box, and cut-off lungs have a low confidence."""

import cv2
import numpy as np
import pytest
from phantom_pairs import phantom_atlas, phantom_pair

from pxr_tf.lungs.confidence import TRUSTED, keep_confidence
from pxr_tf.lungs.contrast import ATLAS_SIDE, Box, bounding_box, even_out, find_content, steady_box
from pxr_tf.lungs.find import find_lungs

SIDE = 240


def lungs_of(*places: tuple[slice, slice]) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    for place in places:
        mask[place] = True
    return mask


LUNGS = lungs_of(np.s_[60:180, 40:100], np.s_[60:180, 140:200])


def test_a_box_of_even_lungs_loses_a_hundredth_and_gains_three_on_each_side():
    mask = np.zeros((600, 900), bool)
    mask[100:300, 400:800] = True  # 200 by 400: less 2 and 4 on each side, then wider by 6 and 12
    assert steady_box(mask) == Box(400 + 4 - 12, 100 + 2 - 6, 800 - 4 + 12, 300 - 2 + 6)
    assert bounding_box(mask) == Box(400, 100, 800, 300)
    assert steady_box(np.ones((50, 70), bool)) == Box(0, 0, 70, 50)  # never beyond the picture


@pytest.mark.parametrize("radius", [6, 24])
def test_evened_out_pictures_have_one_brightness_and_one_contrast_everywhere(radius):
    noise = np.random.default_rng(0).normal(size=(256, 256))
    plain = even_out(np.clip(128 + 20 * noise, 0, 255).astype(np.uint8), radius)
    across = np.linspace(0.2, 1, 256)
    uneven = even_out(np.clip(40 + 120 * across + 20 * across * noise, 0, 255).astype(np.uint8), radius)
    for found in (plain, uneven):
        for part in np.split(found.astype(float), 4, axis=1)[1:-1]:
            assert part.mean() == pytest.approx(128, abs=3) and part.std() == pytest.approx(40 * 20 / 24, rel=0.2)
    assert np.corrcoef(plain.ravel(), uneven.ravel())[0, 1] > 0.95
    assert set(np.unique(even_out(np.full((50, 60), 200, np.uint8), radius))) <= {127, 128}


def test_evening_out_treats_rows_as_columns_and_stays_within_grey_levels():
    picture = np.random.default_rng(0).integers(90, 110, (100, 100), np.uint8) + np.arange(100, dtype=np.uint8)
    picture[20, 30], picture[70, 60] = 255, 0
    found = even_out(picture)
    assert (found[20, 30], found[70, 60]) == (255, 0)
    assert np.abs(even_out(picture.T).T.astype(int) - found).max() <= 1


@pytest.mark.parametrize("letters", [0, 255])
def test_a_border_may_span_ten_grey_levels_beside_its_letters(letters):
    picture = np.random.default_rng(0).integers(0, 256, (ATLAS_SIDE, ATLAS_SIDE), np.uint8)
    picture[:60] = np.tile(np.uint8([100, 110]), ATLAS_SIDE // 2)
    picture[:60, :12] = letters
    assert find_content(picture) == Box(0, 60, ATLAS_SIDE, ATLAS_SIDE)
    picture[:60, 1::2] += picture[:60, 1::2] == 110
    assert find_content(picture).top == 0


@pytest.mark.parametrize("turns", [0, 1])
def test_a_film_thinner_than_a_pixel_is_not_content(turns):
    picture = np.zeros((ATLAS_SIDE, 3), np.uint8)
    picture[::2, 1] = 13  # so faint that a mixture with the border is even
    assert find_content(np.ascontiguousarray(np.rot90(picture, turns))) is None


@pytest.mark.parametrize("thin", [0, 1])
def test_a_film_between_the_same_two_edges_of_pixels_is_not_content(monkeypatch, thin):
    spans = {thin: (86, 171), 1 - thin: (0, ATLAS_SIDE)}  # in a third of a side: from 1.01 to 2.004 pixels
    monkeypatch.setattr("pxr_tf.lungs.contrast._find_varied", lambda small, axis: spans[axis])
    assert find_content(np.zeros((3, 3), np.uint8)) is None


def test_specks_and_spikes_do_not_move_the_box():
    plain = steady_box(LUNGS)
    spiky = LUNGS.copy()
    spiky[180:220, 60:61] = spiky[10, 10] = True
    assert np.abs(np.subtract(steady_box(spiky), plain)).max() <= 1
    assert np.abs(np.subtract(plain, (40, 60, 200, 180))).max() <= 4


@pytest.mark.parametrize("mask", [np.ones((1, 1), bool), np.eye(7, dtype=bool), np.pad(np.ones((1, 9), bool), 3)])
def test_the_box_of_a_small_mask_is_not_empty_and_within_it(mask):
    box = steady_box(mask)
    assert 0 <= box.left < box.right <= mask.shape[1] and 0 <= box.top < box.bottom <= mask.shape[0]
    assert mask[box.rows, box.columns].any()


@pytest.mark.parametrize("patient", [20, 21, 22])
def test_noise_hardly_moves_the_box(patient):
    picture, _ = phantom_pair(patient, 256)
    plain = find_lungs(picture, phantom_atlas()).box
    for seed in range(2):
        noise = np.random.default_rng(seed).normal(0, 1.5, picture.shape)
        noisy = np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)
        assert np.abs(np.subtract(find_lungs(noisy, phantom_atlas()).box, plain)).max() <= 3
    jpeg = cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1], cv2.IMREAD_GRAYSCALE)
    assert np.abs(np.subtract(find_lungs(jpeg, phantom_atlas()).box, plain)).max() <= 3


def test_whole_lungs_keep_their_confidence():
    assert keep_confidence(LUNGS, Box(0, 0, SIDE, SIDE)) == 1
    assert keep_confidence(LUNGS, Box(24, 24, SIDE, SIDE)) == 1  # a film shifted by a tenth
    assert keep_confidence(LUNGS, Box(30, 30, 210, 210)) == 1  # a frame
    assert keep_confidence(LUNGS[:, 45:], Box(0, 0, SIDE - 45, SIDE)) == 0  # half of a lung is outside the film


def turn(mask: np.ndarray, content: Box, times: int) -> tuple[np.ndarray, Box]:
    """Return the same picture and content, turned by right angles."""
    inside = np.zeros_like(mask)
    inside[content.rows, content.columns] = True
    return np.rot90(mask, times), bounding_box(np.rot90(inside, times))


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize(
    ("width", "border", "other", "expected"),
    [
        (60, 0, 0, 1),  # half of the lungs' width is on the edge
        (90, 0, 0, 0.5),  # three quarters
        (120, 0, 0, 0),
        (72, 6, 6, 0.5),  # three fifths, on a border of 2.5 %: counts 1.25 times
        (60, 24, 24, 0.5),  # a half, on a border of 10 %: counts 1.5 times
        (60, 36, 0, 0.5),  # one side lost 15 % more than the other: that is allowed
        (0, 60, 0, 0.5),  # 25 %
        (0, 84, 24, 0.5),
        (0, 84, 0, 0),
        (90, 0, 36, 0.5),  # the other side's border does not count
    ],
)
def test_confidence_falls_evenly_with_what_lies_on_an_edge_and_what_was_removed_on_one_side(
    turns, width, border, other, expected
):
    mask = np.zeros((SIDE, 2 * SIDE), bool)  # wide: shares are of the right side
    mask[130:180, 100:220] = True
    mask[border : border + 100, 100 : 100 + width] = True
    content = Box(0, border, 2 * SIDE, SIDE - other)
    assert keep_confidence(*turn(mask, content, turns)) == pytest.approx(expected)


@pytest.mark.parametrize(
    "cut", [Box(0, 0, SIDE, 150), Box(0, 90, SIDE, SIDE), Box(70, 0, SIDE, SIDE), Box(0, 0, 170, SIDE)]
)
def test_lungs_on_a_removed_border_lose_their_confidence(cut):
    mask = np.zeros_like(LUNGS)
    mask[cut.rows, cut.columns] = LUNGS[cut.rows, cut.columns]
    assert keep_confidence(mask, cut) < 0.1


def test_an_apex_outside_the_film_costs_little():
    taper = np.abs(np.arange(SIDE) - 70) <= (20 + np.arange(SIDE)[:, None] / 3)
    mask = (taper | taper[:, ::-1]) & (np.arange(SIDE) < 180)[:, None] & (np.arange(SIDE) != SIDE // 2)
    assert keep_confidence(mask, Box(0, 0, SIDE, SIDE)) > 0.5


@pytest.mark.parametrize("part", ["lower", "upper", "left"])
@pytest.mark.parametrize("grey", [0, 255])
def test_a_film_with_an_even_part_over_its_lungs_is_not_trusted(part, grey):
    picture, known = phantom_pair(20, 256)
    picture, rows = picture.copy(), np.flatnonzero(known.any(axis=1))
    middle = (rows[0] + rows[-1]) // 2
    places = {"lower": np.s_[middle:], "upper": np.s_[:middle], "left": np.s_[:, :100]}
    picture[places[part]] = grey
    assert find_content(picture) not in (None, Box(0, 0, ATLAS_SIDE, ATLAS_SIDE))
    assert find_lungs(picture, phantom_atlas()).confidence < TRUSTED
