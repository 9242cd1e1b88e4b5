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


NAMES = {
    "four short names": ["bacterial", "covid19", "normal", "viral"],
    "long names": [f"{name} with {'a very long description ' * 4}" for name in "abc"],
    "a long word": ["x" * 220, "normal"],
    "many classes": [f"finding number {number}" for number in range(40)],
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_a_confusion_matrix_is_not_cut(tmp_path, names):
    counts = pd.DataFrame(np.full((len(names), len(names)), 1234), index=names, columns=names)
    figure = draw_confusion_matrix(counts, "A title, very long, " * 8, synthetic=True)
    write_figure(tmp_path / "a.png", figure)
    with Image.open(tmp_path / "a.png") as picture:
        pixels = np.asarray(picture.convert("L"))
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    assert (edge == 255).all()  # nothing reaches the edge
    drawn = figure.canvas.get_renderer()
    axes = figure.axes[0]
    cell = axes.get_window_extent(drawn).width / len(names)
    assert max(text.get_window_extent(drawn).width for text in axes.texts) <= cell
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text().replace("\n", "").replace(" ", "") for label in labels] == [
            name.replace(" ", "") for name in names
        ]


def test_a_figure_is_written_in_all_formats_with_the_same_bytes_each_time(tmp_path):
    formats, starts = ("png", "pdf", "svg"), (b"\x89PNG", b"%PDF", b"<?xml")
    written = []
    for _ in range(2):
        figure = draw_confusion_matrix(COUNTS, "A title", synthetic=False)
        write_figure(tmp_path / "a.b.png", figure, formats)
        written.append([(tmp_path / f"a.b.{kind}").read_bytes() for kind in formats])
    assert written[0] == written[1]
    assert all(content.startswith(start) for content, start in zip(written[0], starts, strict=True))
    assert len(list(tmp_path.iterdir())) == 3


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
