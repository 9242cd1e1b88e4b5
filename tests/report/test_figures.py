"""Figures as pixels and as files."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pxr_tf.report.figures import draw_confusion_matrix, figure_pixels, picture_sheet, write_figure

COUNTS = pd.DataFrame([[3, 1], [0, 0]], index=["covid19", "normal"], columns=["covid19", "normal"])


def texts(figure) -> list[str]:
    axes = figure.axes[0]
    labels = [*axes.get_xticklabels(), *axes.get_yticklabels()]
    return [item.get_text() for item in (axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts, *labels)]


@pytest.mark.parametrize("synthetic", [True, False])
def test_a_confusion_matrix_shows_counts_and_shares_and_names_phantoms(synthetic):
    said = texts(draw_confusion_matrix(COUNTS, "A title", synthetic))
    assert said[0].startswith("A title")
    assert ("Synthetic phantoms, not patients" in said[0]) == synthetic
    assert said[1:3] == ["predicted", "true"]
    assert said[3:7] == ["3\n75%", "1\n25%", "0\n0%", "0\n0%"]  # a class without images does not divide by zero
    assert said[7:] == ["covid19", "normal"] * 2


def test_a_figure_becomes_a_file_and_pixels(tmp_path):
    figure = draw_confusion_matrix(COUNTS, "A title", synthetic=False)
    write_figure(tmp_path / "a.png", figure)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.format == "PNG"
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]
    pixels = figure_pixels(figure)
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 3
    assert pixels.std() > 10


@pytest.mark.parametrize(("count", "height"), [(1, 4), (4, 4), (5, 10), (8, 10)])
def test_a_sheet_lays_pictures_out_in_rows(count, height):
    """Pictures of 4 pixels, four in a row, white gaps of 2."""
    pictures = np.stack([np.full((4, 4), 10 * number, np.uint8) for number in range(count)])
    sheet = picture_sheet(pictures, columns=4, gap=2)
    assert sheet.shape == (height, 22)
    for number in range(count):
        top, left = number // 4 * 6, number % 4 * 6
        assert (sheet[top : top + 4, left : left + 4] == 10 * number).all()
    assert (sheet[:, 4:6] == 255).all()
    assert (sheet == 255).sum() == sheet.size - 16 * count
