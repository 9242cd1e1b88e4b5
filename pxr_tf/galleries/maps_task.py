"""Explain pictures with saved models: the task ``explain``, which writes the raw maps of each picture to a file."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np

from pxr_tf import rundir
from pxr_tf.errors import count_words
from pxr_tf.events import OnEvent, OnProgress, emit_note, emit_progress
from pxr_tf.explain.logits import find_layer, open_logits
from pxr_tf.explain.maps import at_picture_size
from pxr_tf.explain.maps_file import MapHeader, PictureMaps, read_map_header, write_maps
from pxr_tf.explain.method_table import METHODS
from pxr_tf.explain.methods import compute_maps
from pxr_tf.galleries.check_options import PREDICTED, TRUE
from pxr_tf.galleries.request import ExplainedPicture, ExplainPictures
from pxr_tf.models.classifier import both_columns, predict_pictures
from pxr_tf.pictures.store import load_pictures
from pxr_tf.runs.crop import preparation_of
from pxr_tf.runs.directory import RunDirectory
from pxr_tf.tasks import Task
from pxr_tf.training.device import set_up

# Pictures whose maps are in memory at once: 51 MB per method at 224 pixels. Each method is compiled once per chunk,
# which takes a second or two, so smaller chunks would cost time.
_CHUNK = 256
LONG = 60  # seconds: for longer waits, a note says how long


def explain_pictures(task: Task, options: ExplainPictures, emit: OnEvent) -> None:
    """Write the missing maps of the pictures, each file whole, by the model of the task's fold. Raises `PxrError`."""
    missing = [one for one in options.pictures if (read_map_header(one.file) or {}).get("key") != one.key]
    if not missing:
        return
    emit(set_up(False, "float32").event)
    run = RunDirectory(Path(task.run), Path(task.cache))
    model, card = run.load_model(task.fold)
    logits = open_logits(model)
    layers = {
        name: find_layer(logits, options.layer, at_convolution=METHODS[name].at_convolution)
        for name in options.methods
        if METHODS[name].needs_layer
    }
    pictures = load_pictures(run.cache, preparation_of(run.recipe.image, options.lungs))
    for start in range(0, len(missing), _CHUNK):
        chosen = missing[start : start + _CHUNK]
        part = f" ({start + len(chosen):,} of {len(missing):,})" if len(missing) > _CHUNK else ""
        by = f"by {rundir.fold_name(task.fold)}{part}"
        pixels = pictures.pixels[pictures.find([one.content for one in chosen])]
        alone, prediction = predict_both(model, pixels, mirror=card.get("mirror_predictions", False))
        targets = choose_targets(chosen, prediction, card["classes"], options.target)
        maps = _make_maps(logits, pixels, targets, layers, options.methods, partial(_Progress, emit, by))
        shared = {"classes": list(card["classes"]), "fold": task.fold, "methods": list(options.methods)}
        for number, one in enumerate(chosen):
            about: MapHeader = {
                **{"image_id": one.image_id, "content": one.content, "key": one.key},
                **shared,
                "layers": layers,
                "probabilities": [float(value) for value in alone[number]],
                "prediction": [float(value) for value in prediction[number]],
                "target": int(targets[number]),
            }
            write_maps(one.file, _of_one(about, pixels[number], maps, number))


def predict_both(model: keras.Model, pixels: np.ndarray, *, mirror: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return (probabilities of the one pass that the maps explain, those that the run predicts): [pictures, classes].

    They differ if the run averages with the mirror image.
    """
    rows = np.arange(len(pixels))
    alone = both_columns(predict_pictures(model, pixels, rows))
    return alone, both_columns(predict_pictures(model, pixels, rows, mirror=True)) if mirror else alone


def choose_targets(
    pictures: Sequence[ExplainedPicture], probabilities: np.ndarray, classes: Sequence[str], asked: str
) -> np.ndarray:
    """Return the number of the class to explain for each picture, int [pictures].

    The predicted class comes from the run's predictions if they have the picture, else from `probabilities`, which are
    predicted as the run predicts.
    """
    if asked == PREDICTED:
        now = probabilities.argmax(axis=1)
        return np.array(
            [classes.index(one.predicted or classes[number]) for one, number in zip(pictures, now, strict=True)]
        )
    return np.array([classes.index(one.label if asked == TRUE else asked) for one in pictures])


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
    """Reports a method's progress, and once the time left if that is more than `LONG` seconds."""

    def __init__(self, emit: OnEvent, by: str, method: str) -> None:
        self._emit, self._what, self._started, self._announced = emit, f"{method} {by}", time.monotonic(), False

    def __call__(self, done: int, total: int) -> None:
        emit_progress(self._emit, self._what, done, total)
        left = (time.monotonic() - self._started) / done * (total - done)
        if left > LONG and not self._announced:
            self._announced = True
            emit_note(
                self._emit,
                f"{self._what}: about {count_words(round(left / 60), 'minute')} for the next "
                f"{count_words(total - done, 'picture')}.",
            )
