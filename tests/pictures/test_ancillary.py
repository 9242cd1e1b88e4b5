"""A JPEG or PNG is read, whatever it holds besides its pixels, however large or damaged that is."""

import io
import struct
import zlib

import numpy as np
import pytest
from picture_files import chunk, encode_png, make_picture
from PIL import Image

from pxr_tf.pictures.decode import UnreadableImageError, load_grey, read_header

PICTURE = make_picture()
LARGE = zlib.compress(bytes(1_200_000))  # Pillow refuses what expands to more than a megabyte


def spoilt(kind: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG with a wrong checksum."""
    return chunk(kind, data)[:-4] + b"\1\2\3\4"


CHUNKS = {
    "large profile": chunk(b"iCCP", b"icc\0\0" + LARGE),
    "large zTXt": chunk(b"zTXt", b"comment\0\0" + LARGE),
    "large iTXt": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + LARGE),
    "profile of an unknown method": chunk(b"iCCP", b"icc\0\7abc"),
    "short profile": chunk(b"iCCP", b""),
    "wrong checksum of a profile": spoilt(b"iCCP", b"icc\0\0" + zlib.compress(b"abc")),
    "wrong checksum of a text": spoilt(b"tEXt", b"comment\0abc"),
    "wrong checksum of an EXIF block": spoilt(b"eXIf", b"MM\0*\0\0\0\b"),
    "wrong checksum of an unknown chunk": spoilt(b"abCd", b"abc"),
    "short gAMA": chunk(b"gAMA", b"\0"),
    "short cHRM": chunk(b"cHRM", b"\0\0"),
    "short pHYs": chunk(b"pHYs", b"\0\0"),
    "short acTL": chunk(b"acTL", b"\0"),
    "frame outside the picture": chunk(b"fcTL", struct.pack(">5I2H2B", 0, 900, 9, 0, 0, 1, 1, 0, 0)),
    "frame of a part of the picture": chunk(b"fcTL", struct.pack(">5I2H2B", 0, 8, 9, 0, 0, 1, 1, 0, 0)),
}


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("kind", CHUNKS)
def test_a_png_is_read_whatever_is_besides_its_pixels(tmp_path, kind, place):
    path = tmp_path / "a.png"
    path.write_bytes(encode_png(PICTURE, **{place: CHUNKS[kind]}))
    assert np.array_equal(load_grey(path), PICTURE)
    assert read_header(path) == ("PNG", 80, 60, "grey", path.stat().st_size, None)


def test_a_16_bit_colour_png_with_a_large_profile_is_read(tmp_path):
    values = np.stack([PICTURE.astype(np.uint16) * 257] * 3, axis=-1)
    (tmp_path / "a.png").write_bytes(encode_png(values, before=CHUNKS["large profile"]))
    assert np.abs(load_grey(tmp_path / "a.png").astype(int) - PICTURE).max() <= 1


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_png_is_turned_although_another_chunk_is_damaged(tmp_path, place):
    exif = Image.Exif()
    exif[0x0112] = 6
    turning = chunk(b"eXIf", exif.tobytes()[6:])
    (tmp_path / "a.png").write_bytes(encode_png(PICTURE, **{place: CHUNKS["large profile"] + turning}))
    assert load_grey(tmp_path / "a.png").shape == (80, 60)
    assert read_header(tmp_path / "a.png")[1:3] == (60, 80)


def jpeg(*segments: bytes) -> bytes:
    """Return the picture as a JPEG without its JFIF segment, and with others instead."""
    data = io.BytesIO()
    Image.fromarray(PICTURE).save(data, "JPEG", quality=95)
    assert data.getvalue()[2:4] == b"\xff\xe0"
    return b"\xff\xd8" + b"".join(segments) + data.getvalue()[20:]


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, 2 + len(data)) + data


SEGMENTS = {
    "short JFIF": segment(0xE0, b"JFIF\0"),
    "short Adobe": segment(0xEE, b"Adobe"),
    "short profile": segment(0xE2, b"ICC_PROFILE\0"),
    "impossible length": b"\xff\xe5\0\0",
    "damaged EXIF": segment(0xE1, b"Exif\0\0" + b"\xff" * 40),
    "large comments": segment(0xFE, bytes(65_000)) * 20,
    "large profile": b"".join(segment(0xE2, b"ICC_PROFILE\0" + bytes([i, 20]) + bytes(60_000)) for i in range(1, 21)),
}


@pytest.mark.parametrize("kind", SEGMENTS)
def test_a_jpeg_is_read_whatever_is_besides_its_pixels(tmp_path, kind):
    (tmp_path / "sound.jpg").write_bytes(jpeg())
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(SEGMENTS[kind]))
    assert np.array_equal(load_grey(path), load_grey(tmp_path / "sound.jpg"))
    assert read_header(path) == ("JPEG", 80, 60, "grey", path.stat().st_size, None)


def test_a_jpeg_is_turned_although_another_segment_is_damaged(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "a.jpg").write_bytes(jpeg(SEGMENTS["short JFIF"], segment(0xE1, exif.tobytes())))
    assert load_grey(tmp_path / "a.jpg").shape == (80, 60)


def test_colours_of_a_jpeg_stay_what_its_adobe_segment_says(tmp_path):
    """Without the segment, the three channels would be taken for luma and chroma."""
    data = io.BytesIO()
    Image.merge("RGB", [Image.fromarray(PICTURE)] * 3).save(data, "JPEG", quality=95, keep_rgb=True)
    (tmp_path / "a.jpg").write_bytes(data.getvalue())
    (tmp_path / "b.jpg").write_bytes(data.getvalue()[:2] + SEGMENTS["short profile"] + data.getvalue()[2:])
    assert np.array_equal(load_grey(tmp_path / "a.jpg"), load_grey(tmp_path / "b.jpg"))


@pytest.mark.parametrize("kind", ["short profile", "large zTXt", "wrong checksum of a text"])
def test_damaged_pixels_stay_a_fault_and_no_name_of_the_library_is_in_it(tmp_path, kind):
    data = bytearray(encode_png(PICTURE, before=CHUNKS[kind]))
    data[-30] ^= 255
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(UnreadableImageError, match="damaged PNG") as fault:
        load_grey(tmp_path / "a.png")
    assert "Plugin" not in str(fault.value)
