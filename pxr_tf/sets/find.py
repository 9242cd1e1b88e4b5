"""Read published data sets into one manifest. The layout of each folder is recognised by its content."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pxr_tf import files
from pxr_tf.data.manifest import PHANTOM_FILE, SYNTHETIC, make_manifest
from pxr_tf.data.patients import describe_ids
from pxr_tf.errors import PxrError, count_words, one_line, shorten
from pxr_tf.sets import class_folders, coronahack, covid_chestxray, kermany, own_table, radiography
from pxr_tf.sets.archives import unpacked
from pxr_tf.sets.file_kinds import ending_of
from pxr_tf.sets.left_out import count_other_files
from pxr_tf.sets.near_misses import describe_near_miss
from pxr_tf.sets.notes import make_notes
from pxr_tf.sets.rows import ManifestRow, images_in, visible_folders, walk_folders
from pxr_tf.sets.tables import PassedRow

ReadSource = Callable[[str | Path], tuple[list[ManifestRow], list[str]]]


class Layout(NamedTuple):
    """How one published layout is recognised and read; all functions take the data set's folder."""

    description: str
    recognise: Callable[[Path], bool]
    read: Callable[[Path], list[ManifestRow]]
    passed_over: Callable[[Path], list[PassedRow]] | None = None  # rows of its table that `read` does not use
    others: Callable[[Path], list[ManifestRow]] | None = None  # those of them that can be evaluated: other findings


# The most specific layout first: a radiography database is also a folder per class.
LAYOUTS: dict[str, Layout] = {
    "csv": Layout(
        "a CSV, or a folder with manifest.csv: path,label[,…]", own_table.recognise, own_table.read, lambda root: []
    ),
    "coronahack": Layout(coronahack.CORONAHACK_TABLE, coronahack.recognise, coronahack.read, coronahack.passed_over),
    "covid-chestxray": Layout(
        "metadata.csv, images/",
        covid_chestxray.recognise,
        covid_chestxray.read,
        covid_chestxray.passed_over,
        covid_chestxray.read_others,
    ),
    "radiography": Layout(
        "{COVID,Normal,Viral Pneumonia}/[images/]COVID-1.png", radiography.recognise, radiography.read
    ),
    "kermany": Layout("{train,test,val}/{NORMAL,PNEUMONIA}/person1_virus_6.jpeg", kermany.recognise, kermany.read),
    "folder": Layout("[{train,val,test}/]{class}/*.png", class_folders.recognise, class_folders.read),
}


def read_sources(paths: Sequence[str | Path], read: ReadSource | None = None) -> tuple[pd.DataFrame, list[str]]:
    """Return (manifest, notes) of all data sets at `paths`; a note says what was left out, or warns.

    `read` reads one of them, by default as `read_source` does. Raises `PxrError` if a path is missing, empty, of
    unknown layout or without an image, and if two paths hold the same image.
    """
    if not paths:
        raise PxrError("No data set was given; accepted: one or more folders or CSV files. Set DATA=folder[,folder].")
    _check_given_once(paths)
    rows: list[ManifestRow] = []
    notes: list[str] = []
    owners: dict[str, str | Path] = {}
    for path in paths:
        found, new_notes = (read or read_source)(path)
        notes += new_notes
        twice = [row["image_id"] for row in found if row["image_id"] in owners]
        if twice:
            raise PxrError(
                f"{owners[twice[0]]} and {path} share {count_words(len(twice), 'image id')} "
                f"({shorten(twice, 3)}); accepted: each "
                "data set once, in one size. Leave one out, or rename the folder if the sets are different."
            )
        owners |= {row["image_id"]: path for row in found}
        rows += found
    table = make_manifest(rows)
    return table, notes + describe_ids(table)


def read_source(path: str | Path, *, others: bool = False) -> tuple[list[ManifestRow], list[str]]:
    """Return (manifest rows, notes) of one data set. Raises `PxrError` as `read_sources` does.

    With `others`, rows of findings that nobody trains on are included: they can be evaluated.
    """
    folder = unpacked(path)
    try:
        name, root = find_layout(folder)
        layout = LAYOUTS[name]
        rows = layout.read(root)
        passed = layout.passed_over(root) if layout.passed_over else None
        if others and layout.others:
            rows += layout.others(root)
            used = {row["path"] for row in rows}
            passed = [row for row in passed or () if row.path not in used]
        notes = [one_line(note) for note in make_notes(folder, root, name, rows, passed)]
    except OSError as error:
        raise PxrError(f"DATA {path} cannot be read: {error}. Check the disk and the permissions.") from error
    if not rows:
        raise PxrError(f"DATA {path} was read as {name}, but no usable image was found. {_describe_layouts()}")
    base = root.parent if root.is_file() else root
    about = next((place / PHANTOM_FILE for place in (folder, base) if (place / PHANTOM_FILE).is_file()), None)
    return rows if about is None else _mark_synthetic(rows, files.read_json(about).get("seed", 0)), notes


def find_layout(folder: Path) -> tuple[str, Path]:
    """Return (layout, folder): `folder` or its only subfolder, two deep; raise `PxrError` with what is there."""
    if not folder.exists():
        raise PxrError(
            f"DATA {folder} does not exist; accepted: a folder of images, a zip or a CSV. Check the spelling."
        )
    if not (folder.is_file() or folder.is_dir()):
        raise PxrError(f"DATA {folder} is neither a file nor a folder; accepted: a folder of images or a CSV.")
    if folder.is_file() and not own_table.recognise(folder):
        raise PxrError(f"DATA {folder} is a file; accepted: a folder, a .zip or a .csv. Unpack another archive first.")
    if folder.is_dir() and not any(folder.iterdir()):
        raise PxrError(f"DATA {folder} is an empty folder; accepted: a folder of images or a CSV. Put the data there.")
    recognised = _recognise(folder)
    if recognised:
        return recognised
    raise PxrError(f"DATA {folder} {_describe_content(folder)} {_describe_layouts()}{_suggest(folder)}")


def _check_given_once(paths: Sequence[str | Path]) -> None:
    real = [os.path.realpath(os.path.expanduser(path)) for path in paths]
    twice = [f"{path}" for path, place in zip(paths, real, strict=True) if real.count(place) > 1]
    if twice:
        raise PxrError(f"DATA names one data set {len(twice)} times ({shorten(twice)}); accepted: each of them once.")


def _recognise(folder: Path) -> tuple[str, Path] | None:
    roots = _roots(folder)
    return next(((name, root) for name, layout in LAYOUTS.items() for root in roots if layout.recognise(root)), None)


def _roots(folder: Path) -> list[Path]:
    """Return the folder, its only subfolder, and the only subfolder of that: archives wrap data sets in folders."""
    roots = [folder]
    while len(roots) < 3:
        inner = visible_folders(roots[-1]) if roots[-1].is_dir() else []
        if len(inner) != 1:
            break
        roots += inner
    return roots


def _mark_synthetic(rows: list[ManifestRow], seed: int) -> list[ManifestRow]:
    """Return the rows of phantoms; patients of one number, drawn with another seed, are other patients."""
    heads = {"image_id": SYNTHETIC, "source": SYNTHETIC, "patient_id": f"{SYNTHETIC}-{seed}" if seed else SYNTHETIC}
    return [
        row
        if row["source"].startswith(SYNTHETIC)
        else row | {name: f"{head}-{row[name]}" for name, head in heads.items()}
        for row in rows
    ]


def _describe_layouts() -> str:
    return "Known layouts: " + "; ".join(f"{name} ({layout.description})" for name, layout in LAYOUTS.items()) + "."


def _describe_content(folder: Path) -> str:
    """Return what is in a folder of unknown layout: its folders, and its files by suffix."""
    folders = [inner.name for inner in visible_folders(folder)]
    visible = [entry for entry in folder.iterdir() if not entry.name.startswith(".") and not entry.is_dir()]
    suffixes = Counter(ending_of(entry.name) or "no suffix" for entry in visible)
    parts = [f"the folders {shorten(folders)}"] if folders else []
    parts += [count_words(count, f"{suffix} file") for suffix, count in sorted(suffixes.items())]
    found = ", ".join(parts) or "hidden files only"
    near_miss = describe_near_miss(_roots(folder))
    if not any(map(images_in, walk_folders(folder, skipped=frozenset()))):
        others = near_miss or f" {count_other_files(folder, walk_folders(folder), (), set())}".rstrip()
        return f"holds no image (.jpg, .jpeg, .png, .dcm); found: {found}.{others}"
    return f"has no known layout; found: {found}.{near_miss}"


def _suggest(folder: Path) -> str:
    known = [(inner, _recognise(inner)) for root in _roots(folder) for inner in visible_folders(root)]
    inside = [f"{inner} ({recognised[0]})" for inner, recognised in known if recognised]
    return f" Recognised inside it: {shorten(inside)}." if inside else ""
