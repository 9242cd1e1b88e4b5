"""Lung masks of any usual coding show the same lungs; what cannot be a lung mask is refused with its name."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from lung_pictures import HEIGHT, WIDTH, given_lungs, write_chests
from messages import ACCEPTED, any_of, assert_says, refused
from PIL import Image

from pxr_tf.phantoms.anatomy import draw_chest
from pxr_tf.pictures.lung_atlas import read_pairs
from pxr_tf.pictures.mask_codes import read_mask, why_no_lungs

SIDE = 64
CHEST = draw_chest(3, 0, SIDE)
LUNGS = CHEST.whole_lungs
SIDES = np.where(LUNGS, 1 + (np.arange(SIDE) >= SIDE // 2), 0).astype(np.uint8)  # 0, 1, 2


def grey(*levels: int, dtype: type = np.uint8) -> Image.Image:
    """Return the mask with these levels of background, left and right."""
    return Image.fromarray(np.array(levels, dtype)[SIDES])


def colours(*three: tuple[int, ...]) -> Image.Image:
    return Image.fromarray(np.array(three, np.uint8)[SIDES])


def palette(*three: tuple[int, int, int]) -> Image.Image:
    image = Image.fromarray(SIDES).convert("P")
    image.putdata(SIDES.ravel().tolist())
    image.putpalette([value for colour in three for value in colour])
    return image


BLACK = (0, 0, 0)
CODINGS = {
    "0 and 255": grey(0, 255, 255),
    "0 and 1": grey(0, 1, 1),
    "0, 1 and 2": grey(0, 1, 2),
    "0, 2 and 1": grey(0, 2, 1),
    "lobes": grey(0, 10, 14),
    "0, 127 and 255": grey(0, 127, 255),
    "0, 255 and 100": grey(0, 255, 100),
    "boolean": Image.fromarray(LUNGS),
    "16 bits, 0 and 1": grey(0, 1, 1, dtype=np.uint16),
    "16 bits, 0, 1 and 2": grey(0, 1, 2, dtype=np.uint16),
    "16 bits, 0 and 65535": grey(0, 65535, 65535, dtype=np.uint16),
    "red and green": colours(BLACK, (255, 0, 0), (0, 255, 0)),
    "dark blue and yellow": colours(BLACK, (0, 0, 90), (255, 255, 0)),
    "one channel each": colours(BLACK, (1, 0, 0), (0, 0, 1)),
    "palette of colours": palette(BLACK, (128, 0, 0), (0, 0, 128)),
    "palette of numbers": palette(BLACK, (1, 1, 1), (2, 2, 2)),
    "white with opacity": colours((0, 0, 0, 0), (255, 255, 255, 255), (255, 255, 255, 255)),
    "opacity alone": colours((0, 0, 0, 0), (0, 0, 0, 255), (0, 0, 0, 255)),
}


@pytest.mark.parametrize("coding", CODINGS)
def test_every_coding_shows_the_same_lungs(tmp_path, coding):
    CODINGS[coding].save(tmp_path / "mask.png")
    assert np.array_equal(read_mask(tmp_path / "mask.png"), LUNGS)


@pytest.mark.parametrize("levels", [(0, 255, 255), (0, 127, 255)])
def test_jpeg_and_smooth_borders_move_lungs_by_a_pixel_at_most(tmp_path, levels):
    large = cv2.resize(np.asarray(grey(*levels)), (256, 256), interpolation=cv2.INTER_LINEAR)
    Image.fromarray(large).save(tmp_path / "mask.jpg", quality=60)
    exact = cv2.resize(LUNGS.astype(np.uint8), (256, 256), interpolation=cv2.INTER_LINEAR_EXACT) > 0
    assert (read_mask(tmp_path / "mask.jpg") != exact).mean() < 0.05
    assert read_mask(tmp_path / "mask.jpg").mean() == pytest.approx(LUNGS.mean(), rel=0.1)


def test_white_is_lung_from_the_middle_grey_on(tmp_path):
    ramp = np.where(LUNGS, 255, 0).astype(np.uint8)
    ramp[0, :4] = 127, 128, 1, 254
    Image.fromarray(ramp).save(tmp_path / "mask.png")
    assert read_mask(tmp_path / "mask.png")[0, :4].tolist() == [False, True, False, True]


def part(rows: int, columns: int) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[20 : 20 + rows, 20 : 20 + columns] = True
    return mask


UNFIT: dict[str, tuple[np.ndarray, list]] = {
    "empty": (np.zeros_like(LUNGS), [any_of("empty")]),
    "all lung": (np.ones_like(LUNGS), [any_of("one colour")]),
    "inverted": (~LUNGS, [any_of("inverted")]),
    "a spot": (part(3, 3), [any_of("covers"), "0.26 %", "2 %"]),
    "nearly all": (np.pad(np.ones((SIDE - 4, SIDE - 4), bool), 2), [any_of("covers"), "88 %", "80 %"]),
    "a frame": (~part(30, 30), [any_of("inverted")]),
}


@pytest.mark.parametrize("unfit", UNFIT)
@pytest.mark.parametrize("level", [1, 255])
def test_what_cannot_be_a_lung_mask_is_refused_in_an_atlas_and_next_to_the_data(tmp_path, unfit, level):
    mask, facts = UNFIT[unfit]
    table = write_chests(tmp_path, range(5))
    unsuited = tmp_path / "masks" / "2.png"
    spoilt = cv2.resize(mask.astype(np.uint8), (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST) * level
    Image.fromarray(spoilt.astype(np.uint8)).save(unsuited)
    with refused(str(unsuited), any_of("mask"), *facts, ACCEPTED):
        read_pairs(tmp_path)
    source = given_lungs(table)
    if unfit == "empty":  # the picture is shown whole, and counted
        assert source.find(table.path[2]).confidence == 0
        return
    with refused(str(unsuited), any_of("mask"), *facts, ACCEPTED):
        source.find(table.path[2])


def test_an_x_ray_is_not_a_mask(tmp_path):
    Image.fromarray(CHEST.image).save(tmp_path / "mask.png")
    with refused(str(tmp_path / "mask.png"), any_of("X-ray"), ACCEPTED):
        read_mask(tmp_path / "mask.png")


def test_shares_are_written_without_exponents():
    assert_says(why_no_lungs(~LUNGS), "100 %")
    assert_says(why_no_lungs(np.pad(np.ones((10, 10), bool), 45)), "1 %")


def test_lungs_are_plausible():
    assert why_no_lungs(LUNGS) == ""
    assert why_no_lungs(LUNGS[:, 12:-12]) == ""  # cut at both sides


@pytest.mark.parametrize("levels", [(0, 1, 1), (0, 1, 2)])
def test_an_atlas_of_numbered_masks_is_the_same_atlas(tmp_path, levels):
    write_chests(tmp_path, range(5))
    before = read_pairs(tmp_path)
    for file in Path(tmp_path / "masks").iterdir():
        white = np.asarray(Image.open(file)) > 0
        Image.fromarray(np.array(levels, np.uint8)[white * (1 + (np.arange(white.shape[1]) > 60))]).save(file)
    after = read_pairs(tmp_path)
    assert all(np.array_equal(before[name][1], after[name][1]) for name in before)
