"""Write a gallery from files: tables, a sheet and a thumbnail per picture, and the page that links them."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pxr_tf import files, machine, rundir
from pxr_tf.errors import count_words
from pxr_tf.events import OnProgress
from pxr_tf.explain.method_table import METHODS
from pxr_tf.galleries import state
from pxr_tf.galleries.conclusion import checked_words
from pxr_tf.galleries.page import PAGE, write_page
from pxr_tf.galleries.run import Explained
from pxr_tf.galleries.sheet import NOT_CHECKED, Checked, Drawn, Sheet, write_picture_sheet, write_thumbnail
from pxr_tf.galleries.tables import (
    CHECKS_TABLE,
    EXPLAINED_TABLE,
    check_table,
    describe_pass,
    method_title,
    open_maps,
    tabulate,
)
from pxr_tf.report.figures import SYNTHETIC_NOTE
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.runs.info import LEAKY, RunInfo, origin_and_split

THUMB = 176  # pixels
PERMUTED = "trained on permuted labels, so its maps say nothing about any disease"
NOTICE = "Research use only, not a medical device."
OF_A_PICTURE = ("maps", "sheet", "thumbnail")  # columns of the table that name files


class WrittenGallery(NamedTuple):
    """A gallery whose files are there; its lungs are not outlined."""

    folder: Path
    lungs: None = None


def write_gallery(run: FinishedRun, explained: Explained, on_progress: OnProgress) -> Path:
    """Write the gallery and return its page. The last file, ``gallery.json``, marks the gallery as complete."""
    info, folder = run.info, explained.folder
    table = tabulate(explained, origin_and_split(info))
    names = _named_files(explained, table)
    state.mark_unfinished(folder, names)
    measured = None if explained.measured is None else _read_measured(explained.measured)
    checks = check_table(table, measured, explained.notes).assign(**origin_and_split(info))
    _write_sheets(explained, table, checked_words(checks), info, on_progress)
    files.write_csv(folder / EXPLAINED_TABLE, table)
    files.write_csv(folder / CHECKS_TABLE, checks)
    about = describe_gallery(run, explained, info)
    write_page(folder, about, table, checks)
    state.finish(folder, about, names)
    return folder / PAGE


def describe_gallery(run: FinishedRun, explained: Explained, info: RunInfo) -> state.GalleryFacts:
    """Return the facts about a gallery for ``gallery.json``."""
    return {
        "key": explained.key,
        "run": run.place,
        "title": f"{info.name}: {info.title}",
        "classes": list(explained.classes),
        "folds": explained.folds,
        "methods": list(explained.methods),
        "class": explained.target,
        "checks": explained.measured is not None,
        "warnings": [warning.text for warning in info.warnings],
        "synthetic": info.origin == "synthetic",
        "leaky": info.leaky,
        "trained_with": run.provenance.get("versions", {}),
        "versions": rundir.versions(),
        "notice": NOTICE,
    }


def make_sheet(
    rows: pd.DataFrame, explained: Explained | WrittenGallery, checked: Mapping[str, Checked], info: RunInfo
) -> Sheet:
    """Return the sheet of one picture; `rows` are its rows of the table, one per method."""
    row = rows.iloc[0]
    found = open_maps(explained.folder, row.maps)
    mask = explained.lungs.mask_of(row.image_id) if explained.lungs is not None else None
    maps = [
        Drawn(
            method_title(method),
            f"layer {layer}" if layer else "pixels",
            found.large[method],
            METHODS[method].signed,
            checked.get(method, Checked(NOT_CHECKED)),
        )
        for method, layer in zip(rows.method, rows.layer, strict=True)
    ]
    facts = [
        *([f"true: {row.label}"] if row.label else []),
        f"predicted: {row.predicted}, probability {row.p_predicted:.2f}",
        f"explained: {row.explained}" + (f", {row.p_explained:.2f}" if row.explained != row.predicted else ""),
        *filter(None, [describe_pass(row)]),
        f"model {rundir.fold_name(row.fold)}, {role_words(row.role)}",
        *([f"copy of {row.copy_of}"] if row.copy_of else []),
    ]
    holds_for = {SYNTHETIC_NOTE: info.origin == "synthetic", LEAKY: info.leaky, PERMUTED: info.permuted}
    notes = [words for words, holds in holds_for.items() if holds]
    verdict = bool(row.label == row.predicted) if row.label else None
    return Sheet(row.image_id, facts, notes, verdict, found.picture, mask, maps)


def role_words(role: str) -> str:
    """Return how the model that explains a picture used it before."""
    return {
        "test": "not trained on this test picture",
        "train": "TRAINED on this picture",
        "val": "used this validation picture to choose epochs",
        "": "picture unknown to the run",
    }[role]


def _write_sheets(
    explained: Explained, table: pd.DataFrame, checked: Mapping[str, Checked], info: RunInfo, on_progress: OnProgress
) -> None:
    """Draw the sheets and thumbnails of all pictures, even if a former gallery had them."""

    def draw(rows: pd.DataFrame) -> None:
        sheet = make_sheet(rows, explained, checked, info)
        write_picture_sheet(explained.folder / rows.sheet.iloc[0], sheet)
        write_thumbnail(explained.folder / rows.thumbnail.iloc[0], sheet, THUMB)

    parts = [rows for _, rows in table.groupby("image_id", sort=False)]
    with ThreadPoolExecutor(machine.processors()) as pool:
        for number, _ in enumerate(pool.map(draw, parts)):
            on_progress(number + 1, len(parts))


def _read_measured(file: Path) -> pd.DataFrame:
    texts, numbers = ("check", "method", "image_id", "detail", "view", "network", "other"), ("value", "chance")
    return files.read_csv(file, (*texts, *numbers), numbers.__contains__)


def _named_files(explained: Explained, table: pd.DataFrame) -> list[str]:
    """Return the files of a gallery, as paths in its folder."""
    measured = [] if explained.measured is None else [explained.measured.relative_to(explained.folder).as_posix()]
    return [
        PAGE,
        EXPLAINED_TABLE,
        CHECKS_TABLE,
        *measured,
        *table[list(OF_A_PICTURE)].drop_duplicates().to_numpy().ravel(),
    ]


def summary_lines(folder: Path, number: int) -> list[str]:
    """Return the lines that the command prints about a gallery; the second is a path."""
    return [f"{count_words(number, 'picture')} explained. Open:", str(folder / PAGE), NOTICE]
