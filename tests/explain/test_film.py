"""Which part of a picture is film: padding and bars around it do not count."""

import numpy as np
import pytest

from pxr_tf.explain.film import cut_map, find_film
from pxr_tf.lungs.contrast import Box
from pxr_tf.pictures.decode import resize_grey

NOISE = np.random.default_rng(0).integers(60, 200, (64, 64), np.uint8)


def with_bars(level: int, top: int = 0, bottom: int = 0, left: int = 0, right: int = 0) -> np.ndarray:
    picture = np.full((64, 64), level, np.uint8)
    picture[top : 64 - bottom, left : 64 - right] = NOISE[top : 64 - bottom, left : 64 - right]
    return picture


@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize(
    "bars",
    [{}, {"top": 12, "bottom": 12}, {"left": 10, "right": 20}, {"bottom": 16}, {"top": 8, "left": 8, "right": 8}],
)
def test_even_bars_are_not_film(level, bars):
    box = Box(bars.get("left", 0), bars.get("top", 0), 64 - bars.get("right", 0), 64 - bars.get("bottom", 0))
    assert find_film(with_bars(level, **bars)) == box


def test_padding_of_resize_pad_is_not_film():
    wide = np.random.default_rng(0).integers(60, 200, (32, 64), np.uint8)
    assert find_film(resize_grey(wide, 64, "pad")) == Box(0, 16, 64, 48)
    assert find_film(resize_grey(wide, 64, "squash")) == Box(0, 0, 64, 64)


def test_a_blank_picture_is_film():
    assert find_film(np.zeros((64, 64), np.uint8)) == Box(0, 0, 64, 64)


def cells_on_film(cells: np.ndarray, picture: np.ndarray, film: Box) -> np.ndarray:
    """Return the cells whose centres are on the film, found cell by cell."""
    down, across = (pixels / count for pixels, count in zip(picture.shape, cells.shape, strict=True))
    rows = [row for row in range(cells.shape[0]) if film.top <= (row + 0.5) * down < film.bottom]
    columns = [column for column in range(cells.shape[1]) if film.left <= (column + 0.5) * across < film.right]
    return np.array([[cells[row, column] for column in columns] for row in rows])


def test_cells_of_a_map_count_if_their_centre_is_on_the_film():
    picture = with_bars(0, top=10, bottom=10)
    cells = np.arange(64.0).reshape(8, 8)  # each of 8 pixels: the bars cover one and a quarter
    np.testing.assert_array_equal(cut_map(cells, picture), cells[1:7])
    np.testing.assert_array_equal(cut_map(picture, picture), picture[10:54])
    np.testing.assert_array_equal(cut_map(cells, NOISE), cells)


@pytest.mark.parametrize("film", [Box(9, 11, 83, 52), Box(12, 12, 84, 52), Box(15, 13, 90, 51)])
def test_rows_and_columns_of_a_map_have_cells_of_their_own_size(film):
    picture = np.zeros((64, 96), np.uint8)  # not square, and bars end at centres of cells, or on either side
    picture[film.rows, film.columns] = np.random.default_rng(0).integers(60, 200, (64, 96))[film.rows, film.columns]
    cells = np.arange(32.0).reshape(8, 4)
    np.testing.assert_array_equal(cut_map(cells, picture), cells_on_film(cells, picture, film))


def test_a_film_between_the_centres_of_two_cells_has_those_that_it_touches():
    cells = np.arange(16.0).reshape(4, 4)  # each of 16 pixels, with centres at 24 and 40
    np.testing.assert_array_equal(cut_map(cells, with_bars(0, left=25, right=25)), cells[:, 1:3])
    np.testing.assert_array_equal(cut_map(cells[:1, :1], with_bars(0, left=10, right=40)), cells[:1, :1])
    halves = cells[:, :2]  # each of 32 pixels; the film begins or ends at the edge between them
    np.testing.assert_array_equal(cut_map(halves, with_bars(0, left=32, right=18)), halves[:, 1:])
    np.testing.assert_array_equal(cut_map(halves, with_bars(0, left=18, right=32)), halves[:, :1])
