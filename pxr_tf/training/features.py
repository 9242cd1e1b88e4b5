"""The frozen-feature cache: what a frozen backbone makes of each picture, computed once and shared by all.

``<cache>/features-<key>`` is a keyed array (`arrays`) of float32 [channels] rows. The key is made of the backbone, its
weights and the preparation of the pictures; a sample is named by its content and, if it is an augmented copy, by what
made it. So folds, strategies, re-runs, seeds and data sets that share pictures share their features. They are added
in parts: a killed extraction loses one at most.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pxr_tf import arrays, files
from pxr_tf.pictures.inputs import Load

if TYPE_CHECKING:
    import keras

FEATURES_VERSION = 2  # raise it when the same pictures would get other features
FEATURE_BATCH = 64  # pictures that go through the network together, always so many: see `extract_features`
BATCHES_AT_ONCE = 3  # batches that are loaded or computed side by side
BATCHES_PER_PART = 16  # 1,024 samples, written together: seconds of work on two cores, 8 MB for 2,048 channels

Progress = Callable[[int, int], None]


def features_folder(cache: Path, **what: object) -> Path:
    """Return the folder of the features that are decided by these named values (backbone, weights, …)."""
    values = (f"{name}={value}" for name, value in sorted(what.items()))
    return cache / f"features-{files.digest(FEATURES_VERSION, *values)}"


def sample_names(samples: pd.DataFrame, copies: str) -> list[str]:
    """Return the name of each sample in the cache; `samples` has ``image_id, copy, content``.

    An original (copy 0) is named by its content alone. `copies` says how the others are augmented: preset, seed and
    versions. Where it is empty, nothing is augmented and each copy is its original.
    """
    rows = zip(samples.content, samples.image_id, samples["copy"], strict=True)
    return [
        f"{content} copy={int(copy)} {image_id=} {copies=}" if copy and copies else content
        for content, image_id, copy in rows
    ]


def missing(folder: Path, names: Sequence[str]) -> list[str]:
    """Return the samples whose features are not in the cache yet, or damaged, each once; takes no lock."""
    return arrays.missing_keys(folder, names)


def extract_features(
    folder: Path,
    extractor: "keras.Model",
    load: Load,
    names: Sequence[str],
    on_progress: Progress,
    on_wait: Callable[[str], None] | None = None,
    *,
    batch_size: int = FEATURE_BATCH,
    batches_per_part: int = BATCHES_PER_PART,
) -> None:
    """Compute those of the samples' features that are missing, and add them to the cache.

    `extractor` maps pictures to float32 [batch, channels] (`models.classifier.feature_extractor`); `load` gives the
    pictures of sample numbers, places in `names`. `on_progress` is called with (done, all) missing samples, `on_wait`
    with the name of a process that is filling this very cache: this one waits for it and computes what is left.

    The last batch is filled up with its last sample, for a network may give other bits in batches of another size:
    ResNet50 at 224 x 224, alone and among 64, by 3e-6 of 14 (on two cores). The place in a full batch, what else is in
    it, and what is computed beside it make no difference, for MobileNet neither.
    """
    with arrays.open_writer(folder, extractor.output_shape[1:], np.float32, on_wait) as writer:
        places = {name: number for number, name in enumerate(names)}
        wanted = writer.missing(names)
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
    """Return float32 [samples, channels] in the order of the names; raise KeyError for one not in the cache."""
    values, rows, _ = arrays.load_array(folder)
    return np.asarray(values[np.array([rows[name] for name in names], np.int64)], np.float32)


def _compute(extractor: "keras.Model", load: Load, index: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Yield the features of these sample numbers in batches of one size; the last is filled up with its last sample.

    Several batches are on their way at once: a small network leaves half of two cores idle while it works on one.
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
