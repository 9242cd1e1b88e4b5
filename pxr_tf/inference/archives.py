"""Files of fitted numbers beside a run: NumPy archives without pickles, with their words as JSON."""

import io
import json
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from pxr_tf import files
from pxr_tf.errors import PxrError
from pxr_tf.runs.directory import RunDirectory

LARGEST = 50_000_000  # bytes of all arrays; a gate has 2 million
_WORDS = "words"
_DAMAGE = (ValueError, KeyError, TypeError, AttributeError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error)
Made = TypeVar("Made")


def write_archive(path: Path, words: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write words and float32 arrays, whole or not at all; the same values give the same bytes."""
    text = np.frombuffer(json.dumps(words, sort_keys=True).encode(), np.uint8)
    with files.written_whole(path) as partial, open(partial, "wb") as file:
        np.savez_compressed(file, **{_WORDS: text}, **{name: one.astype(np.float32) for name, one in arrays.items()})


def read_archive(
    run: RunDirectory, name: str, form: int, make: Callable[[dict[str, Any], dict[str, np.ndarray]], Made]
) -> Made | None:
    """Return what `make` makes of the words and arrays of a run's file, None if it is missing.

    Raises `PxrError` if the file is damaged, or has another ``format`` than `form`.
    """
    path = run.folder / name
    if not path.exists():
        return None
    with files.reading(path):
        content = path.read_bytes() if path.stat().st_size <= LARGEST else b""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as stored:
            if sum(one.file_size for one in stored.infolist()) > LARGEST:
                raise ValueError("too large")
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        words = json.loads(arrays.pop(_WORDS).tobytes())
        if words["format"] != form or not all(np.isfinite(one).all() for one in arrays.values()):
            raise ValueError("another version wrote it")
        return make(words, arrays)
    except _DAMAGE as error:
        again = (
            "Make a new bundle of the run (pxr bundle)." if run.packed else f"`pxr gate {run.folder}` fits it again."
        )
        raise PxrError(f"{path} is damaged, or of another version of pxr_tf. {again}") from error
