"""Deletion and insertion curves of models that are known in closed form."""

import numpy as np
import pytest

from pxr_tf.explain import perturbation
from pxr_tf.explain.perturbation import (
    PERTURBATION_STEPS,
    area_under,
    blurred,
    cell_numbers,
    centre_order,
    order_of,
    perturbation_curves,
)

SIZE = 28  # cells of 2 x 2 pixels


def cell_picture(values):
    """Return a picture whose cells have these values, [14 * 14]."""
    return np.asarray(values)[cell_numbers(SIZE, SIZE)]


@pytest.fixture
def checkers():
    """A picture with half of its cells black and half white, whose blur is grey throughout, and a linear model of it.

    The model's probability of class 1 is the share of white cells that are still there, minus what the black cells
    gained: 1 for the picture, 0 for its blur.
    """
    white = (np.add.outer(np.arange(14), np.arange(14)) % 2).ravel()
    picture = cell_picture(white * 255).astype(np.uint8)
    blur = blurred(picture).astype(float)
    weights = (picture - blur) / ((picture - blur) ** 2).sum()

    def predict(pictures):
        assert pictures.dtype == np.uint8 and pictures.shape[1:] == (SIZE, SIZE)
        share = ((pictures - blur) * weights).sum((1, 2))
        return np.stack([1 - share, share], axis=1)

    contribution = np.bincount(cell_numbers(SIZE, SIZE).ravel(), ((picture - blur) * weights).ravel())
    return picture, predict, contribution


def closed_form(contribution, order):
    """Return the linear model's deletion curve: 1 minus what the deleted cells contributed."""
    taken = np.round(np.linspace(0, len(order), PERTURBATION_STEPS + 1)).astype(int)
    return 1 - np.concatenate([[0], np.cumsum(contribution[order])])[taken]


def test_curves_of_a_linear_model_are_known_in_closed_form(checkers):
    picture, predict, contribution = checkers
    importance = np.random.default_rng(1).random(196)
    maps = {"ours": cell_picture(importance)[None].astype(np.float32)}
    curves = perturbation_curves(predict, picture[None], [1], maps)["ours"]
    expected = closed_form(contribution, np.argsort(-importance))
    assert curves.deletion[0] == pytest.approx(expected, abs=1e-5)
    assert curves.insertion[0] == pytest.approx(1 - expected, abs=1e-5)
    assert curves.deletion_area[0] == pytest.approx(
        expected[1:-1].sum() / PERTURBATION_STEPS + 0.5 / PERTURBATION_STEPS, abs=1e-5
    )
    assert curves.insertion_area[0] == pytest.approx(1 - curves.deletion_area[0], abs=1e-5)


def test_the_true_map_beats_chance_and_chance_beats_its_reverse(checkers):
    picture, predict, contribution = checkers
    contribution = contribution * np.linspace(0, 2, 196)  # cells have different weights, as in a network
    blur = blurred(picture).astype(float)
    per_cell = np.bincount(cell_numbers(SIZE, SIZE).ravel(), np.abs(picture - blur).ravel())

    def predict_weighted(pictures):
        change = np.abs(pictures - blur)
        sums = np.stack([np.bincount(cell_numbers(SIZE, SIZE).ravel(), one.ravel()) for one in change])
        share = (sums / per_cell) @ contribution / contribution.sum()
        return np.stack([1 - share, share], axis=1)

    maps = {"true": cell_picture(contribution)[None], "reverse": cell_picture(-contribution)[None]}
    curves = perturbation_curves(predict_weighted, picture[None], [1], maps)
    true, reverse, random = (curves[name] for name in ("true", "reverse", "random"))
    assert true.deletion_area[0] < random.deletion_area[0] - 0.1 < reverse.deletion_area[0] - 0.2
    assert true.insertion_area[0] > random.insertion_area[0] + 0.1 > reverse.insertion_area[0] + 0.2
    other = perturbation_curves(predict, picture[None], [0], maps)["true"]
    assert other.deletion[0, 0] == pytest.approx(0, abs=1e-5) and other.deletion[0, -1] == pytest.approx(1, abs=1e-5)


def test_random_is_the_mean_of_several_orders_and_a_seed_decides_them(checkers):
    picture, predict, contribution = checkers
    two = np.stack([picture, picture])
    curves = perturbation_curves(predict, two, [1, 1], {}, random_orders=3, seed=7)["random"]
    for number in (0, 1):
        rng = np.random.default_rng([7, number])
        expected = np.mean([closed_form(contribution, rng.permutation(196)) for _ in range(3)], axis=0)
        assert curves.deletion[number] == pytest.approx(expected, abs=1e-5)
    again, other = (perturbation_curves(predict, two, [1, 1], {}, random_orders=3, seed=seed) for seed in (7, 0))
    np.testing.assert_array_equal(again["random"].deletion, curves.deletion)
    assert (other["random"].deletion != curves.deletion).any()
    default = perturbation_curves(predict, two, [1, 1], {}, random_orders=3)
    np.testing.assert_array_equal(default["random"].deletion, other["random"].deletion)


@pytest.mark.parametrize("targets", [[1], [1, 1, 1]])
def test_each_picture_needs_a_target(checkers, targets):
    picture, predict, _ = checkers
    with pytest.raises(ValueError, match="zip"):
        perturbation_curves(predict, np.stack([picture] * 2), targets, {})


@pytest.mark.parametrize("turned", [False, True])
def test_orders_of_a_film_that_is_not_square_take_all_of_it(turned):
    picture = np.random.default_rng(0).integers(0, 256, (10, 33), np.uint8)
    picture = np.ascontiguousarray(picture.T) if turned else picture
    seen = []

    def predict(pictures):
        seen.append(pictures)
        return np.ones((len(pictures), 2))

    perturbation_curves(predict, picture[None], [1], {}, random_orders=1)
    for pictures in seen:  # of the random order, and of the order from the centre
        np.testing.assert_array_equal(pictures[0], picture)
        np.testing.assert_array_equal(pictures[PERTURBATION_STEPS], blurred(picture))


def test_a_deleted_part_is_blurred_in_both_directions():
    stripes = np.tile(np.uint8([0, 255]), (SIZE, SIZE // 2))
    assert np.ptp(blurred(stripes)) < 40 and np.array_equal(blurred(stripes.T), blurred(stripes).T)


@pytest.mark.parametrize("level", [0, 255])
def test_bars_around_the_film_take_no_part(checkers, level):
    """The curves of a film with bars, whatever the map is there, are those of the film without them."""
    picture, predict, _ = checkers
    padded = np.full((2 * SIZE, 2 * SIZE), level, np.uint8)
    film = np.s_[:, 8 : 8 + SIZE, 4 : 4 + SIZE]
    padded[film[1:]] = picture
    outside = np.ones(padded.shape, bool)
    outside[film[1:]] = False

    def predict_film(pictures):
        assert (pictures[:, outside] == level).all()
        return predict(pictures[film])

    inside = np.random.default_rng(1).random((1, SIZE, SIZE))
    around = np.full((1, *padded.shape), 9.0)
    around[film] = inside
    found = perturbation_curves(predict_film, padded[None], [1], {"ours": around})
    expected = perturbation_curves(predict, picture[None], [1], {"ours": inside})
    for name in ("ours", "random", "centre"):
        np.testing.assert_allclose(found[name].deletion, expected[name].deletion, atol=1e-5)
        np.testing.assert_allclose(found[name].insertion, expected[name].insertion, atol=1e-5)


def test_a_grid_divides_a_film_that_is_not_square():
    cells = cell_numbers(10, 33)
    assert len(np.unique(cells)) == 10 * 14 and cells.max() == 139
    order = centre_order(10, 33)
    assert set(order) == set(range(140)) and order[0] // 14 in (4, 5) and order[0] % 14 in (6, 7)
    assert blurred(np.zeros((10, 33), np.uint8)).shape == (10, 33)


def test_the_centre_comes_first_and_the_corners_last():
    order = centre_order(SIZE, SIZE)
    rows, columns = np.divmod(order, 14)
    distance = np.hypot(rows - 6.5, columns - 6.5)
    assert (np.diff(distance) > -1e-9).all()
    assert set(order[:4]) == {6 * 14 + 6, 6 * 14 + 7, 7 * 14 + 6, 7 * 14 + 7} and set(order[-4:]) == {0, 13, 182, 195}


def test_an_order_sorts_cells_by_their_means_and_ties_are_random():
    size = 33  # cells of 2 or 3 pixels: a sum would prefer large cells
    assert len(np.unique(cell_numbers(size, size))) == 196
    flat = order_of(np.ones((size, size)))
    np.testing.assert_array_equal(flat, order_of(np.zeros((size, size))))
    assert np.corrcoef(flat, np.arange(196))[0, 1] == pytest.approx(0, abs=0.2)
    one = np.zeros((size, size))
    one[cell_numbers(size, size) == 77] = 0.1
    assert order_of(one)[0] == 77
    np.testing.assert_array_equal(cell_numbers(5, 5), np.arange(25).reshape(5, 5))


def test_one_picture_limits_the_memory(checkers):
    picture, predict, _ = checkers
    asked = []

    def listen(pictures):
        asked.append(len(pictures))
        return predict(pictures)

    maps = {"even": np.ones((3, SIZE, SIZE), np.float32)}
    perturbation_curves(listen, np.stack([picture] * 3), [1] * 3, maps)
    assert set(asked) == {2 * PERTURBATION_STEPS} and len(asked) == 3 * (1 + perturbation.RANDOM_ORDERS + 1)


def test_area_under_a_line():
    assert area_under(np.linspace(0, 1, PERTURBATION_STEPS + 1)) == pytest.approx(0.5)
    assert area_under(np.full((2, PERTURBATION_STEPS + 1), 0.3)) == pytest.approx([0.3, 0.3])
