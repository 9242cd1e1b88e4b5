"""The task ``predict``: it adds the probabilities of some pictures to the keyed arrays of a run's models.

Here is what all engines share; TensorFlow is loaded by `own_models`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from pxr_tf import arrays, machine
from pxr_tf.errors import PxrError
from pxr_tf.events import OnEvent, emit_progress, emit_wait
from pxr_tf.inference.engines import Ask
from pxr_tf.inference.predict import Shard
from pxr_tf.pictures.decode import UnreadableImageError, load_prepared
from pxr_tf.pictures.lung_crop import load_stored
from pxr_tf.pictures.lung_store import open_lungs
from pxr_tf.pictures.store import CHANGED, has_changed
from pxr_tf.runs.crop import open_lung_source, preparation_of, with_atlas
from pxr_tf.runs.directory import RunDirectory

_BLOCK_BYTES = 51_000_000  # of pictures that are decoded, predicted and stored together: 1,024 at 224 x 224
_BATCH = 64  # pictures that networks get together: `models.classifier.FULL_BATCH`

Picture = tuple[str, str, str]  # path, content, and stamp or ""
Load = Callable[[str], np.ndarray]  # path -> uint8 [size, size]


def fill_shard(
    run: RunDirectory, options: Shard, pictures: Sequence[Picture], models: Mapping[str, Ask], emit: OnEvent
) -> None:
    """Add the probabilities of these pictures to each model's array; `models` has the model of each array.

    The next block of pictures is decoded while one is predicted. A killed task loses at most the block in its hands.
    Raises `PxrError` if a file cannot be read, or has changed.
    """
    load = _make_loader(run, options, pictures, emit)
    with ExitStack() as stack:
        writers = {}
        for folder in models:
            shape = (options.width,)
            writing = arrays.open_writer(Path(folder), shape, np.float32, lambda holder: emit_wait(emit, holder))
            writers[folder] = stack.enter_context(writing)
        contents = [content for _, content, _ in pictures]
        missing = {folder: set(writer.missing(contents)) for folder, writer in writers.items()}
        wanted = [picture for picture in pictures if any(picture[1] in some for some in missing.values())]
        done = len(pictures) - len(wanted)
        for names, pixels in _decode_blocks(wanted, load, _block_of(run.recipe.image.size)):
            for folder, writer in writers.items():
                _add(writer, models[folder], names, pixels, missing[folder])
            done += len(names)
            emit_progress(emit, "predicting pictures", done, len(pictures))


def _block_of(size: int) -> int:
    """Return how many pictures of this size make a block: whole batches."""
    return max(1, _BLOCK_BYTES // (size * size * _BATCH)) * _BATCH


def _add(writer: arrays.Writer, ask: Ask, names: list[str], pixels: np.ndarray, missing: set[str]) -> None:
    """Predict the pictures of a block that an array lacks, and append them."""
    rows = np.array([number for number, name in enumerate(names) if name in missing], np.int64)
    if len(rows):
        found = ask(pixels[rows][..., None])
        writer.append([names[row] for row in rows], found.astype(np.float32))


def _decode_blocks(pictures: list[Picture], load: Load, block: int) -> Iterator[tuple[list[str], np.ndarray]]:
    """Yield (contents, uint8 [pictures, size, size]) of each block; the next block is decoded meanwhile."""
    with ThreadPoolExecutor(machine.processors()) as pool:

        def submit(start: int) -> list[Future[np.ndarray]]:
            return [pool.submit(_decode, load, picture) for picture in pictures[start : start + block]]

        pending = submit(0)
        for start in range(0, len(pictures), block):
            here, pending = pending, submit(start + block)
            yield (
                [content for _, content, _ in pictures[start : start + block]],
                np.stack([one.result() for one in here]),
            )


def _decode(load: Load, picture: Picture) -> np.ndarray:
    """Return a file's picture; raise `PxrError` if the file is not what it was a moment ago."""
    path, content, stamp = picture
    try:
        pixels = load(path)
    except UnreadableImageError as error:
        raise PxrError(f"{path} can no longer be read: {error}. Run the same command again.") from error
    if stamp and has_changed(path, content, stamp):
        raise PxrError(f"{path} {CHANGED}.")
    return pixels


def _make_loader(run: RunDirectory, options: Shard, pictures: Sequence[Picture], emit: OnEvent) -> Load:
    """Return a function that prepares a file as in training; lungs of all pictures are found first."""
    image = with_atlas(run.recipe, options.atlas).image
    preparation = preparation_of(image, options.lungs)
    if options.lungs is None:
        return lambda path: load_prepared(path, preparation)
    table = pd.DataFrame(pictures, columns=["path", "content", "stamp"])
    source = open_lung_source(image, table, run.cache)

    show = partial(emit_progress, emit, "finding lungs")
    found = open_lungs(run.cache, table, source, on_progress=show, on_wait=lambda holder: emit_wait(emit, holder))
    return lambda path: load_stored(path, preparation, found, source.lowest_confidence)
