"""The task ``audit_changes``: predict versions of test pictures with a fold's model, into a cache of probabilities."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import numpy as np
import pandas as pd

from pxr_tf import arrays, files, machine, rundir
from pxr_tf.audit.versions import (
    VERSION,
    AuditPicture,
    Change,
    Look,
    Original,
    PredictVersions,
    make_version,
    name_version,
)
from pxr_tf.events import OnEvent, emit_progress, emit_wait
from pxr_tf.models.classifier import FULL_BATCH, both_columns, predict_pictures
from pxr_tf.pictures.decode import UnreadableImageError, load_prepared
from pxr_tf.pictures.lung_crop import load_stored
from pxr_tf.pictures.lung_store import FoundLungs, open_lungs
from pxr_tf.pictures.store import load_pictures, pictures_key
from pxr_tf.runs.crop import open_lung_source
from pxr_tf.runs.directory import RunDirectory
from pxr_tf.tasks import Task
from pxr_tf.training.device import Device, set_up

_PART = 8 * FULL_BATCH  # versions that are predicted and stored together: 26 MB at 224 pixels, a second or two of work
_THREADS = 2  # that change pictures, next to the network


class Wanted(NamedTuple):
    """The versions of a picture that are missing."""

    picture: AuditPicture
    changes: tuple[Change, ...]


class Made(NamedTuple):
    """A version, or why it could not be made."""

    name: str
    pixels: np.ndarray | None
    fault: str = ""


def predict_versions(task: Task, options: PredictVersions, emit: OnEvent) -> None:
    """Predict the missing versions with the model of the task's fold, and write `options.to`. Raises `PxrError`."""
    device = set_up(False, "float32")
    emit(device.event)
    run = RunDirectory(Path(task.run), Path(task.cache))
    folder = _folder(run, task.fold, device)
    wanted = list(_find_missing(folder, replace(options, pictures=task.part_of(options.pictures))))
    if wanted:
        model, card = run.load_model(task.fold)

        def predict(pixels: np.ndarray) -> np.ndarray:
            mirror = card.get("mirror_predictions", False)
            return both_columns(predict_pictures(model, pixels, np.arange(len(pixels)), mirror=mirror))

        show = partial(emit_progress, emit, f"changed pictures: {rundir.fold_name(task.fold)}")
        classes, wait = len(card["classes"]), partial(emit_wait, emit)
        with tempfile.TemporaryDirectory() as place, arrays.open_writer(folder, (classes,), np.float32, wait) as writer:
            find_pixels, prepare = open_originals(run, [one.picture for one in wanted], Path(place))
            make = partial(make_all, find_pixels=find_pixels, prepare=prepare, looks=options.looks)
            _fill(writer, wanted, make, predict, show)
    if task.shard == 0:
        files.write_json(options.to, {"folder": str(folder)})


def _folder(run: RunDirectory, fold: str, device: Device) -> Path:
    """Return the cache folder of a model's predictions; the folder's name identifies all but the versions."""
    model, pictures = run.model_digest(fold), pictures_key(run.preparation)
    versions = rundir.name_versions("keras", "tensorflow", "numpy", "opencv-python", "pillow")
    how = f"{device.name} {device.model} {device.precision} {machine.switches()}"
    return run.cache / f"changed-{files.digest(VERSION, model, pictures, how, *versions)}"


def _find_missing(folder: Path, options: PredictVersions) -> Iterator[Wanted]:
    names = {
        name_version(change, picture, options.looks): (picture, change)
        for picture in options.pictures
        for change in options.changes
    }
    missing: dict[str, list[Change]] = {}
    pictures = {picture.content: picture for picture in options.pictures}
    for name in arrays.missing_keys(folder, names):
        picture, change = names[name]
        missing.setdefault(picture.content, []).append(change)
    for content, changes in missing.items():
        yield Wanted(pictures[content], tuple(changes))


def open_originals(
    run: RunDirectory, pictures: Sequence[AuditPicture], place: Path
) -> tuple[Callable[[str], np.ndarray], Callable[[bytes, str], np.ndarray]]:
    """Return (content -> prepared picture, (changed file, path of its original) -> prepared as the run does)."""
    stored, preparation, image = load_pictures(run.cache, run.preparation), run.preparation, run.recipe.image
    table = pd.DataFrame({"path": [one.path for one in pictures], "content": [one.content for one in pictures]})
    source = open_lung_source(image, table, run.cache)
    found = source and open_lungs(run.cache, table, source)

    def prepare(data: bytes, path: str) -> np.ndarray:
        file = place / uuid4().hex
        file.write_bytes(data)
        try:
            if found is None:
                return load_prepared(file, preparation)
            own = FoundLungs(found.values, {str(file): found.rows[path]})  # its lungs are where they were
            return load_stored(str(file), preparation, own, source.lowest_confidence)
        finally:
            file.unlink()

    return lambda content: stored.pixels[stored.rows[content]], prepare


def make_all(
    wanted: Wanted,
    *,
    find_pixels: Callable[[str], np.ndarray],
    prepare: Callable[[bytes, str], np.ndarray],
    looks: Mapping[str, Look],
) -> list[Made]:
    """Return the versions of a picture; one that cannot be made has a fault and no pixels."""
    original, made = Original(wanted.picture, find_pixels, prepare), []
    for change in wanted.changes:
        name = name_version(change, wanted.picture, looks)
        try:
            made.append(Made(name, make_version(change, original, looks)))
        except (UnreadableImageError, OSError) as error:
            made.append(Made(name, None, str(error)))
    return made


def _fill(
    writer: arrays.Writer,
    wanted: Sequence[Wanted],
    make: Callable[[Wanted], list[Made]],
    predict: Callable[[np.ndarray], np.ndarray],
    show: Callable[[int, int], None],
) -> None:
    """Predict part by part; the next part is made meanwhile."""
    parts, done, total = _divide(wanted), 0, sum(len(one.changes) for one in wanted)
    with ThreadPoolExecutor(_THREADS) as pool:
        waiting = [pool.submit(make, one) for one in parts[0]]
        for following in [*parts[1:], []]:
            here, waiting = waiting, [pool.submit(make, one) for one in following]
            made = [one for some in here for one in some.result()]
            good = [one for one in made if one.pixels is not None]
            if good:
                writer.append([one.name for one in good], predict_each(predict, [one.pixels for one in good]))
            done += len(made)
            show(done, total)


def predict_each(predict: Callable[[np.ndarray], np.ndarray], versions: Sequence[np.ndarray]) -> np.ndarray:
    """Return the predictions; equal versions, such as files of one encoding, are predicted once."""
    keys = [pixels.tobytes() for pixels in versions]
    unique = dict(zip(keys, versions, strict=True))
    place = {key: row for row, key in enumerate(unique)}
    return predict(np.stack(list(unique.values())))[[place[key] for key in keys]]


def _divide(wanted: Sequence[Wanted]) -> list[list[Wanted]]:
    """Return the pictures in parts of about `_PART` versions."""
    parts, size = [[]], 0
    for one in wanted:
        if size >= _PART:
            parts, size = [*parts, []], 0
        parts[-1].append(one)
        size += len(one.changes)
    return parts
