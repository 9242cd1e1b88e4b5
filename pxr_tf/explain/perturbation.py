"""Deletion and insertion: what becomes of a class's probability as a map's most important pixels go, or come.

Petsiuk, Das, Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models". Deletion begins with the
picture and blurs it away, most important part first: a good map makes the probability fall early, a small area under
the curve. Insertion begins with the blurred picture and brings the parts back: a large area.

Whole cells of a grid go at once, whoever orders them. Single pixels at random would be salt-and-pepper noise, which
misleads a network by itself, so that every map would look good, or bad, beside it; a map with the resolution of a
feature map could not order them anyway.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from pxr_tf.events import OnProgress

CELLS = 14  # on each side: 16 pixels of 224; a backbone's feature map has 7
PERTURBATION_STEPS = 20  # of 5 % of the picture each; a lobe is about 10 % of it
RANDOM_ORDERS = 5  # their mean is the baseline; one order alone moves it by chance
# What takes a cell's place is the picture's own blur, not one grey: a grey hole has edges, and edges are what networks
# look for. An eighth of the picture is wider than a lesion: with the 5 of 224 pixels of the paper, meant for
# photographs, an opacity stays visible.
BLUR = 1 / 8

PredictBatch = Callable[[np.ndarray], np.ndarray]  # uint8 [m, size, size] -> probabilities [m, classes]


class Curves(NamedTuple):
    """The probability of the target class, step by step, and the areas under it; a row per picture."""

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
    on_progress: OnProgress = lambda done, total: None,
) -> dict[str, Curves]:
    """Return the curves of each of `maps` (name -> [n, size, size]), and those of the orders ``random`` and ``centre``.

    `pictures` are uint8 [n, size, size], `targets` class numbers. ``random`` is the mean of that many random orders of
    each picture, drawn from the seed and the picture's place; ``centre`` goes from the middle outwards, as a Gaussian
    there would have it. `predict` is asked once per picture and order, about 2 * `PERTURBATION_STEPS` pictures at a
    time, so the memory needed does not grow with the number of pictures.
    """
    size = pictures.shape[1]
    found: dict[str, list[np.ndarray]] = {name: [] for name in (*maps, "random", "centre")}
    for number, (picture, target) in enumerate(zip(pictures, targets, strict=True)):

        def run(order: np.ndarray, picture: np.ndarray = picture, target: int = target) -> np.ndarray:
            return _run_order(predict, picture, target, order)

        for name in maps:
            found[name].append(run(order_of(maps[name][number])))
        found["random"].append(np.mean([run(order) for order in _random(size, random_orders, seed, number)], axis=0))
        found["centre"].append(run(centre_order(size)))
        on_progress(number + 1, len(pictures))
    return {name: _as_curves(runs) for name, runs in found.items()}


def order_of(one: np.ndarray) -> np.ndarray:
    """Return the cells of the grid, int [cells], those with the most of a map [size, size] first.

    A cell counts with its mean. Equal cells come in an order of chance, the same one each time: without it the flat
    part of a map, such as all that a CAM sets to zero, would be taken from the top left corner on.
    """
    sums = np.bincount(cell_numbers(len(one)).ravel(), one.ravel().astype(np.float64))
    means = sums / np.bincount(cell_numbers(len(one)).ravel())
    chance = np.random.default_rng(0).permutation(len(means))
    return chance[np.argsort(-means[chance], kind="stable")]


def centre_order(size: int) -> np.ndarray:
    """Return the cells from the middle of the picture outwards: what a Gaussian in its centre would give."""
    distance = (np.arange(size) - (size - 1) / 2) ** 2
    return order_of(-(distance[:, None] + distance[None, :]))


def cell_numbers(size: int) -> np.ndarray:
    """Return which cell each pixel belongs to, int [size, size]; below `CELLS` pixels each is a cell."""
    count = min(CELLS, size)
    line = np.arange(size) * count // size
    return line[:, None] * count + line[None, :]


def blurred(picture: np.ndarray) -> np.ndarray:
    """Return the picture, uint8 [size, size], with all detail gone: what takes the place of a deleted cell."""
    return cv2.GaussianBlur(picture, (0, 0), BLUR * len(picture), borderType=cv2.BORDER_REFLECT)


def area_under(curve: np.ndarray) -> np.ndarray:
    """Return the area under curves [..., steps + 1] over the share of the picture, 0 to 1, by the trapezoidal rule."""
    return np.trapezoid(curve, dx=1 / (curve.shape[-1] - 1), axis=-1).astype(np.float64)


def _random(size: int, count: int, seed: int, number: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng([seed, number])
    cells = min(CELLS, size) ** 2
    return (rng.permutation(cells) for _ in range(count))


def _run_order(predict: PredictBatch, picture: np.ndarray, target: int, order: np.ndarray) -> np.ndarray:
    """Return the probability of the target while cells are deleted, then while they are inserted, [2, steps + 1]."""
    rank = np.empty(len(order), int)
    rank[order] = np.arange(len(order))
    taken = np.round(np.linspace(0, len(order), PERTURBATION_STEPS + 1)).astype(int)
    chosen = rank[cell_numbers(len(picture))] < taken[:, None, None]  # [steps + 1, size, size]
    blur = blurred(picture)
    both = np.concatenate([np.where(chosen, blur, picture), np.where(chosen, picture, blur)[1:-1]])
    found = np.asarray(predict(both))[:, target]
    deletion = found[: PERTURBATION_STEPS + 1]  # its ends are those of the insertion, the other way round
    return np.stack([deletion, np.concatenate([deletion[-1:], found[PERTURBATION_STEPS + 1 :], deletion[:1]])])


def _as_curves(runs: Sequence[np.ndarray]) -> Curves:
    deletion, insertion = np.stack(runs, axis=1).astype(np.float32)
    return Curves(deletion, insertion, area_under(deletion), area_under(insertion))
