"""Deletion and insertion: how a class's probability changes as a map's most important pixels are removed or added.

Petsiuk, Das, Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models". Deletion blurs the picture
step by step, most important parts first. With a good map the probability falls early, so the area under the curve is
small. Insertion starts from the blurred picture and puts the parts back: with a good map the area is large.

Every order takes whole cells of a grid. Single pixels in random order would be salt-and-pepper noise, which misleads a
network by itself: compared with that, every map would look good, or every map bad. A map with the resolution of a
feature map could not order single pixels anyway.

Only the film takes part: padding and even bars around it stay as they are, and the grid divides the film alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from pxr_tf.explain.film import find_film
from pxr_tf.lungs.contrast import Box

CELLS = 14  # per side of the film: 16 pixels of 224 each; a backbone's feature map has 7
PERTURBATION_STEPS = 20  # of 5 % of the film each; a lobe is about 10 % of it
RANDOM_ORDERS = 5  # their mean is the baseline; a single order is too noisy
# A deleted cell shows the picture's own blur, not one grey: a grey hole has edges, and networks look for edges. An
# eighth of the picture is wider than a lesion. With the paper's 5 of 224 pixels, meant for photographs, an opacity
# would stay visible.
BLUR = 1 / 8  # of the film's longer side

PredictBatch = Callable[[np.ndarray], np.ndarray]  # uint8 [m, size, size] -> probabilities [m, classes]


class Curves(NamedTuple):
    """The probability of the target class, step by step, and the area under it; one row per picture."""

    deletion: np.ndarray  # float32 [n, PERTURBATION_STEPS + 1], the whole picture first
    insertion: np.ndarray  # float32 [n, PERTURBATION_STEPS + 1], the blurred picture first
    deletion_area: np.ndarray  # float64 [n], 0 to 1
    insertion_area: np.ndarray


def perturbation_curves(
    predict: PredictBatch,
    pictures: np.ndarray,
    targets: Sequence[int],
    maps: Mapping[str, np.ndarray],
    *,
    random_orders: int = RANDOM_ORDERS,
    seed: int = 0,
) -> dict[str, Curves]:
    """Return the curves for each of `maps` (name -> [n, size, size]) and for the orders ``random`` and ``centre``.

    `pictures` are uint8 [n, size, size], `targets` class numbers. ``random`` is the mean over `random_orders`
    orders per picture, drawn from the seed and the picture's place. ``centre`` goes from the film's middle outwards,
    like a Gaussian there. `predict` is called once per picture and order, with 2 * `PERTURBATION_STEPS` pictures, so
    memory does not grow with the number of pictures.
    """
    found: dict[str, list[np.ndarray]] = {name: [] for name in (*maps, "random", "centre")}
    for number, (picture, target) in enumerate(zip(pictures, targets, strict=True)):
        film = find_film(picture)

        def run(order: np.ndarray, picture: np.ndarray = picture, target: int = target, film: Box = film) -> np.ndarray:
            return _run_order(predict, picture, target, order, film)

        sides = picture[film.rows, film.columns].shape
        for name in maps:
            found[name].append(run(order_of(maps[name][number][film.rows, film.columns])))
        found["random"].append(np.mean([run(order) for order in _random(sides, random_orders, seed, number)], axis=0))
        found["centre"].append(run(centre_order(*sides)))
    return {name: _as_curves(runs) for name, runs in found.items()}


def order_of(one: np.ndarray) -> np.ndarray:
    """Return the cells of the grid, int [cells], sorted by their mean in a map [height, width], largest first.

    Equal cells come in a random order, the same each time. Without it, the flat part of a map, such as all that a CAM
    sets to zero, would be taken from the top left corner on.
    """
    cells = cell_numbers(*one.shape).ravel()
    means = np.bincount(cells, one.ravel().astype(np.float64)) / np.bincount(cells)
    chance = np.random.default_rng(0).permutation(len(means))
    return chance[np.argsort(-means[chance], kind="stable")]


def centre_order(height: int, width: int) -> np.ndarray:
    """Return the cells from the middle of the film outwards: the order of a Gaussian at its centre."""
    down, across = ((np.arange(side) - (side - 1) / 2) ** 2 for side in (height, width))
    return order_of(-(down[:, None] + across[None, :]))


def cell_numbers(height: int, width: int) -> np.ndarray:
    """Return the number of each pixel's cell, int [height, width]; a side below `CELLS` has a cell for each pixel."""
    down, across = (np.arange(side) * min(CELLS, side) // side for side in (height, width))
    return down[:, None] * min(CELLS, width) + across[None, :]


def blurred(film: np.ndarray) -> np.ndarray:
    """Return the film, uint8 [height, width], without any detail: it replaces deleted cells."""
    return cv2.GaussianBlur(film, (0, 0), BLUR * max(film.shape), borderType=cv2.BORDER_REFLECT)


def area_under(curve: np.ndarray) -> np.ndarray:
    """Return the area under curves [..., steps + 1] over the share of the picture, 0 to 1, by the trapezoidal rule."""
    return np.trapezoid(curve, dx=1 / (curve.shape[-1] - 1), axis=-1).astype(np.float64)


def _random(sides: tuple[int, int], count: int, seed: int, number: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng([seed, number])
    cells = min(CELLS, sides[0]) * min(CELLS, sides[1])
    return (rng.permutation(cells) for _ in range(count))


def _run_order(predict: PredictBatch, picture: np.ndarray, target: int, order: np.ndarray, film: Box) -> np.ndarray:
    """Return the probability of the target as cells are deleted and as they are inserted, [2, steps + 1]."""
    rank = np.empty(len(order), int)
    rank[order] = np.arange(len(order))
    taken = np.round(np.linspace(0, len(order), PERTURBATION_STEPS + 1)).astype(int)
    inside = picture[film.rows, film.columns]
    chosen = rank[cell_numbers(*inside.shape)] < taken[:, None, None]  # [steps + 1, height, width]
    blur = blurred(inside)
    both = np.repeat(picture[None], 2 * PERTURBATION_STEPS, axis=0)
    both[: len(taken), film.rows, film.columns] = np.where(chosen, blur, inside)
    both[len(taken) :, film.rows, film.columns] = np.where(chosen, inside, blur)[1:-1]
    found = np.asarray(predict(both))[:, target]
    deletion = found[: PERTURBATION_STEPS + 1]  # insertion has the same ends, in reverse
    return np.stack([deletion, np.concatenate([deletion[-1:], found[PERTURBATION_STEPS + 1 :], deletion[:1]])])


def _as_curves(runs: Sequence[np.ndarray]) -> Curves:
    deletion, insertion = np.stack(runs, axis=1).astype(np.float32)
    return Curves(deletion, insertion, area_under(deletion), area_under(insertion))
