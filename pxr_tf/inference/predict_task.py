"""The task ``predict``: it adds the probabilities of some pictures to the keyed arrays of a run's models."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from pxr_tf import arrays, machine
from pxr_tf.errors import PxrError
from pxr_tf.events import OnEvent, emit_progress, emit_wait
from pxr_tf.inference.predict import Shard
from pxr_tf.models.classifier import FULL_BATCH, both_columns, predict_pictures
from pxr_tf.pictures.decode import UnreadableImageError, load_prepared
from pxr_tf.pictures.lung_crop import load_stored
from pxr_tf.pictures.lung_store import open_lungs
from pxr_tf.runs.crop import open_lung_source, preparation_of, with_atlas
from pxr_tf.runs.directory import RunDirectory
from pxr_tf.tasks import Task
from pxr_tf.training.device import set_up

BLOCK = 16 * FULL_BATCH  # pictures that are decoded, predicted and stored together: 51 MB at 224 x 224
_MOST_MODELS = 16  # kept between tasks; a cross-validation has five

Load = Callable[[str], np.ndarray]  # path -> uint8 [size, size]


def predict_shard(task: Task, options: Shard, emit: OnEvent) -> None:
    """Add the probabilities of the shard's pictures to each model's array; raise `PxrError` if a file cannot be read.

    The next block of pictures is decoded while one is predicted. A killed task loses at most the block in its hands.
    """
    emit(set_up(False, "float32").event)
    run = RunDirectory(Path(task.run), Path(task.cache))
    models = {fold: _load(str(run.folder), fold, run.model_digest(fold)) for fold in options.folders}
    load = _make_loader(run, options, emit)
    with ExitStack() as stack:
        writers = {}
        for fold, folder in options.folders.items():
            outputs = len(models[fold][1]["classes"])
            writing = arrays.open_writer(Path(folder), (outputs,), np.float32, lambda holder: emit_wait(emit, holder))
            writers[fold] = stack.enter_context(writing)
        contents = [content for _, content in options.pictures]
        missing = {fold: set(writer.missing(contents)) for fold, writer in writers.items()}
        wanted = [picture for picture in options.pictures if any(picture[1] in some for some in missing.values())]
        done = options.before + len(options.pictures) - len(wanted)
        for names, pixels in _decode_blocks(wanted, load):
            for fold, writer in writers.items():
                _add(writer, models[fold], names, pixels, missing[fold])
            done += len(names)
            emit_progress(emit, "predicting pictures", done, options.of)


def _add(
    writer: arrays.Writer,
    loaded: tuple[keras.Model, Mapping[str, Any]],
    names: list[str],
    pixels: np.ndarray,
    missing: set[str],
) -> None:
    """Predict the pictures of a block that an array lacks, and append them."""
    model, card = loaded
    rows = np.array([number for number, name in enumerate(names) if name in missing], np.int64)
    if len(rows):
        found = both_columns(predict_pictures(model, pixels, rows, mirror=card.get("mirror_predictions", False)))
        writer.append([names[row] for row in rows], found.astype(np.float32))


def _decode_blocks(pictures: list[tuple[str, str]], load: Load) -> Iterator[tuple[list[str], np.ndarray]]:
    """Yield (contents, uint8 [pictures, size, size]) of each block; the next block is decoded meanwhile."""
    with ThreadPoolExecutor(machine.processors()) as pool:

        def submit(start: int) -> list[tuple[str, Future[np.ndarray]]]:
            return [(content, pool.submit(_decode, load, path)) for path, content in pictures[start : start + BLOCK]]

        pending = submit(0)
        for start in range(0, len(pictures), BLOCK):
            here, pending = pending, submit(start + BLOCK)
            yield [content for content, _ in here], np.stack([picture.result() for _, picture in here])


def _decode(load: Load, path: str) -> np.ndarray:
    try:
        return load(path)
    except UnreadableImageError as error:  # it could be read a moment ago
        raise PxrError(f"{path} can no longer be read: {error}. Run the same command again.") from error


def _make_loader(run: RunDirectory, options: Shard, emit: OnEvent) -> Load:
    """Return a function that prepares a file as in training; lungs of the whole shard are found first."""
    image = with_atlas(run.recipe, options.atlas).image
    preparation = preparation_of(image, options.lungs)
    if options.lungs is None:
        return lambda path: load_prepared(path, preparation)
    table = pd.DataFrame(options.pictures, columns=["path", "content"])
    source = open_lung_source(image, table, run.cache)

    def show(done: int, total: int) -> None:
        emit_progress(emit, "finding lungs", options.before + done, options.before + total)

    found = open_lungs(run.cache, table, source, on_progress=show, on_wait=lambda holder: emit_wait(emit, holder))
    return lambda path: load_stored(path, preparation, found, source.lowest_confidence)


@lru_cache(_MOST_MODELS)
def _load(folder: str, fold: str, digest: str) -> tuple[keras.Model, Mapping[str, Any]]:
    """Return a fold's model and its card; `digest` changes with the file."""
    return RunDirectory(Path(folder), Path()).load_model(fold)
