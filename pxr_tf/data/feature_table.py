"""Features of images as a Parquet file that pandas, Polars and Spark can read. Later edits are detected.

One row per image, sorted by image id. Columns (never null):

``image_id, label, patient_id, source, role, fold``   text
``features``                                          list of float32, of the same length in every row

Features are one list column: ``numpy.stack(table.features)`` is the matrix, Polars reads ``List(Float32)``, Spark
``array<float>``. A column per channel would mean looking up 2,048 names, and Parquet readers pay for each column.
The schema's metadata has one key, ``pxr``: JSON that says where the features come from, and a digest of that and of
all rows.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow  # takes 0.2 s to load, so import this module only to read or write feature tables
from pyarrow import parquet

from pxr_tf import files
from pxr_tf.errors import PxrError

TEXTS = ("image_id", "label", "patient_id", "source", "role", "fold")
_FEATURES = "features"
_KEY, _DIGEST = "pxr", "digest"
ROWS_PER_GROUP = 1024  # per row group: 8 MB for 2,048 channels, the most that writing holds in memory

Read = Callable[[pd.DataFrame], np.ndarray]  # rows -> float32 [rows, channels]


class FeatureTable(NamedTuple):
    """The content of a feature table."""

    rows: pd.DataFrame  # the text columns
    features: np.ndarray  # float32 [rows, channels]
    about: Mapping[str, object]  # where the features come from, as plain data


def write_feature_table(path: Path, rows: pd.DataFrame, read: Read, about: Mapping[str, object]) -> None:
    """Write the file, whole or not at all; the same `rows`, features and `about` give the same bytes.

    `rows` has the columns `TEXTS`. `read` returns the features of up to `ROWS_PER_GROUP` rows and is called twice for
    each group: the schema, with the digest, is written first.
    """
    digest = _Digest()
    for part, features in _in_parts(rows, read):
        digest.add(part, features)
    written = json.dumps({**about, _DIGEST: digest.of(about)}, sort_keys=True)
    schema = _schema().with_metadata({_KEY: written})
    with files.written_whole(path) as partial:
        options = {"use_dictionary": list(TEXTS), "compression": "snappy"}
        with parquet.ParquetWriter(partial, schema, **options) as writer:
            for part, features in _in_parts(rows, read):
                writer.write_table(_as_arrow(part, features, schema))


def read_feature_table(path: Path) -> FeatureTable:
    """Return the file's content; raise `PxrError` if it is missing, not a feature table, damaged or edited."""
    with files.reading(path), files.open_regular(path):
        pass
    try:
        with parquet.ParquetFile(path) as file:
            about = json.loads(file.schema_arrow.metadata[_KEY.encode()])
            digest, parts = _Digest(), []
            for group in range(file.num_row_groups):
                parts.append(_from_arrow(file.read_row_group(group)))
                digest.add(*parts[-1])
        known = about.pop(_DIGEST)
    except (pyarrow.ArrowException, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PxrError(
            f"{path} was not written by pxr features, or was changed or damaged later. Delete it and write it again."
        ) from error
    if known != digest.of(about):
        raise PxrError(
            f"{path} was changed after it was written: its rows do not match the digest in its metadata. Delete "
            "it and write it again."
        )
    rows, features = ([part[number] for part in parts] for number in (0, 1))
    return FeatureTable(pd.concat(rows, ignore_index=True), np.concatenate(features), about)


def _in_parts(rows: pd.DataFrame, read: Read) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
    for start in range(0, len(rows), ROWS_PER_GROUP):
        part = rows.iloc[start : start + ROWS_PER_GROUP]
        yield part, np.ascontiguousarray(read(part), np.float32)


class _Digest:
    """The digest of rows and their features; how they are divided into parts makes no difference."""

    def __init__(self) -> None:
        self._texts, self._numbers = hashlib.sha256(), hashlib.sha256()
        self._channels: set[int] = set()

    def add(self, rows: pd.DataFrame, features: np.ndarray) -> None:
        for values in zip(*(rows[name] for name in TEXTS), strict=True):
            self._texts.update(json.dumps(values).encode())
        self._numbers.update(features.tobytes())
        self._channels.add(features.shape[1])

    def of(self, about: Mapping[str, object]) -> str:
        """Return the digest of everything added, and of `about`."""
        content = (self._texts.hexdigest(), self._numbers.hexdigest(), sorted(self._channels))
        return files.digest(*content, json.dumps(about, sort_keys=True), size=16)


def _schema() -> pyarrow.Schema:
    number = pyarrow.field("element", pyarrow.float32(), nullable=False)
    fields = [pyarrow.field(name, pyarrow.string(), nullable=False) for name in TEXTS]
    return pyarrow.schema([*fields, pyarrow.field(_FEATURES, pyarrow.list_(number), nullable=False)])


def _as_arrow(rows: pd.DataFrame, features: np.ndarray, schema: pyarrow.Schema) -> pyarrow.Table:
    ends = np.arange(len(rows) + 1, dtype=np.int32) * np.int32(features.shape[1])
    numbers = pyarrow.array(features.reshape(-1))
    lists = pyarrow.ListArray.from_arrays(pyarrow.array(ends), numbers, type=schema.field(_FEATURES).type)
    texts = [pyarrow.array(rows[name].astype(object), pyarrow.string()) for name in TEXTS]
    return pyarrow.table([*texts, lists], schema=schema)


def _from_arrow(table: pyarrow.Table) -> tuple[pd.DataFrame, np.ndarray]:
    """Return (the text columns, float32 [rows, channels]); raise ValueError for any other columns or values."""
    if not table.schema.equals(_schema()):
        raise ValueError(f"the columns are {table.schema.names}")
    lists = table[_FEATURES].combine_chunks()
    lengths = np.diff(lists.offsets.to_numpy())
    if len(set(lengths)) != 1:
        raise ValueError("rows of several lengths")
    rows = pd.DataFrame({name: table[name].to_pylist() for name in TEXTS})
    return rows, lists.flatten().to_numpy().reshape(len(rows), lengths[0])
