"""A picture is read as it is shown: turned and mirrored by its EXIF orientation, in JPEG and PNG."""

import struct

import numpy as np
import pytest
from picture_files import chunk, encode_png, make_picture, save
from PIL import Image, ImageOps

from pxr_tf.pictures.decode import load_grey, load_prepared, read_header
from pxr_tf.pictures.preparation import Preparation

ORIENTATION = 274  # the EXIF tag
SHOWN = make_picture(64, 96)  # darker to the left, with a disc left of the middle: its eight turns all look different
SHOWN[:20] //= 2
# How a camera held in each of the eight ways stores SHOWN (CIPA DC-008, tag 274).
STORED = {
    1: SHOWN,
    2: SHOWN[:, ::-1],
    3: SHOWN[::-1, ::-1],
    4: SHOWN[::-1],
    5: SHOWN.T,
    6: np.rot90(SHOWN),
    7: SHOWN[::-1, ::-1].T,
    8: np.rot90(SHOWN, -1),
}


def exif_of(orientation: object) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize(("name", "tolerance"), [("a.jpg", 12), ("a.png", 0)])
def test_a_picture_is_turned_as_it_is_shown(tmp_path, orientation, name, tolerance):
    stored = np.ascontiguousarray(STORED[orientation])
    path = save(tmp_path / name, stored, exif=exif_of(orientation), **{"quality": 98} if tolerance else {})
    assert np.abs(load_grey(path).astype(int) - SHOWN).max() <= tolerance
    with Image.open(path) as image:
        assert np.array_equal(load_grey(path), np.asarray(ImageOps.exif_transpose(image)))
    assert read_header(path)[1:3] == (96, 64)


@pytest.mark.parametrize("orientation", [3, 6, 7])
@pytest.mark.parametrize("resize", ["squash", "pad"])
def test_a_large_jpeg_is_turned_after_its_decoder_shrank_it(tmp_path, orientation, resize):
    """The decoder compares the smaller side with the requested size; it is the same before and after the turn."""
    large = np.kron(STORED[orientation], np.ones((8, 8), np.uint8))
    path = save(tmp_path / "a.jpg", large, exif=exif_of(orientation), quality=95)
    reduced = load_grey(path, at_least=128)
    assert reduced.shape == (128, 192)
    assert np.abs(reduced.astype(int) - np.kron(SHOWN, np.ones((2, 2), np.uint8))).mean() < 2
    upright = save(tmp_path / "b.jpg", np.kron(SHOWN, np.ones((8, 8), np.uint8)), quality=95)
    prepared = [load_prepared(file, Preparation(48, resize)).astype(int) for file in (path, upright)]
    assert np.abs(prepared[0] - prepared[1]).mean() < 1


def test_16_bit_pictures_are_also_turned(tmp_path):
    stored = STORED[6].astype(np.uint16) << 4
    block = chunk(b"eXIf", exif_of(6).tobytes()[6:])
    for values in (stored, np.dstack([stored] * 3)):
        (tmp_path / "a.png").write_bytes(encode_png(values, block))
        assert np.array_equal(load_grey(tmp_path / "a.png"), SHOWN)


def test_a_png_may_have_its_orientation_after_its_pixels(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encode_png(np.ascontiguousarray(STORED[8]), after=chunk(b"eXIf", exif_of(8).tobytes()[6:])))
    assert np.array_equal(load_grey(path), SHOWN)
    assert read_header(path)[1:3] == (96, 64)


NO_ORIENTATIONS = {  # type, count, value of the tag's entry
    "0": (3, 1, b"\0\0"),
    "9": (3, 1, b"\0\x09"),
    "text": (2, 2, b"6\0"),
    "bytes": (7, 2, b"\0\x06"),
    "a fraction that is not there": (5, 1, b"\0\x06"),
}


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("kind", NO_ORIENTATIONS)
def test_an_orientation_that_does_not_exist_turns_nothing(tmp_path, kind):
    form, count, value = NO_ORIENTATIONS[kind]
    entry = struct.pack(">HHHI4s", 1, ORIENTATION, form, count, value)
    path = save(tmp_path / "a.png", SHOWN, exif=b"Exif\0\0MM\0*\0\0\0\x08" + entry + bytes(4))
    assert np.array_equal(load_grey(path), SHOWN)
    assert read_header(path)[1:3] == (96, 64)


DAMAGED = {
    "no TIFF": b"Exif\0\0" + b"garbage" * 9,
    "nothing": b"Exif\0\0",
    "cut off": exif_of(6).tobytes()[:20],
    "entries beyond the end": exif_of(6).tobytes()[:14] + b"\xff\xff" + exif_of(6).tobytes()[16:],
    "directory beyond the end": b"Exif\0\0MM\0*\x7f\xff\xff\xff",
}


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # commands ignore it, too
@pytest.mark.parametrize("damage", DAMAGED)
@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_a_damaged_exif_block_leaves_a_good_picture(tmp_path, name, damage):
    path = save(tmp_path / name, SHOWN, exif=DAMAGED[damage])
    upright = save(tmp_path / f"b{name}", SHOWN)
    read = load_grey(path)
    assert np.array_equal(read, load_grey(upright)) or np.array_equal(np.rot90(read), load_grey(upright))
    assert sorted(read_header(path)[1:3]) == [64, 96]
