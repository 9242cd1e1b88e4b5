"""Check the maps of a few pictures: the task ``explain_checks``, which writes a row per picture and check.

``deletion``, ``insertion``   area under the curve, for each method and for the orders ``random`` and ``centre``
``weights``                   rank correlation with the map of the same network, randomised down to the layer ``detail``
``labels``                    rank correlation with the map of the same fold's network in the run on permuted labels
``folds``                     rank correlation between the maps of two folds' networks, for each pair

A method with signs has two correlations, which ``view`` names: for its values, and for their absolute values. Only the
part of a map on the film is ranked: padding is alike in all maps.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd

from pxr_tf import files, rundir
from pxr_tf.events import OnEvent, OnProgress, emit_progress
from pxr_tf.explain.film import cut_map
from pxr_tf.explain.logits import open_logits
from pxr_tf.explain.maps_file import PictureMaps, read_maps
from pxr_tf.explain.method_table import METHODS
from pxr_tf.explain.methods import compute_maps
from pxr_tf.explain.perturbation import perturbation_curves
from pxr_tf.explain.randomise import cascade, randomise
from pxr_tf.explain.ranks import agreement, chance_correlation, compared_views, rank_correlation
from pxr_tf.galleries.request import CheckMaps, ExplainedPicture
from pxr_tf.models.classifier import both_columns, predict_pictures
from pxr_tf.runs.directory import RunDirectory
from pxr_tf.tasks import Task
from pxr_tf.training.device import set_up

# From the output down to the first layer. Each step explains all pictures again, and compiles each method again.
RANDOM_STEPS = 4
# Networks whose weights are all random: with a single one, chance decides. For a small network's integrated gradients,
# the mean correlations of six such networks ranged from -0.48 to 0.53. With five, an interval is half as wide as with
# three, because Student's factor falls from 4.3 to 2.8.
RANDOM_DRAWS = 5
CHUNK = 32  # pictures whose maps are in memory at once: 100 MB with three methods and five folds at 224 pixels

_Pictures = Sequence[ExplainedPicture]  # their maps are on the disk


class CheckRow(NamedTuple):
    """One value that a check measured for one picture."""

    check: str
    method: str
    image_id: str
    value: float
    detail: str = ""
    view: str = ""  # for a signed method: one of `compared_views`
    network: str = ""  # which network is compared: the number of the random one, or the fold
    other: str = ""  # the second fold of a pair
    chance: float = 0.0  # what unrelated maps of that size and smoothness would reach, for values without a sign


def check_maps(task: Task, options: CheckMaps, emit: OnEvent) -> None:
    """Write the table of checks for some pictures, whose maps an earlier task wrote.

    The check with random weights uses only the first fold's model: it is about the method on this architecture.
    """
    emit(set_up(False, "float32").event)
    run = RunDirectory(Path(task.run), Path(task.cache))
    twin = None if options.permuted is None else RunDirectory(Path(options.permuted), run.cache)
    rows: list[CheckRow] = []
    for number, (fold, pictures) in enumerate(options.folds.items()):
        model, _ = run.load_model(fold)
        rows += curve_rows(
            model, pictures, partial(emit_progress, emit, f"deletion and insertion: {rundir.fold_name(fold)}")
        )
        if number == 0:
            rows += weight_rows(model, pictures, partial(emit_progress, emit, "random weights"))
        if twin is not None:
            rows += label_rows(twin.load_model(fold)[0], pictures, fold)
            emit_progress(emit, "models trained on permuted labels", number + 1, len(options.folds))
    if len(options.others) > 1:
        rows += fold_rows(run, options.others, [one for some in options.folds.values() for one in some], emit)
    files.write_csv(options.to, pd.DataFrame(rows, columns=CheckRow._fields))


def read_in_chunks(pictures: _Pictures, size: int = CHUNK) -> Iterator[list[PictureMaps]]:
    """Yield the maps of the pictures, which an earlier task wrote, `size` pictures at a time."""
    for start in range(0, len(pictures), size):
        names = [one.file for one in pictures[start : start + size]]
        found = [read_maps(name) for name in names]
        lacking = [name for name, maps in zip(names, found, strict=True) if maps is None]
        if lacking:
            raise FileNotFoundError(f"the maps {lacking[0]} are missing; the previous task should have written them")
        yield found


def curve_rows(model: keras.Model, pictures: _Pictures, on_progress: OnProgress) -> Iterator[CheckRow]:
    """Yield the areas of deletion and insertion, for each method's map and for the orders ``random`` and ``centre``."""

    def predict(pixels: np.ndarray) -> np.ndarray:
        return both_columns(predict_pictures(model, pixels, np.arange(len(pixels))))

    done = 0
    for found in read_in_chunks(pictures):
        maps = {name: np.stack([one.large[name] for one in found]) for name in found[0].maps}
        pixels, targets = _pixels_and_targets(found)
        curves = perturbation_curves(predict, pixels, targets, maps, seed=done)  # new random orders per chunk
        for order, curve in curves.items():
            for number, one in enumerate(found):
                yield CheckRow("deletion", order, one.about["image_id"], float(curve.deletion_area[number]))
                yield CheckRow("insertion", order, one.about["image_id"], float(curve.insertion_area[number]))
        done += len(found)
        on_progress(done, len(pictures))


def weight_rows(model: keras.Model, pictures: _Pictures, on_progress: OnProgress) -> Iterator[CheckRow]:
    """Yield how alike maps stay as layer after layer becomes random; at the end all are, `RANDOM_DRAWS` times."""
    for step, (draw, layer, network) in enumerate(_random_networks(model)):
        for found in read_in_chunks(pictures):
            yield from _compare("weights", network, found, detail=layer, network=str(draw))
        on_progress(step + 1, RANDOM_STEPS + RANDOM_DRAWS - 1)


def label_rows(model: keras.Model, pictures: _Pictures, fold: str) -> Iterator[CheckRow]:
    """Yield how similar each map is to the map of the fold's network that learned permuted labels."""
    for found in read_in_chunks(pictures):
        yield from _compare("labels", model, found, network=fold)


def fold_rows(run: RunDirectory, others: Sequence[str], pictures: _Pictures, emit: OnEvent) -> Iterator[CheckRow]:
    """Yield how well each pair of folds' networks agrees on each picture; all but one may have trained on it."""
    chunks = -(-len(pictures) // CHUNK)
    for part, found in enumerate(read_in_chunks(pictures)):
        maps: dict[str, list[np.ndarray]] = {name: [] for name in found[0].maps}
        for number, fold in enumerate(others):
            for name, values in explain_again(run.load_model(fold)[0], found).items():
                maps[name].append(values)
            emit_progress(emit, "agreement between folds", part * len(others) + number + 1, chunks * len(others))
        for name, of_folds in maps.items():
            for view, seen in compared_views(np.stack(of_folds), METHODS[name].signed).items():
                on_film = dict(zip(others, (_cut(own, found) for own in seen), strict=True))
                for one, other in combinations(others, 2):
                    values = agreement(on_film[one], on_film[other])
                    yield from _rows("folds", name, found, values, view=view, network=one, other=other)


def explain_again(model: keras.Model, found: Sequence[PictureMaps]) -> dict[str, np.ndarray]:
    """Return method -> this network's maps for the same targets: float32 [n, height, width], at the method's size."""
    logits, layers = open_logits(model), found[0].about["layers"]
    pixels, targets = _pixels_and_targets(found)
    return {name: compute_maps(logits, pixels, targets, name, layer=layers.get(name)) for name in found[0].maps}


def _random_networks(model: keras.Model) -> Iterator[tuple[int, str, keras.Model]]:
    """Yield (draw, layer, network): the steps of one cascade, then more networks with all weights random."""
    for layer, network in cascade(model, steps=RANDOM_STEPS):
        yield 0, layer, network
    for draw in range(1, RANDOM_DRAWS):
        yield draw, *randomise(model, seed=draw)


def _compare(check: str, model: keras.Model, found: Sequence[PictureMaps], **said: str) -> Iterator[CheckRow]:
    """Yield the correlations of the pictures' maps with the maps of another network, and what chance would give."""
    for name, others in explain_again(model, found).items():
        own, signed = np.stack([one.maps[name] for one in found]), METHODS[name].signed
        seen = compared_views(others, signed)
        for view, values in compared_views(own, signed).items():
            pair = _cut(values, found), _cut(seen[view], found)
            rows = _rows(check, name, found, rank_correlation(*pair), view=view, **said)
            yield from (
                row._replace(chance=float(chance)) for row, chance in zip(rows, chance_correlation(*pair), strict=True)
            )


def _cut(maps: np.ndarray, found: Sequence[PictureMaps]) -> list[np.ndarray]:
    """Return the part of each picture's map that is on the film."""
    return [cut_map(one, maps_of.picture) for one, maps_of in zip(maps, found, strict=True)]


def _rows(check: str, method: str, found: Sequence[PictureMaps], values: np.ndarray, **said: str) -> Iterator[CheckRow]:
    for one, value in zip(found, values, strict=True):
        yield CheckRow(check, method, one.about["image_id"], float(value), **said)


def _pixels_and_targets(found: Sequence[PictureMaps]) -> tuple[np.ndarray, np.ndarray]:
    return np.stack([one.picture for one in found]), np.array([one.about["target"] for one in found])
