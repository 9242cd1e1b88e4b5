"""The input of all methods, and their loops over pictures: in full batches, so that a batch limits the memory.

A batch that is not full is filled up, and the extra results are dropped. So nothing is compiled twice, and a picture's
map does not depend on how many others are explained with it.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from pxr_tf.events import OnProgress

Scores = Callable[[Callable[[slice], np.ndarray], int, int], np.ndarray]  # variants by number, count, target -> [count]


class Work(NamedTuple):
    """Checked pictures to explain, and how."""

    logits: keras.Model
    pictures: np.ndarray  # uint8 [n, size, size]
    targets: np.ndarray  # int32 [n]
    layer: str | None  # for methods that need one
    batch_size: int
    seed: int
    on_progress: OnProgress  # done, total


def run_in_batches(work: Work, step: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """Return float32 [n, h, w]: the results of `step`(float32 [batch, size, size, 1], int32 [batch]), row by row."""
    maps, count = None, len(work.pictures)
    for part in batches(count, work.batch_size):
        pictures = fill_up(as_pixels(work.pictures[part]), work.batch_size)
        found = step(pictures, fill_up(work.targets[part], work.batch_size))
        maps = np.empty((count, *found.shape[1:]), np.float32) if maps is None else maps
        maps[part] = found[: part.stop - part.start]
        work.on_progress(part.stop, count)
    return maps


def run_one_by_one(work: Work, explain_one: Callable[[np.ndarray, int], np.ndarray]) -> np.ndarray:
    """Return float32 [n, h, w]: the result of `explain_one`(uint8 [size, size], target) for each picture."""
    maps, count = None, len(work.pictures)
    for number, (picture, target) in enumerate(zip(work.pictures, work.targets, strict=True)):
        found = explain_one(picture, int(target))
        maps = np.empty((count, *found.shape), np.float32) if maps is None else maps
        maps[number] = found
        work.on_progress(number + 1, count)
    return maps


def batches(count: int, batch_size: int) -> Iterator[slice]:
    """Yield the slices that cut `count` rows into batches; the last may be shorter."""
    for start in range(0, count, batch_size):
        yield slice(start, min(start + batch_size, count))


def as_pixels(pictures: np.ndarray) -> np.ndarray:
    """Return pictures [b, size, size] as the network's input: float32 [b, size, size, 1]."""
    return np.asarray(pictures, np.float32)[..., None]


def fill_up(rows: np.ndarray, count: int) -> np.ndarray:
    """Return `count` rows: the given rows, then zeros."""
    return np.concatenate([rows, np.zeros((count - len(rows), *rows.shape[1:]), rows.dtype)])


def compile_scores(logits: keras.Model, batch_size: int) -> Scores:
    """Return a function: the target's logit for `count` variants of a picture, float32 [count].

    Its first argument makes the variants in a slice, [k, size, size]; memory holds at most one batch of them.
    """
    step = tf.function(lambda pictures: logits(pictures, training=False))

    def score(make: Callable[[slice], np.ndarray], count: int, target: int) -> np.ndarray:
        found = []
        for part in batches(count, batch_size):
            variants = as_pixels(make(part))
            found.append(step(tf.constant(fill_up(variants, batch_size))).numpy()[: len(variants), target])
        return np.concatenate(found)

    return score
