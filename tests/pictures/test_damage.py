"""Damaged files: each is named with a reason, or decodes; none crashes, hangs or fills the memory.

A flipped bit inside a JPEG's compressed pixels usually leaves a valid JPEG of a slightly different picture. No decoder
can notice that. PNG has checksums, so every flipped bit is found.
"""

import struct
import zlib

import cv2
import numpy as np
import pytest

from pxr_tf.data.patients import add_content
from pxr_tf.phantoms.sets import draw_phantom
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.pictures.store import open_pictures

SIZE = 64


def encode(ending, size=96):
    image = draw_phantom(3, 0, "viral", size).image
    return bytearray(cv2.imencode(ending, image)[1].tobytes())


JPEG, PNG = encode(".jpeg"), encode(".png")
OTHER_FORMATS = [bytes(encode(ending)) for ending in (".bmp", ".tiff", ".webp")] + [b"GIF89a" + bytes(200)]


def truncated(rng):
    data = [JPEG, PNG][rng.integers(2)]
    return data[: rng.integers(1, int(0.9 * len(data)))]


def text(rng):
    return b"patient moved, image repeated\n" * int(rng.integers(1, 50))


def wrong_extension(rng):
    return OTHER_FORMATS[rng.integers(len(OTHER_FORMATS))]


def zero_bytes(rng):
    return b""


def zeros(rng):
    return bytes(int(rng.integers(1, 5000)))


def huge_png(rng):
    data = PNG.copy()
    data[16:24] = struct.pack(">II", *rng.integers(20_000, 2**31 - 1, 2))
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return data


def huge_jpeg(rng):
    data = JPEG.copy()
    start = data.index(b"\xff\xc0") + 5
    data[start : start + 4] = struct.pack(">HH", *rng.integers(20_000, 65_000, 2))
    return data


def flipped_png(rng):
    data = PNG.copy()
    start = data.index(b"IDAT") + 4
    data[rng.integers(start, len(data) - 16)] ^= 1 << rng.integers(8)
    return data


def flipped_jpeg(rng):
    data = JPEG.copy()
    for _ in range(int(rng.integers(1, 30))):
        data[rng.integers(2, len(data))] ^= 1 << rng.integers(8)
    return data


NAMED = (truncated, text, wrong_extension, zero_bytes, zeros, huge_png, huge_jpeg, flipped_png)


def pictures_of(tmp_path, damages, count):
    """Return (pictures, manifest) of `count` files, each damaged in turn, under names that promise a JPEG or a PNG."""
    import pandas as pd

    rows = []
    for number in range(count):
        rng = np.random.default_rng(number)
        path = tmp_path / f"{number}{('.jpeg', '.png')[number % 2]}"
        path.write_bytes(bytes(damages[number % len(damages)](rng)))
        rows.append({"image_id": str(number), "path": str(path)})
    table = add_content(pd.DataFrame(rows))
    return open_pictures(tmp_path / "cache", table, Preparation(SIZE, "squash"), threads=2), table


@pytest.mark.parametrize("count", [96, pytest.param(2000, marks=pytest.mark.slow)])
def test_every_damaged_file_is_named_with_a_reason(tmp_path, count):
    pictures, table = pictures_of(tmp_path, NAMED, count)
    reasons = table.content.map(pictures.faults)
    unnamed = [NAMED[int(name) % len(NAMED)].__name__ for name in table.image_id[reasons.isna()]]
    assert unnamed == []
    assert all(reason and "\n" not in reason for reason in reasons)


@pytest.mark.parametrize("count", [48, pytest.param(500, marks=pytest.mark.slow)])
def test_a_jpeg_with_flipped_bits_is_named_or_decodes_whole(tmp_path, count):
    pictures, table = pictures_of(tmp_path, (flipped_jpeg,), count)
    faults = table.content.map(pictures.faults)
    decoded = pictures.pixels[[pictures.rows[content] for content in table.content[faults.isna()]]]
    assert decoded.shape[1:] == (SIZE, SIZE)
    assert all("\n" not in reason for reason in faults.dropna())
