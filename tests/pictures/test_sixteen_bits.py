"""16-bit PNGs look like the 8-bit version of a picture, whatever the detector's range and despite a few wild pixels."""

import numpy as np
import pytest
from picture_files import chunk, encode_png, make_picture, save

from pxr_tf.pictures.decode import UnreadableImageError, fit_range, load_grey, read_header

PICTURE = make_picture(120, 160)


def decode(path, data: bytes) -> np.ndarray:
    path.write_bytes(data)
    return load_grey(path)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_grey_is_scaled_by_the_range_of_its_detector(tmp_path, bits):
    path = save(tmp_path / "a.png", PICTURE.astype(np.uint16) << (bits - 8))
    assert read_header(path).mode == "grey16"
    assert np.array_equal(load_grey(path), PICTURE)


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
@pytest.mark.parametrize("wild", [1, 96, 300])  # pixels: one hot pixel; burnt-in text, 0.5 % and 1.6 % of the picture
def test_values_far_above_the_range_are_cut_off(tmp_path, bits, wild):
    values = PICTURE.astype(np.uint16) << (bits - 8)
    values.reshape(-1)[:wild] = 65535
    read = decode(tmp_path / "a.png", encode_png(values)).reshape(-1)
    assert (read[:wild] == 255).all()
    assert np.array_equal(read[wild:], PICTURE.reshape(-1)[wild:])


def test_black_around_the_picture_does_not_decide_the_range(tmp_path):
    """A small field on a black plate uses 16 bits, although 97 % of all pixels are below 8."""
    values = np.zeros((400, 400), np.uint16)
    values[:50, :100] = (PICTURE.astype(np.uint16) << 8)[:50, :100]
    read = decode(tmp_path / "a.png", encode_png(values))
    assert np.array_equal(read[:50, :100], PICTURE[:50, :100])
    assert not read[50:].any()


def test_a_bright_part_larger_than_a_marker_keeps_its_levels():
    values = np.full((100, 100), 2000, np.uint16)
    values[:3] = np.linspace(20_000, 60_000, 100)  # 3 % of the picture
    assert np.array_equal(fit_range(values), values >> 8)


def test_black_pictures_stay_black_apart_from_a_hot_pixel(tmp_path):
    assert not decode(tmp_path / "a.png", encode_png(np.zeros((4, 4), np.uint16))).any()
    one = np.zeros((40, 40), np.uint16)
    one[3, 3] = 65535
    assert fit_range(one).sum() == 255


def test_levels_stay_linear_from_zero():
    values = np.arange(0, 4096, dtype=np.uint16)
    assert np.array_equal(fit_range(values), values // 16)
    assert np.array_equal(fit_range(values.astype(">u2")), values // 16)  # big-endian, Pillow's I;16B


def in_colour(picture: np.ndarray, channels: int) -> np.ndarray:
    """Return the picture as uint8 [height, width, channels]: tinted if it has three colours, alpha a slope."""
    tints = {1: (1.0,), 2: (1.0,), 3: (1.0, 0.8, 0.5), 4: (1.0, 0.8, 0.5)}[channels]
    planes = [(picture * tint).round() for tint in tints]
    if channels in (2, 4):
        planes.append(np.linspace(20, 100, picture.size).reshape(picture.shape))
    return np.stack(planes, axis=-1).astype(np.uint8)


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize(("channels", "mode"), [(2, "grey+alpha16"), (3, "rgb16"), (4, "rgba16")])
def test_colour_and_alpha_are_as_in_8_bits(tmp_path, channels, mode, bits):
    eight = in_colour(PICTURE, channels)
    sixteen = (eight.astype(np.uint16) << (bits - 8)) + (1 << (bits - 8)) // 2  # the middle of each level
    if channels in (2, 4):
        sixteen[..., -1] = eight[..., -1].astype(np.uint16) * 257  # alpha has no detector: 65535 is opaque
    read = decode(tmp_path / "16.png", encode_png(sixteen)).astype(int)
    assert np.abs(read - decode(tmp_path / "8.png", encode_png(eight))).max() <= 1
    assert read.max() > 40
    assert read_header(tmp_path / "16.png").mode == mode


def test_a_colour_is_as_dark_as_in_8_bits(tmp_path):
    """Blue is 11 % of luma. The channels decide the range: the range of luma would make it 8 times as bright."""
    blue = np.zeros((9, 9, 3), np.uint16)
    blue[..., 2] = 65535
    assert (decode(tmp_path / "a.png", encode_png(blue)) == 29).all()


def test_transparent_pixels_do_not_decide_the_range(tmp_path):
    """A 12-bit picture has white under a transparent border, as drawing programs leave it."""
    values = np.dstack([PICTURE.astype(np.uint16) << 4, np.full(PICTURE.shape, 65535, np.uint16)])
    values[:40] = [65535, 0]
    read = decode(tmp_path / "a.png", encode_png(values))
    assert not read[:40].any()
    assert np.array_equal(read[40:], PICTURE[40:])


@pytest.mark.parametrize("channels", [1, 3])
def test_a_transparent_colour_is_black(tmp_path, channels):
    values = np.dstack([PICTURE.astype(np.uint16) << 4] * channels).squeeze()
    values[:40] = 60_000
    read = decode(tmp_path / "a.png", encode_png(values, chunk(b"tRNS", b"\xea\x60" * channels)))
    assert not read[:40].any()
    assert np.array_equal(read[40:], PICTURE[40:])


def test_damage_in_16_bit_colour_is_found(tmp_path, capfd):
    data = encode_png(np.dstack([PICTURE.astype(np.uint16) << 4] * 3))
    for damaged in (data[:-40], data[:300] + bytes([data[300] ^ 1]) + data[301:]):
        with pytest.raises(UnreadableImageError, match="damaged PNG"):
            decode(tmp_path / "a.png", damaged)
    assert capfd.readouterr() == ("", "")  # OpenCV alone would print a warning
