"""Letters that the usual font lacks: a font of the system draws them, else figures show a class's number."""

import warnings

import numpy as np
import pandas as pd
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from written_runs import print_to_text, write_run

from pxr_tf.report import fonts
from pxr_tf.report.figures import draw_confusion_matrix, figure_pixels, new_figure, write_figure
from pxr_tf.report.results import write_results
from pxr_tf.runs.finished import open_run

CHINESE = ("肺炎", "normal")
COUNTS = pd.DataFrame(np.eye(2, dtype=int) + 3, index=CHINESE, columns=CHINESE)


def build_font(path, letters: str) -> None:
    """Write a font that draws a square for each letter."""
    pen = TTGlyphPen(None)
    pen.moveTo((100, 0))
    for point in ((100, 800), (900, 800), (900, 0)):
        pen.lineTo(point)
    pen.closePath()
    names = [".notdef", *(f"u{ord(letter):x}" for letter in letters)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(letter): name for letter, name in zip(letters, names[1:], strict=True)})
    builder.setupGlyf(dict.fromkeys(names, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Squares", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)


@pytest.fixture(params=[True, False], ids=["with a font", "without"])
def has_font(request, tmp_path, monkeypatch):
    """Whether the system has a font with the letters of CHINESE."""
    fonts._find_font.cache_clear()
    usual = [font for font in font_manager.fontManager.ttflist if font.name == fonts.USUAL]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", usual)
    if request.param:
        build_font(tmp_path / "squares.ttf", "肺炎")
        font_manager.fontManager.addfont(tmp_path / "squares.ttf")
    yield request.param
    fonts._find_font.cache_clear()


def test_figures_show_a_name_or_its_number_without_a_python_warning(tmp_path, has_font):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = draw_confusion_matrix(COUNTS, "肺炎 study", synthetic=False)
        write_figure(tmp_path / "a.png", figure, ("png", "pdf", "svg"))
        figure_pixels(draw_confusion_matrix(COUNTS, "肺炎 study", synthetic=False))
    said = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert said == (["肺炎", "normal"] if has_font else ["class 1", "normal"])
    assert figure.axes[0].get_title() == ("肺炎 study" if has_font else "?? study")


def test_one_sentence_explains_the_numbers(tmp_path, has_font):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        folder = write_run(tmp_path / "run", classes=CHINESE, model="leaky_cnn", published=None)
        write_results(open_run(folder))
    text = " ".join(print_to_text(folder).split())
    assert text.count("class 1 = 肺炎") == (0 if has_font else 1)
    assert "class 2" not in text


@pytest.mark.parametrize("name", ["normal", "Lungenentzündung", "вирус", "β ≥ 2"])
def test_letters_of_the_usual_font_need_no_other(name):
    assert fonts.font_of(name) == ""
    assert fonts.describe_hidden([name]) == ""


def test_a_text_is_measured_with_its_own_font(has_font):
    figure = new_figure(2, 2)
    text = figure.text(0.5, 0.5, "肺炎")
    figure_pixels(figure)
    assert text.get_fontfamily() == ([fonts.USUAL, "Squares"] if has_font else [fonts.USUAL])
