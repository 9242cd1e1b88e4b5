"""Notes for people on a data set: what its reader left out, and what is unknown about its images."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from pxr_tf.errors import count_words, shorten
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

OTHER_PICTURES = frozenset({".bmp", ".dcm", ".dicom", ".gif", ".jfif", ".jp2", ".tif", ".tiff", ".webp"})
_CLASS_FOLDERS = ("folder", "kermany", "radiography")  # layouts in which a folder's name is a class


def make_notes(folder: Path, root: Path, layout: str, rows: Sequence[ManifestRow]) -> list[str]:
    """Return notes on what was left out below `folder`, read as `layout` at `root`, and on uncertain patients."""
    folders = list(walk_folders(folder)) if folder.is_dir() else []
    found = [
        _unread_folders(folder, folders, layout, rows),
        _locked_folders(folder, folders),
        _other_formats(folder, folders),
        *(_classes_without_images(folder, root) if layout in _CLASS_FOLDERS else []),
        _unknown_patients(folder, rows),
        _patients_by_name(folder, rows) if layout == "folder" else "",
    ]
    return [note for note in found if note]


def _unread_folders(folder: Path, folders: Sequence[Path], layout: str, rows: Sequence[ManifestRow]) -> str:
    read = {_identify(parent) for parent in {os.path.dirname(row["path"]) for row in rows}}
    unread = {inner: len(images_in(inner)) for inner in folders if _identify(inner) not in read}
    names = [f"{_name(inner, folder)} ({count:,})" for inner, count in unread.items() if count]
    if not names:
        return ""
    count = count_words(sum(unread.values()), "image")
    return f"{folder} was read as {layout}, which left out {count} in other folders: {shorten(names)}."


def _locked_folders(folder: Path, folders: Sequence[Path]) -> str:
    locked = [_name(inner, folder) for outer in folders for inner in locked_folders(outer)]
    return f"No permission to list {shorten(locked)} in {folder}; any images there are left out." if locked else ""


def _other_formats(folder: Path, folders: Sequence[Path]) -> str:
    suffixes = Counter(
        path.suffix.lower() for inner in folders for path in inner.iterdir() if not path.name.startswith(".")
    )
    others = {suffix: count for suffix, count in sorted(suffixes.items()) if suffix in OTHER_PICTURES}
    if not others:
        return ""
    found = ", ".join(f"{count:,} {suffix}" for suffix, count in others.items())
    return f"Pictures in {folder} that are neither JPEG nor PNG are left out: {found}. Convert them to use them."


def _classes_without_images(folder: Path, root: Path) -> Iterator[str]:
    """Yield a sentence for each class folder without an image at any depth."""
    folders = [inner for _, inner in labelled_folders(root) if squeeze(inner.name) not in NO_PICTURES]
    empty = [inner for inner in folders if not any(map(images_in, walk_folders(inner)))]
    read = {normalise_label(inner.name) for inner in folders if inner not in empty}
    for inner in empty if read else ():
        names = [path for place in walk_folders(inner) for path in place.iterdir() if not path.name.startswith(".")]
        count = sum(not path.is_dir() for path in names)
        content = f"{count_words(count, 'file')} and no image (.jpg, .jpeg, .png)" if count else "no file"
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


def _identify(folder: str | Path) -> tuple[int, int] | None:
    """Return what identifies a folder under any name; None if it does not exist."""
    try:
        found = os.stat(folder)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _name(inner: Path, folder: Path) -> str:
    """Return a folder's name as printable text, even if it is not UTF-8."""
    name = "the folder itself" if inner == folder else inner.relative_to(folder).as_posix()
    return name.encode("utf-8", "backslashreplace").decode()
