"""Explaining pictures by saved models: the task ``explain``, which writes the raw maps of each picture to a file."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np

from pxr_tf import rundir
from pxr_tf.config import load_experiment
from pxr_tf.events import OnEvent, OnProgress, tell_note, tell_progress
from pxr_tf.explain.logits import open_logits
from pxr_tf.explain.maps import at_picture_size
from pxr_tf.explain.maps_file import MapHeader, PictureMaps, read_map_header, write_maps
from pxr_tf.explain.method_table import METHODS
from pxr_tf.explain.methods import compute_maps
from pxr_tf.explain.spatial import find_layer
from pxr_tf.galleries.check_options import PREDICTED, TRUE
from pxr_tf.models.model_file import load_classifier
from pxr_tf.pictures.store import Pictures, load_pictures
from pxr_tf.runs.crop import preparation_of
from pxr_tf.tasks import Task
from pxr_tf.training.device import set_up
from pxr_tf.training.predictions import both_columns, predict_pictures

# Pictures whose maps are held at once: 51 MB per method at 224 pixels. Each method is compiled once per chunk, which
# takes a second or two, so fewer would cost time.
_CHUNK = 256
LONG = 60  # seconds: who waits for longer hears for how long


def explain_pictures(task: Task, emit: OnEvent) -> None:
    """Write the maps of the pictures that lack them, by the model of the task's fold.

    Options: ``pictures``, each with ``image_id``, ``content``, ``label``, ``predicted`` ("" where the run did not test
    it), ``file`` (where its maps go) and ``key`` (what decides them); ``methods``, ``layer``, ``class``, and ``lungs``,
    the identity of what said where lungs are as the pictures were cropped. Files appear whole; one that has its key is
    left as it is. Raises `PxrError`.
    """
    options = task.options
    missing = [
        row for row in options["pictures"] if (read_map_header(Path(row["file"])) or {}).get("key") != row["key"]
    ]
    if not missing:
        return
    emit(set_up(False, "float32").event)
    model, card = load_classifier(rundir.model_file(Path(task.run), task.fold))
    logits = open_logits(model)
    layers = {name: find_layer(logits, options["layer"]) for name in options["methods"] if METHODS[name].needs_layer}
    pictures = load_task_pictures(task)
    for start in range(0, len(missing), _CHUNK):
        rows = missing[start : start + _CHUNK]
        part = f" ({start + len(rows):,} of {len(missing):,})" if len(missing) > _CHUNK else ""
        by = f"by {rundir.fold_name(task.fold)}{part}"
        pixels = pictures.pixels[pictures.find([row["content"] for row in rows])]
        probabilities = both_columns(predict_pictures(model, pixels, np.arange(len(rows))))
        targets = choose_targets(rows, probabilities, card["classes"], options["class"])
        maps = _make_maps(logits, pixels, targets, layers, options["methods"], partial(_Progress, emit, by))
        said = {"classes": list(card["classes"]), "fold": task.fold, "methods": list(options["methods"])}
        for number, row in enumerate(rows):
            about: MapHeader = {
                **{name: row[name] for name in ("image_id", "content", "key")},
                **said,
                "layers": layers,
                "probabilities": [float(value) for value in probabilities[number]],
                "target": int(targets[number]),
            }
            write_maps(Path(row["file"]), _of_one(about, pixels[number], maps, number))


def load_task_pictures(task: Task) -> Pictures:
    """Return the stored pictures that a task looks at, prepared as the run's were."""
    image = load_experiment(Path(task.run) / rundir.EXPERIMENT).image
    return load_pictures(Path(task.cache), preparation_of(image, task.options["lungs"]))


def choose_targets(
    rows: Sequence[Mapping[str, str]], probabilities: np.ndarray, classes: Sequence[str], asked: str
) -> np.ndarray:
    """Return the number of the class that is explained of each row, int [rows].

    The predicted class is that of the run's predictions, where they have the picture: averaged with its mirror image, a
    recipe may predict another one than the network does of the picture alone.
    """
    if asked == PREDICTED:
        now = probabilities.argmax(axis=1)
        return np.array(
            [classes.index(row["predicted"] or classes[number]) for row, number in zip(rows, now, strict=True)]
        )
    return np.array([classes.index(row["label"] if asked == TRUE else asked) for row in rows])


def _make_maps(
    logits: keras.Model,
    pixels: np.ndarray,
    targets: np.ndarray,
    layers: Mapping[str, str],
    methods: Sequence[str],
    progress_of: Callable[[str], OnProgress],
) -> dict[str, np.ndarray]:
    """Return method -> raw maps, float32 [rows, height, width]."""
    return {
        name: compute_maps(logits, pixels, targets, name, layer=layers.get(name), on_progress=progress_of(name))
        for name in methods
    }


def _of_one(about: MapHeader, picture: np.ndarray, maps: Mapping[str, np.ndarray], number: int) -> PictureMaps:
    raw = {name: values[number] for name, values in maps.items()}
    large = {name: at_picture_size(values[None], len(picture))[0] for name, values in raw.items()}
    return PictureMaps(about, picture, raw, large)


class _Progress:
    """Reports how far one method is, and once, where it takes more than `LONG` seconds, for how long it will go on."""

    def __init__(self, emit: OnEvent, by: str, method: str) -> None:
        self._emit, self._what, self._started, self._announced = emit, f"{method} {by}", time.monotonic(), False

    def __call__(self, done: int, total: int) -> None:
        tell_progress(self._emit, self._what, done, total)
        left = (time.monotonic() - self._started) / done * (total - done)
        if left > LONG and not self._announced:
            self._announced = True
            tell_note(
                self._emit, f"{self._what}: about {left / 60:.0f} minutes for the next {total - done:,} pictures."
            )
