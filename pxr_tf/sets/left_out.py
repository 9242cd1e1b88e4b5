"""Count what is in a data set's folder and is not used, by reason: rows of its table, images, other files."""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from pxr_tf.errors import count_words, shorten
from pxr_tf.sets.file_kinds import describe_kind, is_document, is_image, is_litter
from pxr_tf.sets.rows import ManifestRow, files_in
from pxr_tf.sets.tables import PassedRow

Place = tuple[tuple[int, int] | None, str]  # of a file: what identifies its folder under any name, and its name


def count_passed_rows(folder: Path, passed: Sequence[PassedRow], rows: Sequence[ManifestRow]) -> str:
    """Return a note on the rows of a table that its reader passed over, by reason and value; "" for none."""
    if not passed:
        return ""
    parts = []
    for reason, count in Counter(row.reason for row in passed).most_common():
        values = Counter(row.value or "empty" for row in passed if row.reason == reason).most_common()
        parts.append(f"{count:,} by {reason} ({shorten(f'{value}: {number:,}' for value, number in values)})")
    total = count_words(len(passed) + len(rows), "row")
    return f"{len(passed):,} of {total} in the table of {folder} were passed over: {shorten(parts)}."


def count_unlisted(
    folder: Path, folders: Iterable[Path], passed: Sequence[PassedRow], rows: Sequence[ManifestRow]
) -> str:
    """Return a note on images that no row of the table lists, in folders of images that a row lists; "" for none."""
    listed = places_of([*(row["path"] for row in rows), *(row.path for row in passed)])
    used = {place for place, _ in listed}
    images = [path for inner in folders if identify(inner) in used for path in files_in(inner) if is_image(path)]
    unlisted = [path.name for path in images if (identify(path.parent), path.name) not in listed]
    if not unlisted:
        return ""
    was = "was" if len(unlisted) == 1 else "were"
    images = f"{count_words(len(unlisted), 'image')} in {folder} that no row of its table lists {was} left out"
    return f"{images}: {shorten(unlisted, 3)}."


def count_other_files(folder: Path, folders: Iterable[Path], classes: Collection[Path], listed: set[Place]) -> str:
    """Return a note on files that are not images, by kind; "" for none.

    In the folders of `classes` every file counts, elsewhere documents do not. A file that a row lists is not counted
    again.
    """
    everything = set(classes)
    others = Counter(
        describe_kind(path)
        for inner in folders
        for path in files_in(inner)
        if not (is_litter(path.name) or is_image(path) or (identify(inner), path.name) in listed)
        and (inner in everything or not is_document(path.name))
    )
    if not others:
        return ""
    found = ", ".join(f"{count:,} {kind}" for kind, count in sorted(others.items()))
    remedies = ["Unpack a zip, or name it itself, to use it."] if ".zip" in others else []
    if set(others) != {".zip"}:
        remedies.append("Convert pictures to PNG to use them.")
    return f"Files in {folder} that are not JPEG, PNG or DICOM are left out: {found}. {' '.join(remedies)}"


def places_of(paths: Iterable[str]) -> set[Place]:
    """Return what identifies these files; each folder is looked at once."""
    parents: dict[str, tuple[int, int] | None] = {}
    found = set()
    for path in paths:
        parent, name = os.path.split(path)
        if parent not in parents:
            parents[parent] = identify(parent)
        found.add((parents[parent], name))
    return found


def identify(folder: str | Path) -> tuple[int, int] | None:
    """Return what identifies a folder under any name; None if it does not exist."""
    try:
        found = os.stat(folder)
    except OSError:
        return None
    return found.st_dev, found.st_ino
