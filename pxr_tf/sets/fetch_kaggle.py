"""Fetch a Kaggle data set with kagglehub, which continues a stopped download and checks the archive's digest."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pxr_tf.errors import MissingLibraryError, PxrError, one_line
from pxr_tf.events import OnProgress

CACHE, VERBOSITY = "KAGGLEHUB_CACHE", "KAGGLEHUB_VERBOSITY"  # environment variables that kagglehub reads


@dataclass(frozen=True)
class KaggleSet:
    """A version of a data set."""

    name: str  # owner/name
    version: int

    def fetch(self, folder: Path, on_progress: OnProgress) -> None:
        """Write the unpacked archive to a new folder, whole or not at all; do nothing if the folder is there.

        kagglehub shows its own progress. Until the end, the archive is next to the folder, with ``.partial`` in its
        name. Raises `PxrError` without kagglehub, without a network, and for damaged bytes.
        """
        if folder.exists():
            return
        partial = folder.with_name(f"{folder.name}.partial")
        with _environment(partial):
            try:
                from kagglehub import dataset_download
            except ImportError as error:
                raise MissingLibraryError(
                    "Kaggle's data sets need kagglehub, which is not installed. Install it: "
                    "pip install 'pxr_tf[download]'."
                ) from error
            try:
                unpacked = dataset_download(f"{self.name}/versions/{self.version}")
            except Exception as error:  # kagglehub's own exceptions have no common base
                if isinstance(error, OSError) and error.filename:  # of this disk; explained by the command line
                    raise
                raise PxrError(
                    f"{self.name} cannot be fetched: {one_line(error)}. Check the network, and run the same command "
                    "again: it continues."
                ) from error
        os.replace(unpacked, folder)
        shutil.rmtree(partial)


@contextmanager
def _environment(cache: Path) -> Iterator[None]:
    """Let kagglehub keep its files in `cache`, and print nothing but its progress."""
    before = {name: os.environ.get(name) for name in (CACHE, VERBOSITY)}
    os.environ |= {CACHE: str(cache.absolute()), VERBOSITY: "error"}
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
