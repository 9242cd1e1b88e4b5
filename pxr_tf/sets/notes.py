"""Notes for people on a data set: what its reader left out, and what is unknown about its images."""

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from pxr_tf.errors import count_words, shorten
from pxr_tf.sets.left_out import count_other_files, count_passed_rows, count_unlisted, identify, places_of
from pxr_tf.sets.rows import (
    NO_PICTURES,
    ManifestRow,
    images_in,
    labelled_folders,
    locked_folders,
    normalise_label,
    squeeze,
    walk_folders,
)
from pxr_tf.sets.tables import PassedRow

_CLASS_FOLDERS = ("folder", "kermany", "radiography")  # layouts in which a folder's name is a class


def make_notes(
    folder: Path, root: Path, layout: str, rows: Sequence[ManifestRow], passed: Sequence[PassedRow] | None = None
) -> list[str]:
    """Return notes on what was left out below `folder`, read as `layout` at `root`, and on uncertain patients.

    `passed`: the rows of the layout's table that are not used; None if it has no table.
    """
    folders = list(walk_folders(folder)) if folder.is_dir() else _folders_of(rows)
    listed = places_of([*(row["path"] for row in rows), *(row.path for row in passed or ())])
    classes, empty = _class_folders(root) if layout in _CLASS_FOLDERS else ([], [])
    found = [
        count_passed_rows(folder, passed or (), rows),
        count_unlisted(folder, folders, passed, rows) if passed is not None else "",
        _unread_folders(folder, folders, layout, {place for place, _ in listed}) if folder.is_dir() else "",
        locked_note(folder, folders),
        count_other_files(folder, folders, [inner for place in classes for inner in walk_folders(place)], listed),
        *_classes_without_images(folder, classes, empty),
        _unknown_patients(folder, rows),
        _patients_by_name(folder, rows) if layout == "folder" else "",
    ]
    return [note for note in found if note]


def _folders_of(rows: Sequence[ManifestRow]) -> list[Path]:
    return [Path(parent) for parent in sorted({os.path.dirname(row["path"]) for row in rows}) if os.path.isdir(parent)]


def _class_folders(root: Path) -> tuple[list[Path], list[Path]]:
    """Return the class folders with an image at any depth, and those without."""
    folders = [inner for _, inner in labelled_folders(root) if squeeze(inner.name) not in NO_PICTURES]
    filled = [inner for inner in folders if any(map(images_in, walk_folders(inner)))]
    known = {*filled}
    return filled, [inner for inner in folders if inner not in known]


def _unread_folders(folder: Path, folders: Sequence[Path], layout: str, read: Collection[object]) -> str:
    unread = {inner: len(images_in(inner)) for inner in folders if identify(inner) not in read}
    names = [f"{_name(inner, folder)} ({count:,})" for inner, count in unread.items() if count]
    if not names:
        return ""
    count = count_words(sum(unread.values()), "image")
    return f"{folder} was read as {layout}, which left out {count} in other folders: {shorten(names)}."


def locked_note(folder: Path, folders: Sequence[Path]) -> str:
    """Return a note on folders that this user may not list; "" for none."""
    locked = [_name(inner, folder) for outer in folders for inner in locked_folders(outer)]
    return f"No permission to list {shorten(locked)} in {folder}; any images there are left out." if locked else ""


def _classes_without_images(folder: Path, filled: Sequence[Path], empty: Sequence[Path]) -> Iterator[str]:
    """Yield a sentence for each class folder without an image at any depth."""
    read = {normalise_label(inner.name) for inner in filled}
    for inner in empty if read else ():
        names = [path for place in walk_folders(inner) for path in place.iterdir() if not path.name.startswith(".")]
        count = sum(not path.is_dir() for path in names)
        content = f"{count_words(count, 'file')} and no image (.jpg, .jpeg, .png, .dcm)" if count else "no file"
        lost = "nothing was read from it" if normalise_label(inner.name) in read else "it is not a class"
        yield f"{_name(inner, folder)} holds {content}: {lost}."


def _unknown_patients(folder: Path, rows: Sequence[ManifestRow]) -> str:
    unknown = sum(row["patient_id"] == row["image_id"] for row in rows)
    if not unknown:
        return ""
    part = "any" if unknown == len(rows) else f"{unknown:,}"
    images = f"{part} of its {len(rows):,} images" if len(rows) > 1 else "its only image"
    return (
        f"{folder} gives no patient for {images}: {'it' if unknown == 1 else 'each'} counts as a patient of its own, "
        "so one person may be on both sides of a split."
    )


def _patients_by_name(folder: Path, rows: Sequence[ManifestRow]) -> str:
    named = [row for row in rows if row["patient_id"] != row["image_id"]]
    if not named:
        return ""
    patients = count_words(len({row["patient_id"] for row in named}), "patient")
    are, give = ("is", "its name gives") if len(named) == 1 else ("are", "their names give")
    return (
        f"{count_words(len(named), 'image')} in {folder} {are} named as Kermany's ({Path(named[0]['path']).name}), so "
        f"{give} {patients}. If that is wrong, list the images in a CSV with path, label and patient_id."
    )


def _name(inner: Path, folder: Path) -> str:
    """Return a folder's name as printable text, even if it is not UTF-8."""
    name = "the folder itself" if inner == folder else inner.relative_to(folder).as_posix()
    return name.encode("utf-8", "backslashreplace").decode()
