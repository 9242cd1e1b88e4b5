"""Which images are one patient's, and which are copies of one another."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pxr_tf import files

KEPT_FIRST = ("test", "val", "train")  # of copies in several official parts


def add_content(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with what each file holds, and the file's stamp, which tells whether it was changed since.

    ``content`` is the first 128 bits of SHA-256 of the file's bytes, in hexadecimal. A file that is empty or cannot be
    read gets a content of its own (``unreadable:<image id>``), so that two such files are never taken for copies of
    one picture. ``stamp`` is `files.stamp` before the file was read; it is not written to the disk.
    """
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(_digest_file, table.path))
    content = [digest or f"unreadable:{image_id}" for (digest, _), image_id in zip(found, table.image_id, strict=True)]
    return table.assign(content=content, stamp=[stamp for _, stamp in found])


def _digest_file(path: str) -> tuple[str, str]:
    """Return (digest, stamp) of a file; the digest is empty where the file is, both where it cannot be read."""
    try:
        stamp = files.stamp(path)
        return files.digest_file(Path(path)) if os.path.getsize(path) else "", stamp
    except OSError:
        return "", ""


def add_pictures(table: pd.DataFrame, twins: Iterable[tuple[str, str]] = ()) -> pd.DataFrame:
    """Return the table with ``picture``: files that show one picture have the same, one of their contents.

    `twins` are pairs of contents that differ in their bytes and show one picture (`pictures.fingerprints`).
    """
    first = _first_of_group(table.content, twins)
    return table.assign(picture=table.content.map(first))


def merge_patients(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with the alphabetically first id for patients who share a ``picture``, or else a ``content``."""
    pictures = "picture/" + table["picture" if "picture" in table else "content"]
    first = _first_of_group(table.patient_id, zip(table.patient_id, pictures, strict=True))
    return table.assign(patient_id=table.patient_id.map(first))


def drop_duplicates(table: pd.DataFrame, same: str = "content") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (kept, dropped): one row per value of the column `same`.

    ``content`` finds the same bytes, ``picture`` copies that were coded anew as well. Of copies in several official
    parts the one of the test part is kept, then of the validation part, so that no test part shrinks; then the one
    with the first image id. Copies that carry different labels contradict each other; all of them are dropped, for
    none can be scored.
    """
    rank = table.official_split.map({part: place for place, part in enumerate(KEPT_FIRST)})  # others come last
    order = table.assign(rank=rank).sort_values(["rank", "image_id"]).index
    copies = table[same].loc[order].duplicated().loc[table.index]
    dropped = copies | (table.groupby(same).label.transform("nunique") > 1)
    return table[~dropped].reset_index(drop=True), table[dropped].reset_index(drop=True)


def _first_of_group(names: Iterable[str], links: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return name -> the alphabetically first name that it is linked with, directly or over other links."""
    names, links = sorted(set(names)), list(links)
    nodes = {name: number for number, name in enumerate(dict.fromkeys([*names, *chain(*links)]))}
    ends = np.array([[nodes[a], nodes[b]] for a, b in links], np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends)), tuple(ends.T)), shape=(len(nodes), len(nodes)))
    groups = connected_components(graph)[1][: len(names)]
    first: dict[int, str] = {}
    return {name: first.setdefault(group, name) for name, group in zip(names, groups, strict=True)}
