"""What the maps of a few pictures are worth: the task ``explain_checks``, which writes a row per picture and check.

``deletion``, ``insertion``   area under the curve; of a method, and of the orders ``random`` and ``centre``
``weights``                   rank correlation with the map of the same network, randomised down to the layer ``detail``
``folds``                     rank correlation of the maps of all folds' networks, mean of all pairs
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from pxr_tf import files, rundir
from pxr_tf.events import OnEvent, tell_progress
from pxr_tf.experiments.tasks import Task
from pxr_tf.explain.logits import open_logits
from pxr_tf.explain.maps_file import PictureMaps, read_maps
from pxr_tf.explain.methods import explain
from pxr_tf.explain.perturbation import perturbation_curves
from pxr_tf.explain.randomise import cascade
from pxr_tf.explain.ranks import agreement, rank_correlation
from pxr_tf.models.model_file import load_classifier
from pxr_tf.training.device import set_up
from pxr_tf.training.predictions import both_columns, predict_pictures

COLUMNS = ("check", "method", "image_id", "detail", "value")
# Of a network that forgets from the output down: each step explains all pictures anew, and compiles each method for it.
STEPS = 4

Row = tuple[str, str, str, str, float]


def check_maps(task: Task, emit: OnEvent) -> None:
    """Write the checks of some pictures whose maps are there to the file ``to``.

    Options: ``folds`` (fold -> pictures, each with ``image_id`` and ``file``, explained by that fold's model),
    ``others`` (folds whose models are asked as well, for the agreement), ``methods``, ``layer`` and ``to``. How far a
    network forgets is measured with the first fold's model: it tells something of the method on this architecture.
    """
    emit(set_up(False, "float32").event)
    folds: Mapping[str, Sequence[Mapping[str, Any]]] = task.options["folds"]
    rows: list[Row] = []
    for number, (fold, pictures) in enumerate(folds.items()):
        found = read_all(pictures)
        model, _ = load_classifier(rundir.model_file(Path(task.run), fold))
        rows += curve_rows(model, found, partial(tell_progress, emit, f"deleting and inserting: {_name(fold)}"))
        if number == 0:
            rows += weight_rows(model, found, partial(tell_progress, emit, "forgetting weights"))
    if len(task.options["others"]) > 1:
        rows += fold_rows(task, read_all([row for pictures in folds.values() for row in pictures]), emit)
    files.write_csv(Path(task.options["to"]), pd.DataFrame(rows, columns=COLUMNS))


def read_all(pictures: Sequence[Mapping[str, Any]]) -> list[PictureMaps]:
    """Return the maps of the pictures, which an earlier task wrote."""
    found = {row["file"]: read_maps(Path(row["file"])) for row in pictures}
    lacking = [file for file, maps in found.items() if maps is None]
    if lacking:
        raise FileNotFoundError(f"the maps {lacking[0]} are missing, which the task before this one wrote")
    return list(found.values())


def curve_rows(model: keras.Model, found: Sequence[PictureMaps], tell: partial) -> Iterator[Row]:
    """Yield the areas of deletion and insertion, by each method's map and by the orders that know nothing."""

    def predict(pixels: np.ndarray) -> np.ndarray:
        return both_columns(predict_pictures(model, pixels, np.arange(len(pixels))))

    maps = {name: np.stack([one.large[name] for one in found]) for name in found[0].maps}
    pictures, targets = np.stack([one.picture for one in found]), [one.about["target"] for one in found]
    curves = perturbation_curves(predict, pictures, targets, maps, on_progress=tell)
    for order, curve in curves.items():
        for number, one in enumerate(found):
            yield "deletion", order, one.about["image_id"], "", float(curve.deletion_area[number])
            yield "insertion", order, one.about["image_id"], "", float(curve.insertion_area[number])


def weight_rows(model: keras.Model, found: Sequence[PictureMaps], tell: partial) -> Iterator[Row]:
    """Yield how far each map is the same once the network has forgotten its weights, layer by layer."""
    for step, (layer, network) in enumerate(cascade(model, steps=STEPS)):
        others = explain_again(network, found)
        for name, values in others.items():
            own = np.stack([one.maps[name] for one in found])
            for one, value in zip(found, rank_correlation(own, values), strict=True):
                yield "weights", name, one.about["image_id"], layer, float(value)
        tell(step + 1, STEPS)


def fold_rows(task: Task, found: Sequence[PictureMaps], emit: OnEvent) -> Iterator[Row]:
    """Yield how far the networks of all folds agree on each picture; all but one of them may have trained on it."""
    others = task.options["others"]
    maps: dict[str, list[np.ndarray]] = {name: [] for name in found[0].maps}
    for number, fold in enumerate(others):
        model, _ = load_classifier(rundir.model_file(Path(task.run), fold))
        for name, values in explain_again(model, found).items():
            maps[name].append(values)
        tell_progress(emit, "asking all folds", number + 1, len(others))
    for name, values in maps.items():
        for one, value in zip(found, agreement(values), strict=True):
            yield "folds", name, one.about["image_id"], "", float(value)


def explain_again(model: keras.Model, found: Sequence[PictureMaps]) -> dict[str, np.ndarray]:
    """Return method -> raw maps, float32 [n, height, width], that this network gives of the same pictures and classes.

    They have the size of the method's own: a feature map of another fold has as many places.
    """
    logits = open_logits(model)
    pictures, targets = np.stack([one.picture for one in found]), np.array([one.about["target"] for one in found])
    layers = found[0].about["layers"]
    return {name: explain(logits, pictures, targets, name, layer=layers.get(name)) for name in found[0].maps}


def _name(fold: str) -> str:
    return rundir.fold_name(fold)
