"""The frozen-feature cache: the frozen backbone's features of each picture, computed once and shared by all.

``<cache>/features-<key>`` is a keyed array (`arrays`) of float32 [channels] rows. The key is made of the backbone, its
weights and the preparation of the pictures; a sample is named by its content and, if it is an augmented copy, by its
augmentation. So folds, strategies, re-runs, seeds and data sets that share pictures share their features. Features are
added in parts: a killed extraction loses at most one part.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pxr_tf import arrays, files
from pxr_tf.events import OnProgress, OnWait
from pxr_tf.pictures.inputs import Load

if TYPE_CHECKING:
    from pxr_tf.training.extractor import Extractor

FEATURES_VERSION = 2  # increase it when the same pictures would get other features
FEATURE_BATCH = 64  # pictures in every batch: see `extract_features`
BATCHES_AT_ONCE = 3  # batches that are loaded or computed at the same time
BATCHES_PER_PART = 16  # 1,024 samples, written together: seconds of work on two cores, 8 MB for 2,048 channels


def features_folder(cache: Path, **what: object) -> Path:
    """Return the cache folder for the features that these named values (backbone, weights, …) decide."""
    values = (f"{name}={value}" for name, value in sorted(what.items()))
    return cache / f"features-{files.digest(FEATURES_VERSION, *values)}"


def sample_names(samples: pd.DataFrame, copies: str) -> list[str]:
    """Return the name of each sample in the cache; `samples` has ``image_id, copy, content``.

    An original (copy 0) is named by its content alone. `copies` says how the others are augmented: preset, seed and
    versions. If it is empty, nothing is augmented and each copy equals its original.
    """
    rows = zip(samples.content, samples.image_id, samples["copy"], strict=True)
    return [
        f"{content} copy={int(copy)} {image_id=} {copies=}" if copy and copies else content
        for content, image_id, copy in rows
    ]


def extract_features(
    folder: Path,
    extractor: "Extractor",
    load: Load,
    names: Sequence[str],
    on_progress: OnProgress,
    on_wait: OnWait | None = None,
    *,
    only: Sequence[str] | None = None,
    batch_size: int = FEATURE_BATCH,
    batches_per_part: int = BATCHES_PER_PART,
) -> None:
    """Compute the features that the cache lacks, and add them to it.

    `extractor` maps pictures to float32 [batch, channels] (`training.extractor`); `load` gives the
    pictures of sample numbers, which index `names`. With `only`, just these of the names are computed. `on_progress`
    gets (done, all) missing samples. If another process is filling this cache, `on_wait` gets its name; this process
    waits, then computes the rest.

    The last batch is padded with its last sample, because results may depend on the batch size: for ResNet50 at
    224 x 224, batches of 1 and 64 differ by 3e-6 of 14 (on two cores). The position in a full batch, the other pictures
    in it and concurrent batches make no difference, also for MobileNet.
    """
    with arrays.open_writer(folder, extractor.output_shape[1:], np.float32, on_wait) as writer:
        places = {name: number for number, name in enumerate(names)}
        wanted = writer.missing(names if only is None else only)
        writer.reserve(len(wanted))
        batches = _compute(extractor, load, np.array([places[name] for name in wanted], np.int64), batch_size)
        for start in range(0, len(wanted), batch_size * batches_per_part):
            part = wanted[start : start + batch_size * batches_per_part]
            values: list[np.ndarray] = []
            while len(values) < len(part):
                values += list(next(batches))
                on_progress(start + min(len(values), len(part)), len(wanted))
            writer.append(part, values[: len(part)])


def read_features(folder: Path, names: Sequence[str]) -> np.ndarray:
    """Return float32 [samples, channels] in the order of the names; raise KeyError for a missing name."""
    values, rows, _ = arrays.load_array(folder)
    return np.asarray(values[np.array([rows[name] for name in names], np.int64)], np.float32)


def _compute(extractor: "Extractor", load: Load, index: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Yield the features of these sample numbers in batches of one size; pad the last with its last sample.

    Several batches run at once, because a small network leaves half of two cores idle with a single batch.
    """
    groups = np.pad(index, (0, -len(index) % size), "edge").reshape(-1, size)

    def compute(numbers: np.ndarray) -> np.ndarray:
        return np.asarray(extractor.predict_on_batch(load(numbers, 0)), np.float32)

    if len(groups):
        yield compute(groups[0])  # alone: Keras compiles now
    with ThreadPoolExecutor(BATCHES_AT_ONCE) as pool:
        pending = deque(pool.submit(compute, numbers) for numbers in groups[1 : 1 + BATCHES_AT_ONCE])
        for following in [*groups[1 + BATCHES_AT_ONCE :], *[None] * len(pending)]:
            features = pending.popleft().result()
            if following is not None:
                pending.append(pool.submit(compute, following))
            yield features
