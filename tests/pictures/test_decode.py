"""Decode one file to one grey array: every coding that occurs, every kind of damage."""

import contextlib
import errno
import io
import os
import socket
import struct
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages import at_most, refused
from picture_files import chunk, make_picture, save
from PIL import Image

from pxr_tf.data.patients import add_content
from pxr_tf.errors import PxrError
from pxr_tf.pictures.decode import (
    MAX_BYTES,
    MAX_PIXELS,
    InaccessibleImageError,
    UnreadableImageError,
    load_grey,
    load_prepared,
    read_header,
    resize_grey,
)
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.sets.file_kinds import is_image_name


def make_png(width: int, height: int, colour_type: int = 0) -> bytes:
    """Return a PNG that declares a size and has only a few bytes of pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 9)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "a.dcm", "a.DICOM", "é b.png", "a.b.Png"])
def test_names_of_images(name):
    assert is_image_name(name)


@pytest.mark.parametrize("name", [".DS_Store", "._a.jpeg", ".png", "a.txt", "png", "a.dcm.gz", "a.jpg.part"])
def test_names_of_other_files(name):
    assert not is_image_name(name)


def test_grey_png_is_read_exactly(tmp_path):
    picture = make_picture()
    path = save(tmp_path / "a.png", picture)
    assert np.array_equal(load_grey(path), picture)
    assert read_header(path) == ("PNG", 80, 60, "grey", path.stat().st_size, None)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_is_read_closely(tmp_path, mode):
    picture = make_picture()
    path = save(tmp_path / "a.jpg", Image.fromarray(picture).convert(mode), quality=95)
    assert np.abs(load_grey(path).astype(int) - picture).mean() < 2
    assert read_header(path)[:4] == ("JPEG", 80, 60, {"L": "grey"}.get(mode, mode.lower()))


@pytest.mark.parametrize(("mode", "name"), [("RGB", "rgb"), ("RGBA", "rgba"), ("P", "palette"), ("LA", "grey+alpha")])
def test_png_of_any_mode_gives_the_same_grey(tmp_path, mode, name):
    picture = make_picture() // 16 * 16  # few enough levels for a palette
    path = save(tmp_path / "a.png", Image.fromarray(picture).convert(mode))
    assert np.array_equal(load_grey(path), picture)
    assert read_header(path).mode == name


def test_colour_becomes_luma(tmp_path):
    path = save(tmp_path / "a.png", Image.new("RGB", (4, 4), (255, 0, 0)))
    assert (load_grey(path) == 76).all()  # 0.299 x 255


def test_a_bilevel_png_is_black_and_white(tmp_path):
    path = save(tmp_path / "a.png", Image.fromarray(make_picture() > 100))
    assert set(np.unique(load_grey(path))) == {0, 255}


def test_transparency_is_laid_on_black(tmp_path):
    rgba = np.full((4, 4, 4), 200, np.uint8)
    rgba[..., 3] = [0, 85, 170, 255]
    assert load_grey(save(tmp_path / "a.png", rgba))[0].tolist() == [0, 67, 133, 200]
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 10, 10, 200, 200, 200])
    palette.putdata([0, 1])
    assert load_grey(save(tmp_path / "p.png", palette, transparency=1)).tolist() == [[10, 0]]


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_16_bit_grey_fills_the_range_of_its_detector(tmp_path, bits):
    picture = make_picture().astype(np.uint16)
    picture[0, 0] = 255
    path = save(tmp_path / "a.png", picture << (bits - 8))
    assert read_header(path).mode == "grey16"
    assert np.array_equal(load_grey(path), picture)


def test_an_empty_16_bit_picture_is_black(tmp_path):
    assert not load_grey(save(tmp_path / "a.png", np.zeros((4, 4), np.uint16))).any()


def test_the_bytes_decide_the_format_not_the_suffix(tmp_path):
    picture = make_picture()
    save(tmp_path / "a.png", picture).rename(tmp_path / "b.jpg")
    assert read_header(tmp_path / "b.jpg").format == "PNG"
    assert np.array_equal(load_grey(tmp_path / "b.jpg"), picture)


def write_damaged(folder: Path, kind: str) -> Path:
    picture = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)).save(
        picture, "PNG" if "png" in kind else "JPEG"
    )
    data = picture.getvalue()
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 0xFF
    contents = {
        "truncated jpeg": data[: len(data) // 2],
        "truncated png": data[: len(data) // 2],
        "flipped png": bytes(flipped),
        "header of jpeg": data[:20],
        "header of png": data[:20],
        "empty": b"",
        "text": b"This is no picture.\n" * 20,
        "gif": b"GIF89a" + bytes(50),
        "huge png": make_png(2**31 - 1, 2**31 - 1),
        "large png": make_png(60_000, 60_000),
        "short png": make_png(64, 64),
        "no width png": make_png(0, 64),
    }
    path = folder / f"{kind}.{'png' if 'png' in kind else 'jpg'}"
    path.write_bytes(contents[kind])
    return path


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("truncated jpeg", "damaged JPEG: .*truncated"),
        ("truncated png", "damaged PNG"),
        ("flipped png", "damaged PNG"),
        ("header of jpeg", "."),
        ("header of png", "."),
        ("empty", "empty file"),
        ("text", "not a JPEG, PNG or DICOM"),
        ("gif", "not a JPEG, PNG or DICOM"),
        ("huge png", "declares"),
        ("large png", "declares"),
        ("short png", "damaged PNG"),
        ("no width png", "."),
    ],
)
def test_damaged_files_give_a_reason(tmp_path, kind, reason):
    path = write_damaged(tmp_path, kind)
    with pytest.raises(UnreadableImageError, match=reason) as fault:
        load_grey(path)
    assert isinstance(fault.value, PxrError)
    assert not isinstance(fault.value, InaccessibleImageError)  # the fault is in the bytes
    assert "\n" not in str(fault.value)
    assert str(tmp_path) not in str(fault.value)


def test_a_missing_file_is_inaccessible(tmp_path):
    with pytest.raises(InaccessibleImageError, match="No such file"):
        load_grey(tmp_path / "a.png")


def test_an_error_of_the_system_while_decoding_is_not_a_fault_of_the_file(tmp_path, monkeypatch):
    def fail(image):
        raise OSError(errno.EIO, "Input/output error")

    path = save(tmp_path / "a.png", make_picture())
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", fail)
    with pytest.raises(InaccessibleImageError, match="Input/output error"):
        load_grey(path)


def test_pillows_own_limit_is_not_changed():
    assert Image.MAX_IMAGE_PIXELS == 1024**3 // 4 // 3


def test_the_limits_are_stated(tmp_path):
    (tmp_path / "a.png").write_bytes(make_png(MAX_PIXELS // 10_000 + 1, 10_000))
    with refused("4001 x 10000 pixels", at_most("40,000,000"), error=UnreadableImageError):
        read_header(tmp_path / "a.png")
    with open(tmp_path / "a.png", "wb") as file:
        file.truncate(MAX_BYTES + 1)
    with refused("360,000,001 bytes", at_most("360,000,000"), error=UnreadableImageError):
        load_grey(tmp_path / "a.png")


def make_irregular(path: Path, kind: str) -> Path:
    """Make something that must not be opened like a file. A pipe holds some bytes, so that reading never blocks."""
    if kind == "pipe":
        os.mkfifo(path)
        os.write(os.open(path, os.O_RDWR), bytes(100))
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listening, contextlib.chdir(path.parent):  # a socket's path is short
            listening.bind(path.name)
    elif kind == "link to a device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    return path


@pytest.mark.parametrize("kind", ["pipe", "socket", "link to a device", "folder"])
def test_only_regular_files_are_opened(tmp_path, kind):
    path = make_irregular(tmp_path / "z.png", kind)
    for read in (read_header, load_grey):
        with pytest.raises(InaccessibleImageError, match="^not a regular file$"):
            read(path)
    table = pd.DataFrame({"image_id": ["z"], "path": [str(path)]})
    assert add_content(table).content.tolist() == ["unreadable:z"]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"]))
def test_any_bytes_are_either_a_picture_or_a_reason(tmp_path_factory, data, start):
    path = tmp_path_factory.getbasetemp() / "any.jpg"
    path.write_bytes(start + data)
    with contextlib.suppress(UnreadableImageError):  # any other error or warning fails the test
        assert load_grey(path).dtype == np.uint8


def test_squash_fills_the_square_and_pad_keeps_the_aspect():
    picture = np.full((30, 60), 200, np.uint8)
    assert (resize_grey(picture, 20, "squash") == 200).all()
    padded = resize_grey(picture, 20, "pad")
    assert (padded[5:15] == 200).all()
    assert not padded[:5].any()
    assert not padded[15:].any()
    assert not resize_grey(picture.T, 20, "pad")[:, :5].any()


def test_a_picture_of_the_wanted_size_is_left_as_it_is():
    picture = make_picture(40, 40)
    assert np.array_equal(resize_grey(picture, 40, "squash"), picture)
    assert np.array_equal(resize_grey(picture, 40, "pad"), picture)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 40), st.sampled_from(["squash", "pad"]))
def test_every_shape_becomes_a_square(height, width, size, resize):
    resized = resize_grey(np.full((height, width), 7, np.uint8), size, resize)
    assert resized.shape == (size, size)
    assert resized.dtype == np.uint8
    assert resized.max() == 7


@pytest.mark.parametrize("shape", [(256, 256), (512, 384), (1030, 800)])
def test_reduced_decoding_stays_above_the_requested_size(tmp_path, shape):
    path = save(tmp_path / "a.jpg", make_picture(*shape), quality=90)
    reduced = load_grey(path, at_least=100)
    assert min(reduced.shape) >= 100
    assert max(reduced.shape) < max(shape)
    assert load_grey(path, at_least=4000).shape == shape


@pytest.mark.parametrize("resize", ["squash", "pad"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_reduced_decoding_is_close_to_full_decoding(tmp_path, mode, resize):
    noise = np.random.default_rng(0).normal(0, 12, (900, 1200))
    picture = np.clip(make_picture(900, 1200) + noise, 0, 255).astype(np.uint8)
    path = save(tmp_path / "a.jpg", Image.fromarray(picture).convert(mode), quality=92)
    prepared = load_prepared(path, Preparation(96, resize)).astype(int)
    full = resize_grey(load_grey(path), 96, resize).astype(int)
    assert np.abs(prepared - full).mean() < 1
    assert np.quantile(np.abs(prepared - full), 0.98) <= 4  # all but edges
    assert np.abs(prepared - full).max() <= 48


@pytest.mark.parametrize("period", [1, 2, 3])
def test_stripes_finer_than_a_pixel_become_grey(tmp_path, period):
    """A plain bilinear resize turns these stripes into coarse patterns (standard deviation 36 to 99)."""
    stripes = (np.indices((900, 1200)).sum(0) // period % 2 * 255).astype(np.uint8)
    for name in ("a.jpg", "a.png"):
        assert load_prepared(save(tmp_path / name, stripes), Preparation(96, "squash")).std() < 3


@pytest.mark.parametrize("shape", [(100, 100), (150, 130), (250, 100), (287, 287), (288, 288), (500, 300)])
def test_shrinking_keeps_the_mean_and_a_slope(shape):
    slope = np.linspace(0, 255, shape[0])[:, None].repeat(shape[1], 1).round().astype(np.uint8)
    small = resize_grey(slope, 96, "squash").astype(float)
    assert abs(small.mean() - slope.mean()) < 0.5
    np.testing.assert_allclose(small[:, 0], (np.arange(96) + 0.5) * 255 / 96, atol=2)


def test_a_prepared_picture_is_square(tmp_path):
    path = save(tmp_path / "a.png", make_picture())
    assert load_prepared(path, Preparation(32, "pad")).shape == (32, 32)
