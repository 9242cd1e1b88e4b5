"""The frozen-feature cache: what a frozen backbone makes of each picture, computed once and shared by all.

``<cache>/features-<key>/part-<n>.npy`` holds float32 [samples, channels], ``part-<n>.json`` which samples they are.
The key is made of the backbone, its weights, the preparation of the pictures and the augmentation of the copies; a
sample is named by its content (and image id and copy number, for an augmented copy). Folds, strategies, re-runs and
data sets that share pictures share their features. Parts are written whole: a killed extraction loses one at most.
"""

import math
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pxr_tf import files
from pxr_tf.pictures.stream import Load

VERSION = 1  # raise it when the same pictures would be kept in another way
PART = 1024  # samples per file: seconds of work on two cores, 8 MB for 2,048 channels
BATCH = 64

Progress = Callable[[int, int], None]


def features_folder(cache: Path, **what: object) -> Path:
    """Return the folder of the features that are decided by these named values (backbone, weights, …)."""
    return cache / f"features-{files.digest(*(f'{name}={value}' for name, value in sorted(what.items())))}"


def sample_names(samples: pd.DataFrame) -> list[str]:
    """Return the name of each sample in the cache; `samples` has ``image_id, copy, content``."""
    rows = zip(samples.content, samples.image_id, samples["copy"], strict=True)
    return [f"{content} {image_id} {copy}" if copy else content for content, image_id, copy in rows]


def missing_samples(folder: Path, samples: pd.DataFrame) -> pd.DataFrame:
    """Return the samples whose features are not in the cache yet, each once; parts that are damaged are dropped."""
    known: set[str] = set()
    for file in _indexes(folder):
        index = files.read_json(file)
        if index["crc32"] == _checksum(file.with_suffix(".npy")):
            known.update(index["names"])
        else:
            file.unlink()
    names = pd.Series(sample_names(samples), index=samples.index)
    return samples[~names.isin(known) & ~names.duplicated()].reset_index(drop=True)


def extract_features(folder: Path, extractor: Any, load: Load, samples: pd.DataFrame, on_progress: Progress) -> None:
    """Compute the features of the samples and add them to the cache.

    `extractor` maps pictures to [batch, channels] (`models.classifier.feature_extractor`); `load` gives the pictures of
    sample numbers. The next batch is loaded while the network works.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names, done = sample_names(samples), 0
    batches = _prefetched(load, len(samples))
    number = 1 + max((int(file.stem.split("-")[1]) for file in _indexes(folder)), default=-1)
    for start in range(0, len(samples), PART):
        stop = min(start + PART, len(samples))
        values = []
        for _ in range(math.ceil((stop - start) / BATCH)):
            values.append(np.asarray(extractor.predict_on_batch(next(batches)), np.float32))
            done += len(values[-1])
            on_progress(done, len(samples))
        with files.written_whole(folder / f"part-{number:05d}.npy") as partial, open(partial, "wb") as file:
            np.save(file, np.concatenate(values))
        index = {"names": names[start:stop], "crc32": _checksum(folder / f"part-{number:05d}.npy")}
        files.write_json(folder / f"part-{number:05d}.json", index)
        number += 1


def read_features(folder: Path, samples: pd.DataFrame) -> np.ndarray:
    """Return float32 [samples, channels] in the order of the samples; raise KeyError for one not in the cache."""
    places: dict[str, tuple[int, int]] = {}
    parts = []
    for file in _indexes(folder):
        places |= {name: (len(parts), row) for row, name in enumerate(files.read_json(file)["names"])}
        parts.append(np.load(file.with_suffix(".npy"), mmap_mode="r"))
    wanted = np.array([places[name] for name in sample_names(samples)], np.int64).reshape(-1, 2)
    features = np.empty((len(samples), parts[0].shape[1]), np.float32)
    for number, part in enumerate(parts):
        here = wanted[:, 0] == number
        features[here] = part[wanted[here, 1]]
    return features


def _checksum(path: Path) -> int:
    """Return the CRC-32 of a file's bytes; -1 where there is no file."""
    return zlib.crc32(path.read_bytes()) if path.exists() else -1


def _indexes(folder: Path) -> list[Path]:
    return sorted(folder.glob("part-*.json"))


def _prefetched(load: Load, samples: int) -> Iterator[np.ndarray]:
    """Yield the pictures of all samples in batches that never reach over the end of a part."""
    ranges = [
        np.arange(start, min(start + BATCH, part + PART, samples))
        for part in range(0, samples, PART)
        for start in range(part, min(part + PART, samples), BATCH)
    ]
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(load, ranges[0], 0)
        for index in [*ranges[1:], None]:
            batch = following.result()
            if index is not None:
                following = pool.submit(load, index, 0)
            yield batch
