"""Maps over X-rays: which colour means what, and that the X-ray stays visible."""

import numpy as np
import pytest

from pxr_tf.galleries import overlay

GREY = np.full((32, 32), 120, np.uint8)


def half_and_half() -> np.ndarray:
    """Return a map that supports the class on the left and counts against it on the right."""
    return np.repeat(np.where(np.arange(32) < 16, 1.0, -1.0)[None], 32, axis=0).astype(np.float32)


def test_green_supports_and_vermilion_counts_against():
    pixels = overlay.paint(GREY, half_and_half(), 64, signed=True).pixels.astype(int)
    red, green, blue = pixels[32, 10]
    assert green > red + 50 and green > blue
    red, green, blue = pixels[32, 53]
    assert red > green + 50 > blue


def test_the_xray_is_unchanged_where_a_map_is_zero_and_is_never_hidden():
    ramp = np.tile(np.arange(32, dtype=np.uint8) * 4 + 60, (32, 1))
    assert (overlay.paint(ramp, np.zeros((7, 7), np.float32), 32, signed=False).pixels == ramp[..., None]).all()
    ones = overlay.paint(ramp, np.ones((7, 7), np.float32), 32, signed=False).pixels.astype(int)
    steps = np.diff(ones[16], axis=0)
    assert (ones[16, -1] - ones[16, 0] > 0.3 * (int(ramp[0, -1]) - int(ramp[0, 0]))).all()  # the ramp shines through
    assert (steps >= 0).all()


def test_an_unsigned_map_has_no_colour_for_negative_values():
    pixels = overlay.paint(GREY, half_and_half(), 64, signed=False).pixels
    assert (pixels[:, 40:] == 120).all()
    assert (pixels[:, :24] != 120).any()


def test_one_extreme_pixel_does_not_make_all_others_pale():
    values = np.full((100, 100), 1.0, np.float32)
    values[3, 3] = 1000
    assert overlay.full_strength(values) == pytest.approx(1)
    lonely = np.zeros((100, 100), np.float32)
    lonely[3, 3] = 5  # fewer pixels than the percentile leaves out: it is still drawn
    assert overlay.full_strength(lonely) == 5


def luminance(colour: np.ndarray) -> np.ndarray:
    """Return the relative luminance of sRGB colours, 0 to 1 (WCAG 2)."""
    share = np.asarray(colour) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def test_people_without_green_cones_can_distinguish_the_two_colours():
    """Deuteranopia, simulated after Viénot, Brettel, Mollon (1999), in linear RGB."""
    deutan = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])
    supports, against = (deutan @ (np.array(colour) / 255) ** 2.2 for colour in (overlay.SUPPORTS, overlay.AGAINST))
    assert np.abs(supports - against).max() > 0.1
    steps = np.diff(luminance(overlay.colours(False)))
    assert (steps >= 0).all() and steps.sum() > 0.6  # lightness alone orders unsigned maps


def test_the_outline_of_lungs_is_thin():
    pixels = np.zeros((64, 64, 3), np.uint8)
    mask = np.zeros((32, 32), bool)
    mask[8:24, 8:24] = True
    overlay.outline(pixels, mask)
    drawn = pixels.max(axis=2) > 128
    assert 60 < drawn.sum() < 64 * 4
    assert not drawn[24:40, 24:40].any()
