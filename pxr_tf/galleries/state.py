"""``gallery.json``: what a gallery shows, and its files, so that galleries never mix and leave no files behind."""

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict

from pxr_tf import files
from pxr_tf.errors import PxrError

ABOUT = "gallery.json"
_KEY, _FILES = "key", "files"  # digest of all that decides the gallery, "" while it is written; paths in its folder

GalleryFacts = TypedDict(
    "GalleryFacts",
    {
        "key": str,
        "run": str,  # the end of the run directory's path
        "title": str,
        "classes": list[str],
        "folds": int,  # of the run
        "methods": list[str],
        "class": str,  # the explained class: predicted, true, or a name
        "checks": bool,  # whether the slow checks were done
        "warnings": list[str],
        "synthetic": bool,
        "leaky": bool,
        "trained_with": dict[str, str],  # library -> version
        "versions": dict[str, str],
        "notice": str,
        "files": list[str],
    },
    total=False,
)


def read_about(folder: Path) -> GalleryFacts:
    """Return the facts in ``gallery.json``; empty if it is missing or damaged."""
    try:
        about = files.read_json(folder / ABOUT)
    except PxrError:
        return {}
    return about if isinstance(about, dict) else {}


def is_complete(folder: Path, key: str) -> bool:
    """Return whether the folder has the gallery of this key, and all its files."""
    about = read_about(folder)
    return (
        about.get(_KEY) == key and bool(_files_of(about)) and all((folder / name).is_file() for name in about[_FILES])
    )


def mark_unfinished(folder: Path, names: Iterable[str]) -> None:
    """Mark the folder, before the first of the files `names` is written, as a mix of several galleries.

    The files of earlier galleries stay listed: `finish` removes those that the finished gallery does not have.
    """
    files.write_json(folder / ABOUT, {_KEY: "", _FILES: sorted(_files_of(read_about(folder)) | set(names))})


def unmark_empty(folder: Path) -> None:
    """Delete ``gallery.json``, and the folder if empty, if no file of the gallery was written."""
    if not any((folder / name).exists() for name in _files_of(read_about(folder))):
        with contextlib.suppress(OSError):
            (folder / ABOUT).unlink()
            folder.rmdir()


def finish(folder: Path, about: GalleryFacts, names: Iterable[str]) -> None:
    """Remove the files that only former galleries had, then write `about` with its ``key``: the gallery is complete."""
    own = set(names)
    for name in _files_of(read_about(folder)) - own:
        with contextlib.suppress(FileNotFoundError):
            (folder / name).unlink()
    files.write_json(folder / ABOUT, {**about, _FILES: sorted(own)})


def _files_of(about: GalleryFacts) -> set[str]:
    """Return the listed files; an edited list cannot name files elsewhere."""
    listed = about.get(_FILES)
    names = listed if isinstance(listed, list) else []
    return {
        name
        for name in names
        if isinstance(name, str) and not Path(name).is_absolute() and ".." not in Path(name).parts
    }
