"""``gallery.json``: what a gallery is of, and the files that it has, so that none is mixed and none is left behind."""

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict

from pxr_tf import files

ABOUT = "gallery.json"
_KEY, _FILES = "key", "files"  # of all that decides the gallery, "" while it is being written; paths below its folder

GalleryFacts = TypedDict(
    "GalleryFacts",
    {
        "key": str,
        "run": str,  # the end of its run directory's path
        "title": str,
        "classes": list[str],
        "folds": int,  # of the run
        "methods": list[str],
        "class": str,  # that is explained: predicted, true, or a name
        "checks": bool,  # whether the costly ones were made
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
    """Return what a gallery says of itself; nothing where there is none, or where the file is damaged."""
    try:
        about = files.read_json(folder / ABOUT)
    except ValueError:
        return {}
    return about if isinstance(about, dict) else {}


def is_complete(folder: Path, key: str) -> bool:
    """Return whether the folder has the gallery of this key, and every file of it."""
    about = read_about(folder)
    return (
        about.get(_KEY) == key and bool(_files_of(about)) and all((folder / name).is_file() for name in about[_FILES])
    )


def mark_unfinished(folder: Path, names: Iterable[str]) -> None:
    """Note, before the first of the files `names` is written, that the folder holds parts of several galleries.

    The files of the galleries before stay listed: whoever finishes one removes what is not its own.
    """
    files.write_json(folder / ABOUT, {_KEY: "", _FILES: sorted(_files_of(read_about(folder)) | set(names))})


def unmark_empty(folder: Path) -> None:
    """Remove the mark of a gallery of which nothing was written."""
    if not any((folder / name).exists() for name in _files_of(read_about(folder))):
        with contextlib.suppress(OSError):
            (folder / ABOUT).unlink()
            folder.rmdir()


def finish(folder: Path, about: GalleryFacts, names: Iterable[str]) -> None:
    """Remove what former galleries had and this one lacks, then say that it (`about` has its ``key``) is complete."""
    own = set(names)
    for name in _files_of(read_about(folder)) - own:
        with contextlib.suppress(FileNotFoundError):
            (folder / name).unlink()
    files.write_json(folder / ABOUT, {**about, _FILES: sorted(own)})


def _files_of(about: GalleryFacts) -> set[str]:
    """Return the files that are listed; an edited list cannot name files elsewhere."""
    listed = about.get(_FILES)
    names = listed if isinstance(listed, list) else []
    return {
        name
        for name in names
        if isinstance(name, str) and not Path(name).is_absolute() and ".." not in Path(name).parts
    }
