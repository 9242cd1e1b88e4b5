"""Survey a set of images: patients, encodings, copies, unreadable files, possible shortcuts."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf.data.patients import add_content, add_pictures, merge_patients
from pxr_tf.data.run_warnings import RunWarning
from pxr_tf.data.shortcuts import (
    associate,
    describe_properties,
    find_shortcuts,
    percent,
    shortcut_warnings,
    split_warnings,
)
from pxr_tf.events import OnProgress, count_through
from pxr_tf.pictures.decode import Header, UnreadableImageError, load_prepared, read_header
from pxr_tf.pictures.fingerprints import THUMBNAIL, twin_contents
from pxr_tf.pictures.tones import FEW_LEVELS, TONES, describe_tones

_THREADS = 4  # that decode


class DuplicateCounts(NamedTuple):
    """Counts of groups of files that are copies; `copies` counts the files beyond each group's first."""

    groups: int
    copies: int
    across_patients: int
    across_labels: int
    across_splits: int


class Survey(NamedTuple):
    """Everything that `pxr data` reports about a manifest."""

    files: pd.DataFrame  # a row per image: the columns of the manifest and of `survey_files`
    groups: pd.DataFrame  # see `summarise`
    duplicates: DuplicateCounts  # the same bytes
    near_duplicates: DuplicateCounts  # other bytes, the same picture (`fingerprints`)
    num_patients: int  # patients who share a picture count as one
    unreadable: pd.DataFrame  # path, reason
    empty: pd.DataFrame  # path, levels: files that show nothing (`tones.FEW_LEVELS`)
    association: pd.DataFrame  # property, categories, cramers_v
    shortcuts: pd.DataFrame  # see `find_shortcuts`
    warnings: list[RunWarning]


def survey(table: pd.DataFrame, on_progress: OnProgress = lambda done, total: None) -> Survey:
    """Return the survey of a manifest. Reads and decodes every file once; lists unreadable files.

    `on_progress` gets (done, all) decoded files.
    """
    table = table if "content" in table.columns else add_content(table)
    files, thumbnails = survey_files(table, on_progress)
    compared = add_pictures(files, twin_contents(thumbnails))
    readable = files[files.reason == ""].reset_index(drop=True)
    properties = describe_properties(readable)
    shortcuts = find_shortcuts(readable.label, properties)
    return Survey(
        files=files,
        groups=summarise(files),
        duplicates=count_duplicates(files),
        near_duplicates=count_near_duplicates(compared),
        num_patients=merge_patients(compared).patient_id.nunique(),
        unreadable=files.loc[files.reason != "", ["path", "reason"]].reset_index(drop=True),
        empty=files.loc[files.levels <= FEW_LEVELS, ["path", "levels"]].reset_index(drop=True),
        association=associate(readable.label, properties),
        shortcuts=shortcuts,
        warnings=shortcut_warnings(shortcuts) + split_warnings(readable, properties),
    )


def find_file_warnings(table: pd.DataFrame) -> list[RunWarning]:
    """Return the warnings of `survey` without decoding: from the files' headers, and from tones if the table has them.

    6,000 files take a second. Files without a readable header are skipped; a picture that is damaged after its header
    counts. Labels are used as they are, so merge and choose the classes first.
    """
    files = with_headers(table)
    readable = files[files.reason == ""].reset_index(drop=True)
    properties = describe_properties(readable)
    return shortcut_warnings(find_shortcuts(readable.label, properties)) + split_warnings(readable, properties)


def survey_files(
    table: pd.DataFrame, on_progress: OnProgress = lambda done, total: None
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Return (the table with each file's header, or the reason why it cannot be decoded; thumbnails by content).

    Adds ``format, width, height, colour_mode, bytes`` (missing for an unreadable file), ``bytes_per_pixel``, ``reason``
    (empty for a readable one) and the columns of `describe_tones`.
    """
    by_path: dict[str, np.ndarray] = {}

    def decode(path: str) -> None:
        by_path[path] = load_prepared(path, THUMBNAIL)

    files = with_headers(table, decode, on_progress)
    thumbnails = {row.content: by_path[row.path] for row in table.itertuples() if row.path in by_path}
    files = files.drop(columns=[*TONES], errors="ignore").join(describe_tones(thumbnails), on="content")
    return files, thumbnails


def summarise(files: pd.DataFrame) -> pd.DataFrame:
    """Return a row per label, source and official split.

    Columns: ``label, source, official_split, images, patients, unreadable``; median, lowest and highest ``width_…``
    and ``height_…`` in pixels; ``formats`` and ``modes`` as text (``JPEG 96 %, PNG 4 %``); bytes per pixel as median,
    5th and 95th percentile.
    """
    grouped = files.groupby(["label", "source", "official_split"])
    return pd.DataFrame([_summarise_group(key, group) for key, group in grouped])


def count_duplicates(files: pd.DataFrame) -> DuplicateCounts:
    """Return counts of byte-identical copies. Needs the column ``content``."""
    copies = files[files.content.duplicated(keep=False)]
    return _count_groups(copies, "content", len(copies) - copies.content.nunique())


def count_near_duplicates(files: pd.DataFrame) -> DuplicateCounts:
    """Return counts of contents that show the picture of another content; needs ``picture``, too."""
    copies = files[files.groupby("picture").content.transform("nunique") > 1]
    return _count_groups(copies, "picture", copies.content.nunique() - copies.picture.nunique())


def _count_groups(files: pd.DataFrame, same: str, num_copies: int) -> DuplicateCounts:
    groups = files.groupby(same)
    spread = groups[["patient_id", "label", "official_split"]].nunique() > 1
    return DuplicateCounts(
        groups=groups.ngroups,
        copies=num_copies,
        across_patients=int(spread.patient_id.sum()),
        across_labels=int(spread.label.sum()),
        across_splits=int(spread.official_split.sum()),
    )


def with_headers(
    table: pd.DataFrame,
    look: Callable[[str], None] = lambda path: None,
    on_progress: OnProgress = lambda done, total: None,
) -> pd.DataFrame:
    """Return the table with each file's header, or the reason why it has none or `look` cannot read it.

    Adds the columns ``format, width, height, colour_mode, bytes, bytes_per_pixel, reason``.
    """

    def read(path: str) -> tuple:
        try:
            header = read_header(path)
            look(path)
        except UnreadableImageError as error:
            return *[None] * len(Header._fields), str(error)
        return *header, ""

    with ThreadPoolExecutor(_THREADS) as pool:
        found = list(count_through(pool.map(read, table.path), len(table), on_progress))
    headers = pd.DataFrame(found, columns=[*Header._fields, "reason"], index=table.index)
    headers = headers.rename(columns={"mode": "colour_mode"})  # a pandas table has a method of this name
    sizes = headers[["width", "height", "bytes"]].apply(pd.to_numeric).astype("Int64")
    headers = headers.assign(**sizes, bytes_per_pixel=(sizes.bytes / (sizes.width * sizes.height)).astype("Float64"))
    return pd.concat([table, headers], axis=1)


def _summarise_group(key: tuple[str, str, str], group: pd.DataFrame) -> dict:
    label, source, split = key
    row = {"label": label, "source": source, "official_split": split, "images": len(group)}
    row |= {"patients": group.patient_id.nunique(), "unreadable": int((group.reason != "").sum())}
    for side in ("width", "height"):
        row |= {f"{side}_{how}": getattr(group[side], how)() for how in ("median", "min", "max")}
    row |= {"formats": _shares(group.format), "modes": _shares(group.colour_mode)}
    low, middle, high = group.bytes_per_pixel.astype(float).quantile([0.05, 0.5, 0.95])
    return row | {"bytes_per_pixel_median": middle, "bytes_per_pixel_p5": low, "bytes_per_pixel_p95": high}


def _shares(values: pd.Series) -> str:
    counts = values.value_counts(normalize=True)
    return ", ".join(str(name) if share == 1 else f"{name} {percent(share)}" for name, share in counts.items())
