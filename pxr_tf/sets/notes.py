"""What the reader of a data set passed over, and what nobody knows of its images, in sentences for people."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pxr_tf.errors import count_words, shorten
from pxr_tf.sets.rows import Row, images_in, locked_folders, walk_folders

OTHER_PICTURES = frozenset({".bmp", ".dcm", ".dicom", ".gif", ".jfif", ".jp2", ".tif", ".tiff", ".webp"})


def make_notes(folder: Path, layout: str, rows: Sequence[Row]) -> list[str]:
    """Return what was passed over below `folder`, which was read as `layout`, and whose patients are doubtful."""
    folders = list(walk_folders(folder)) if folder.is_dir() else []
    found = [
        _unread_folders(folder, folders, layout, rows),
        _locked_folders(folder, folders),
        _other_formats(folder, folders),
        _unknown_patients(folder, rows),
        _patients_by_name(folder, rows) if layout == "folder" else "",
    ]
    return [note for note in found if note]


def _unread_folders(folder: Path, folders: Sequence[Path], layout: str, rows: Sequence[Row]) -> str:
    read = {_identify(parent) for parent in {os.path.dirname(row["path"]) for row in rows}}
    unread = {inner: len(images_in(inner)) for inner in folders if _identify(inner) not in read}
    names = [f"{_name(inner, folder)} ({count:,})" for inner, count in unread.items() if count]
    if not names:
        return ""
    count = count_words(sum(unread.values()), "image")
    return f"{folder} was read as {layout}; {count} in folders that are no part of that are left out: {shorten(names)}."


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


def _unknown_patients(folder: Path, rows: Sequence[Row]) -> str:
    unknown = sum(row["patient_id"] == row["image_id"] for row in rows)
    if not unknown:
        return ""
    return (
        f"The patient of {unknown:,} of {count_words(len(rows), 'image')} in {folder} is unknown; each of them counts "
        "as a patient of its own, so one person may be on both sides of a split."
    )


def _patients_by_name(folder: Path, rows: Sequence[Row]) -> str:
    named = [row for row in rows if row["patient_id"] != row["image_id"]]
    if not named:
        return ""
    patients = count_words(len({row["patient_id"] for row in named}), "patient")
    return (
        f"{count_words(len(named), 'image')} in {folder} are named as Kermany's ({Path(named[0]['path']).name}), so "
        f"their names tell {patients}. Where that is wrong, list the images in a CSV with path, label and patient_id."
    )


def _identify(folder: str | Path) -> tuple[int, int] | None:
    """Return what is the same for a folder under any name; None where there is none."""
    try:
        found = os.stat(folder)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _name(inner: Path, folder: Path) -> str:
    """Return a folder's name as text that any screen takes, also where it is not UTF-8."""
    name = "the folder itself" if inner == folder else inner.relative_to(folder).as_posix()
    return name.encode("utf-8", "backslashreplace").decode()
