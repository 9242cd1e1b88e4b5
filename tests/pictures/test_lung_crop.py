"""Crops of a picture whose lungs are known exactly: the box, the lungs alone, or all but the lungs."""

import tracemalloc

import cv2
import numpy as np
import pytest
from lung_pictures import HEIGHT, WIDTH, given_lungs, read_mask, write_chests
from messages import any_of, refused
from PIL import ExifTags, Image

from pxr_tf.lungs.contrast import Box, bounding_box
from pxr_tf.pictures.decode import InaccessibleImageError, UnreadableImageError, load_prepared, resize_grey
from pxr_tf.pictures.lung_crop import load_cropped, load_stored, lungs_as_seen, why_whole, widen
from pxr_tf.pictures.lung_store import MASK_SIDE, PictureLungs, find_in, open_lungs
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.pictures.store import open_pictures

SIZE = 96
TALL = np.ones((3, 3), np.uint8)


@pytest.fixture(scope="module")
def chest(tmp_path_factory):
    """Return a picture's path, its exact lungs in the file, and its lungs as they are stored."""
    table = write_chests(tmp_path_factory.mktemp("chest"), range(1))
    path = table.path[0]
    return path, read_mask(path), find_in(path, given_lungs(table))


def prepared(crop: str, resize: str = "squash", margin: float = 0.0) -> Preparation:
    return Preparation(SIZE, resize, crop, margin, "masks")


def shrunk(mask: np.ndarray) -> np.ndarray:
    """Return a mask without its border of one pixel, where a resized mask may differ."""
    return cv2.erode(mask.astype(np.uint8), TALL) > 0


@pytest.mark.parametrize("resize", ["squash", "pad"])
def test_lungs_are_black_outside_or_inside(chest, resize):
    path, exact, lungs = chest
    whole = load_prepared(path, Preparation(SIZE, resize))
    inside = resize_grey(exact * np.uint8(255), SIZE, resize) > 127
    only = load_cropped(path, prepared("lungs_only", resize), lungs, 0.5)
    without = load_cropped(path, prepared("without_lungs", resize), lungs, 0.5)
    assert (only.shape, only.dtype, without.dtype) == ((SIZE, SIZE), np.uint8, np.uint8)
    for kept, black, picture in ((inside, ~inside, only), (~inside, inside, without)):
        assert not picture[shrunk(black)].any()
        assert np.array_equal(picture[shrunk(kept)], whole[shrunk(kept)])
    assert np.array_equal(only.astype(int) + without, whole)  # each pixel is in one of the two pictures


@pytest.mark.parametrize("margin", [0.0, 0.05, 0.3])
def test_the_box_shows_the_whole_lungs_and_the_margin_around_them(chest, tmp_path, margin):
    path, exact, lungs = chest
    white = tmp_path / "lungs.png"  # the lungs themselves as a picture
    Image.fromarray(exact * np.uint8(255)).save(white)
    seen = load_cropped(str(white), prepared("lungs", margin=margin), lungs, 0.5)
    box = widen(bounding_box(exact), margin, WIDTH, HEIGHT)
    area = (box.right - box.left) * (box.bottom - box.top)
    assert (seen / 255).mean() * area == pytest.approx(exact.sum(), rel=0.01)
    tight = bounding_box(exact)
    assert (seen[0].any(), seen[:, 0].any()) == (box.top == tight.top, box.left == tight.left)
    inner = np.asarray(Image.open(path))[box.rows, box.columns]
    shown = load_cropped(path, prepared("lungs", margin=margin), lungs, 0.5)
    assert np.array_equal(shown, resize_grey(inner, SIZE, "squash"))


def test_a_margin_ends_at_the_picture_border():
    assert widen(Box(10, 20, 50, 100), 0.1, 1000, 1000) == Box(6, 12, 54, 108)
    assert widen(Box(10, 20, 50, 100), 0.1, 52, 105) == Box(6, 12, 52, 105)
    assert widen(Box(3, 5, 50, 100), 1, 80, 100) == Box(0, 0, 80, 100)
    assert widen(Box(10, 20, 50, 100), 0, 1000, 1000) == Box(10, 20, 50, 100)


def test_part_of_a_pixel_of_margin_is_a_whole_pixel():
    assert widen(Box(10, 20, 51, 121), 0.05, 1000, 1000) == Box(7, 14, 54, 127)  # 2.05 and 5.05 pixels


@pytest.mark.parametrize("crop", ["lungs", "lungs_only", "without_lungs"])
@pytest.mark.parametrize("change", [{"confidence": 0.49}, {"mask": np.zeros((MASK_SIDE, MASK_SIDE), bool)}])
def test_the_whole_picture_is_shown_if_its_lungs_are_not_trusted(chest, crop, change):
    path, _, lungs = chest
    uncertain = lungs._replace(**change)
    assert why_whole(uncertain, 0.5) == ("confidence below 0.5" if "confidence" in change else "no lungs")
    seen = load_cropped(path, prepared(crop, "pad", 0.1 if crop == "lungs" else 0.0), uncertain, 0.5)
    assert np.array_equal(seen, load_prepared(path, Preparation(SIZE, "pad")))
    assert why_whole(lungs._replace(confidence=0.5), 0.5) == ""


def test_a_picture_with_an_exif_orientation_is_cropped_as_it_is_shown(chest, tmp_path):
    path, _, lungs = chest
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # a quarter clockwise
    turned = tmp_path / "turned.png"
    Image.open(path).rotate(90, expand=True).save(turned, exif=exif)
    for crop in ("lungs", "lungs_only"):
        both = [load_cropped(str(file), prepared(crop), lungs, 0.5) for file in (path, turned)]
        assert np.array_equal(*both)


def test_a_large_jpeg_is_cropped_where_its_lungs_are(chest, tmp_path):
    path, exact, _ = chest
    large = tmp_path / "large.jpeg"
    picture = np.asarray(Image.open(path).resize((10 * WIDTH, 10 * HEIGHT), Image.Resampling.BICUBIC))
    Image.fromarray(picture).save(large, quality=95)
    mask = cv2.resize(exact.astype(np.uint8), picture.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    box = bounding_box(mask)
    stored = PictureLungs(np.ones((MASK_SIDE, MASK_SIDE), bool), box, picture.shape[1], picture.shape[0], 1.0)
    seen = load_cropped(str(large), prepared("lungs"), stored, 0.5).astype(int)
    # The decoder shrinks it to an eighth, so the box grows to whole pixels of the small picture.
    rows, columns = (slice(part.start // 8 * 8, -(-part.stop // 8) * 8) for part in (box.rows, box.columns))
    expected = resize_grey(np.ascontiguousarray(picture[rows, columns]), SIZE, "squash")
    assert np.abs(seen - expected).mean() < 1.5


def test_a_small_box_of_a_large_jpeg_keeps_its_pixels(tmp_path):
    """The decoder may shrink the picture only as far as the box allows, not as far as the whole picture would."""
    side, box = 1600, Box(800, 640, 1000, 840)
    stripes = np.tile(np.repeat(np.uint8([40, 210]), 4), side // 8)
    Image.fromarray(np.tile(stripes, (side, 1))).save(tmp_path / "large.jpeg", quality=98)
    lungs = PictureLungs(np.ones((MASK_SIDE, MASK_SIDE), bool), box, side, side, 1.0)
    seen = load_cropped(str(tmp_path / "large.jpeg"), prepared("lungs"), lungs, 0.5).astype(float)
    assert seen.std() > 60  # four pixels of a stripe: at an eighth of the size, all is grey


def test_each_crop_has_its_own_store(tmp_path):
    table = write_chests(tmp_path / "data", range(3))
    source = given_lungs(table)
    found = open_lungs(tmp_path / "cache", table, source)

    def open_here(preparation: Preparation):
        def decode(path: str, asked: Preparation) -> np.ndarray:
            return load_stored(path, asked, found, 0.5)

        return open_pictures(tmp_path / "cache", table, preparation, decode=decode)

    keys = {open_here(prepared(crop)).key for crop in ("lungs", "lungs_only", "without_lungs")}
    keys.add(open_here(prepared("lungs", margin=0.1)).key)
    keys.add(open_pictures(tmp_path / "cache", table, prepared("none")).key)
    assert len(keys) == 5
    assert len(list((tmp_path / "cache").glob("lungs-*/rows.raw"))) == 1


def test_a_file_without_lungs_is_never_stored_whole(tmp_path):
    table = write_chests(tmp_path, range(2))
    found = open_lungs(tmp_path / "cache", table, given_lungs(table))
    missing = found._replace(rows={})
    with refused(any_of("lungs"), any_of("same command", "run again"), error=InaccessibleImageError):
        load_stored(table.path[0], prepared("lungs"), missing, 0.5)
    (tmp_path / "images" / "0.png").write_text("no picture")
    with pytest.raises(UnreadableImageError, match="not a JPEG, PNG or DICOM"):
        load_stored(table.path[0], prepared("lungs"), missing, 0.5)


def test_loading_whole_pictures_refuses_a_crop(chest):
    with pytest.raises(ValueError, match="whole pictures"):
        load_prepared(chest[0], prepared("lungs"))


@pytest.mark.parametrize("resize", ["squash", "pad"])
@pytest.mark.parametrize("crop", ["none", "lungs", "without_lungs"])
def test_lungs_are_where_the_network_sees_them(chest, tmp_path, crop, resize):
    _, exact, lungs = chest
    white = tmp_path / "lungs.png"  # the lungs themselves as a picture
    Image.fromarray(exact * np.uint8(255)).save(white)
    how = prepared(crop, resize, 0.1 if crop == "lungs" else 0.0)
    seen = lungs_as_seen(lungs, how, 0.5)
    whole = crop != "lungs"
    picture = load_prepared(str(white), how.whole) if whole else load_cropped(str(white), how, lungs, 0.5)
    assert (seen.shape, seen.dtype) == ((SIZE, SIZE), bool)
    assert (seen != (picture > 127)).mean() < 0.02
    uncertain = lungs_as_seen(lungs._replace(confidence=0.1), how, 0.5)  # shown whole, so its lungs are elsewhere
    assert np.array_equal(uncertain, lungs_as_seen(lungs, how.whole, 0.5))


@pytest.mark.parametrize("box", [Box(1000, 1000, 1040, 1040), Box(1000, 10, 1003, 2900)])
def test_a_small_box_in_a_large_file_takes_little_memory(box):
    mask = np.zeros((MASK_SIDE, MASK_SIDE), bool)
    mask[:, : round(1020 / 3000 * MASK_SIDE)] = True  # the left half of the first box
    lungs = PictureLungs(mask, box, 3000, 3000, 1.0)
    tracemalloc.start()
    seen = lungs_as_seen(lungs, prepared("lungs"), 0.5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000
    assert seen[:, 0].all() and seen[:, -1].all() == (box.right < 1020)


def test_stored_lungs_are_cut_at_their_exact_place():
    """Each pixel of the box is a pixel of the stored mask; half a pixel further, all would be mixed."""
    mask = np.random.default_rng(0).random((MASK_SIDE, MASK_SIDE)) < 0.5
    box = Box(40, 60, 40 + 2 * SIZE, 60 + 2 * SIZE)
    seen = lungs_as_seen(PictureLungs(mask, box, MASK_SIDE, MASK_SIDE, 1.0), prepared("lungs"), 0.5)
    exact = resize_grey(mask[box.rows, box.columns] * np.uint8(255), SIZE, "squash") > 127
    assert np.array_equal(seen, exact)


@pytest.mark.parametrize("across", [True, False])
def test_an_enlarged_edge_of_the_stored_mask_stays_at_its_place(across):
    mask = np.zeros((MASK_SIDE, MASK_SIDE), bool)
    mask[:, 72:] = True
    box = Box(64 * 2, 96 * 2, 80 * 2, 112 * 2) if across else Box(96 * 2, 64 * 2, 112 * 2, 80 * 2)
    lungs = PictureLungs(mask if across else mask.T, box, 2 * MASK_SIDE, 2 * MASK_SIDE, 1.0)
    seen = lungs_as_seen(lungs, prepared("lungs"), 0.5)
    assert np.array_equal(seen if across else seen.T, np.tile(np.arange(SIZE) >= SIZE // 2, (SIZE, 1)))
