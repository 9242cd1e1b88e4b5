"""Pictures with unique names: those of published data sets, or all pictures below other folders."""

import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from pxr_tf.errors import PxrError, count_words, one_line, shorten
from pxr_tf.sets.archives import unpacked
from pxr_tf.sets.find import find_layout, read_source
from pxr_tf.sets.left_out import count_other_files
from pxr_tf.sets.notes import locked_note
from pxr_tf.sets.rows import ManifestRow, images_in, make_row, normalise_label, walk_folders

_CLASS_FOLDERS = "folder"  # the layout
UNLABELLED = "unlabelled"  # the label of pictures that come without one


def list_pictures(paths: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return (name -> path, notes), sorted by name; a name is an image id, or the path below the given folder.

    In a known layout, the layout's reader decides which images belong to a data set. Raises `PxrError` if a path is
    missing or has no picture, and if two paths hold pictures with the same name.
    """
    if not paths:
        raise PxrError("No DATA was given; accepted: data sets or folders of pictures. Set DATA=folder[,folder].")
    found: dict[str, str] = {}
    notes: list[str] = []
    for path in paths:
        pictures, new_notes = _list_one(unpacked(path))
        notes += new_notes
        twice = sorted(found.keys() & pictures.keys())
        if twice:
            raise PxrError(f"DATA holds two pictures named {shorten(twice, 3)}; accepted: each name once. Rename one.")
        found |= pictures
    return dict(sorted(found.items())), notes


def read_to_evaluate(path: str | Path, label: str = "") -> tuple[list[ManifestRow], list[str]]:
    """Return (rows, notes) of data to evaluate: a data set with the rows that nobody trains on, or a plain folder.

    The pictures of a folder without a layout are one group. Its source is the folder's name. Its label is `label`, or
    `UNLABELLED`: nobody knows then what the pictures show. Raises `PxrError` as `read_source` does.
    """
    folder = unpacked(path)
    try:
        rows, notes = read_source(folder, others=True)
        unused = f"{folder} has labels, so --label {label} does not count for its pictures."
        return rows, [*notes, unused] if label else notes
    except PxrError:
        pictures = _walk(folder) if folder.is_dir() else {}
        if not pictures:
            raise
    said = normalise_label(label) if label else UNLABELLED
    rows = [make_row(name_of_data(folder), folder, Path(place), said) for place in pictures.values()]
    count = count_words(len(rows), "picture")
    note = f"{folder} has no labels: its {count} count as {said}." if label else (
        f"{folder} has no labels, so nobody knows what its {count} show. --label normal says that all are healthy."
    )  # fmt: skip
    return rows, [note, *_notes_of(folder)]


def name_of_data(path: str | Path) -> str:
    """Return the name of a data set's folder; of a folder named ``images``, the name of the folder around it."""
    place = Path(os.path.abspath(os.path.expanduser(path)))
    return place.parent.name if place.name.casefold() == "images" and place.parent.name else place.name


def _list_one(folder: Path) -> tuple[dict[str, str], list[str]]:
    try:
        layout, root = find_layout(folder)
    except PxrError:
        pictures = _walk(folder) if folder.is_dir() else {}
        if not pictures:
            raise
        return pictures, _notes_of(folder)
    if layout == _CLASS_FOLDERS:  # fits any folder with folders; pictures next to those count here
        return _walk(root), _notes_of(folder)
    rows, notes = read_source(folder)
    return {row["image_id"]: row["path"] for row in rows}, notes


def _notes_of(folder: Path) -> list[str]:
    """Return notes on what is not read in a folder all of whose pictures are."""
    folders = list(walk_folders(folder))
    found = [locked_note(folder, folders), count_other_files(folder, folders, (), set())]
    return [one_line(note) for note in found if note]


def _walk(folder: Path) -> dict[str, str]:
    files = [path for inner in walk_folders(folder) for path in images_in(inner)]
    name = folder.name
    return {unicodedata.normalize("NFC", f"{name}/{path.relative_to(folder).as_posix()}"): str(path) for path in files}
