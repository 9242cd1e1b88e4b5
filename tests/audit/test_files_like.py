"""Pictures saved as other files are saved."""

import io

import numpy as np
import pytest
from PIL import Image

from pxr_tf.audit.files_like import Encoding, read_encoding, save_like
from pxr_tf.phantoms.sets import draw_phantom

PICTURE = np.ascontiguousarray(draw_phantom(1, 0, "normal", 120).image[:, :80])  # 120 high, 80 wide


@pytest.fixture
def poor(tmp_path):
    """A colour JPEG of quality 20."""
    file = tmp_path / "poor.jpg"
    Image.fromarray(PICTURE).resize((40, 60)).convert("RGB").save(file, quality=20)
    return file


def open_saved(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_a_jpegs_brightness_table_and_size_are_read(poor):
    found = read_encoding(str(poor))
    assert found.pixels == 40 * 60
    with Image.open(poor) as image:
        assert found.tables == tuple(image.quantization[0])


def test_a_png_has_no_table(tmp_path):
    Image.fromarray(PICTURE).save(tmp_path / "one.png")
    assert read_encoding(str(tmp_path / "one.png")) == Encoding(80 * 120, None)


def test_with_the_tables_of_another_file_a_picture_keeps_its_size(poor):
    donor = read_encoding(str(poor))
    saved = open_saved(save_like(PICTURE, donor, "encoding"))
    assert saved.format == "JPEG" and saved.size == (80, 120)
    assert tuple(saved.quantization[0]) == donor.tables
    assert 1 < abs(np.asarray(saved).astype(int) - PICTURE).mean() < 20


def test_at_the_size_of_another_file_a_picture_keeps_its_aspect_and_is_saved_without_loss(poor):
    saved = open_saved(save_like(PICTURE, read_encoding(str(poor)), "resolution"))
    assert saved.format == "PNG" and saved.size == (40, 60)


def test_saved_as_another_file_it_has_both(poor):
    donor = read_encoding(str(poor))
    saved = open_saved(save_like(PICTURE, donor, "file"))
    assert saved.format == "JPEG" and saved.size == (40, 60) and tuple(saved.quantization[0]) == donor.tables


def test_a_file_without_loss_leaves_the_pixels_as_they_are():
    for what in ("encoding", "resolution", "file"):
        saved = open_saved(save_like(PICTURE, Encoding(PICTURE.size, None), what))
        assert saved.format == "PNG" and np.array_equal(np.asarray(saved), PICTURE)


def test_a_picture_is_enlarged_too():
    assert open_saved(save_like(PICTURE, Encoding(4 * PICTURE.size, None), "file")).size == (160, 240)
