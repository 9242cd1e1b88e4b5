"""Say why a folder of unknown layout is not read, if it is nearly known: a column, a separator, a folder too many."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pxr_tf.errors import nearest, shorten
from pxr_tf.sets import class_folders, coronahack, covid_chestxray, own_table, radiography
from pxr_tf.sets.file_kinds import ending_of
from pxr_tf.sets.rows import files_in, images_in, split_folders, squeeze, visible_folders, walk_folders
from pxr_tf.sets.tables import find_separator, read_header

_TABLES = {  # name of a layout's table -> the layout, the columns that it needs
    covid_chestxray.TABLE: ("covid-chestxray", covid_chestxray.COLUMNS),
    coronahack.CORONAHACK_TABLE: ("coronahack", coronahack.COLUMNS),
    own_table.TABLE: ("csv", own_table.REQUIRED),
}
_ARCHIVES = frozenset(".zip .tar .gz .tgz .tar.gz .rar .7z .bz2 .xz .part .crdownload .download .partial".split())


def describe_near_miss(roots: Sequence[Path]) -> str:
    """Return a sentence, with a space before it, on what keeps one of these folders from being read; "" if unknown.

    Each folder is the only one in the folder before it.
    """
    innermost = [root for root in reversed(roots) if not split_folders([root])] or roots
    found = (
        describe(root)
        for describe in (_describe_table, _describe_mixture, _describe_depth, _describe_download)
        for root in (innermost if describe is _describe_depth else roots)
    )
    return next((f" {text}" for text in found if text), "")


def _describe_table(folder: Path) -> str:
    """Return what a table lacks that a layout needs, or how another table with the right columns is to be given."""
    for path in (path for path in files_in(folder) if ending_of(path.name) in (".csv", ".tsv", ".txt")):
        columns = read_header(path)
        layout, needed = _TABLES.get(path.name, ("", ()))
        missing = [column for column in needed if column not in columns]
        if layout and missing:
            hint = next(filter(None, (nearest(column, columns) for column in missing)), "")
            return (
                f"{path.name} is not a table of {layout}: it has the columns {shorten(columns, 8)} and lacks "
                f"{shorten(missing)}.{hint}"
            )
        if layout and (separator := find_separator(path)):
            return f"{path.name} is separated by {separator}; accepted: commas. Save it as CSV with commas."
        meant = next((name for name, (_, needed) in _TABLES.items() if {*needed} <= {*columns}), "")
        if not layout and meant == own_table.TABLE and ending_of(path.name) == ".csv":
            return f"{path.name} has the columns {shorten(own_table.REQUIRED)}: give that file, DATA={path}."
        if not layout and meant:
            return f"{path.name} has the columns of {meant}: rename it to {meant}."
    return ""


def _describe_mixture(folder: Path) -> str:
    """Return a sentence on the folders that keep a known layout from being recognised; empty if none do."""
    folders = visible_folders(folder)
    splits = split_folders(folders)
    filled = [inner.name for inner in folders if images_in(inner)]
    if splits and filled:
        table = "" if set(filled) - {split.name for split in splits} else _MISSING_TABLE
        return (
            f"Images are directly in {shorten(filled)}; next to {shorten(split.name for split in splits)} each image "
            f"must be in {{train,val,test}}/{{class}}/. Move those there, or away.{table}"
        )
    if radiography.has_its_names(folder):
        return _ask_to_move("radiography", radiography.find_unknown_folders(folder))
    if class_folders.has_its_images(folder):
        return _ask_to_move("a folder per class", class_folders.find_other_folders(folder))
    return ""


_MISSING_TABLE = f" If this is CoronaHack, its table is missing: {coronahack.CORONAHACK_TABLE}."


def _ask_to_move(layout: str, folders: Sequence[str]) -> str:
    return f"It would be {layout} without {shorten(folders)}; move {'that' if len(folders) == 1 else 'those'} away."


def _describe_depth(folder: Path) -> str:
    """Return a sentence on images that are not deep enough, or too deep, for a folder per class."""
    if squeeze(folder.name) == "images":
        above = (folder.parent / covid_chestxray.TABLE).is_file()
        return f"Give the folder above it, which holds {covid_chestxray.TABLE}." if above else ""
    if images_in(folder) and not any(map(images_in, _below(folder))):
        return f"Images are directly in {folder.name}; accepted: in a folder for each class below it."
    inner = [path for path in _below(folder) if images_in(path)]
    folders = {squeeze(path.name) for path in visible_folders(folder)}
    if {"images", "masks"} <= folders:
        return "If these are X-rays and their lung masks, give the folder as an atlas: ATLAS=folder (--atlas)."
    if folders == {"images"} and [path.parent for path in inner] == [folder]:
        return f"If this is covid-chestxray, its table is missing: {covid_chestxray.TABLE}, next to images/."
    if not inner or images_in(folder):
        return ""
    places = shorten((path.relative_to(folder).as_posix() for path in inner), 3)
    return (
        f"In {folder.name}, images are in {places}; accepted: directly in {{class}}/ or {{train,val,test}}/{{class}}/. "
        "Move them there, or list them in a CSV with path, label and patient_id."
    )


def _below(folder: Path) -> Iterator[Path]:
    return (inner for inner in walk_folders(folder) if inner != folder)


def _describe_download(folder: Path) -> str:
    """Return a sentence on archives, whole or partly downloaded, that were not unpacked."""
    archives = [path.name for path in files_in(folder) if ending_of(path.name) in _ARCHIVES]
    return f"Unpack {shorten(archives, 3)} first; complete the download if it is a part of one." if archives else ""
