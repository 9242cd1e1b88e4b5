"""Find the images of one patient, and images that are copies of each other."""

import os
import re
import unicodedata
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pxr_tf import files
from pxr_tf.errors import count_words, shorten
from pxr_tf.events import OnProgress, count_through

KEPT_FIRST = ("test", "val", "train")  # the order in which copies are kept, by official part


def add_content(table: pd.DataFrame, on_progress: OnProgress = lambda done, total: None) -> pd.DataFrame:
    """Return the table with each file's ``content`` and ``stamp``; the stamp shows later changes to the file.

    ``content`` is the first 128 bits of SHA-256 of the file's bytes, in hexadecimal. A file that is empty or cannot be
    read gets a unique content (``unreadable:<image id>``), so two such files never count as copies of one picture.
    ``stamp`` is `files.stamp` from before the file was read; it is not saved. `on_progress` gets (done, all) files.
    """
    with ThreadPoolExecutor() as pool:
        found = list(count_through(pool.map(_digest_file, table.path), len(table), on_progress))
    content = [digest or f"unreadable:{image_id}" for (digest, _), image_id in zip(found, table.image_id, strict=True)]
    return table.assign(content=content, stamp=[stamp for _, stamp in found])


def _digest_file(path: str) -> tuple[str, str]:
    """Return (digest, stamp) of a file; the digest is empty for an empty file, both for an unreadable file."""
    try:
        stamp = files.stamp(path)
        return files.digest_file(Path(path)) if os.path.getsize(path) else "", stamp
    except OSError:
        return "", ""


def add_pictures(table: pd.DataFrame, twins: Iterable[tuple[str, str]] = ()) -> pd.DataFrame:
    """Return the table with ``picture``: the first of the contents that show it. `twins`: pairs of such contents."""
    first = _first_of_group(table.content, twins)
    return table.assign(picture=table.content.map(first))


def merge_patients(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with one id (alphabetically first) for patients who share a ``picture``, else ``content``."""
    pictures = "picture/" + table["picture" if "picture" in table else "content"]
    first = _first_of_group(table.patient_id, zip(table.patient_id, pictures, strict=True))
    return table.assign(patient_id=table.patient_id.map(first))


def describe_ids(table: pd.DataFrame) -> list[str]:
    """Return notes on patient ids that may be wrong: two spellings of one id, and one id in two sources.

    Spellings differ in case, spaces, hyphens, leading zeros or a final ``.0``, within one source. Images that are their
    own patient do not count, nor do ids from Kermany's file names, which repacks of that set share on purpose.
    """
    named = table[(table.patient_id != table.image_id) & ~table.patient_id.str.contains("kermany/")]
    ids = named[["source", "patient_id"]].drop_duplicates()
    notes = []
    spelt = ids.assign(plain=ids.patient_id.map(_plain_id)).groupby(["source", "plain"]).patient_id.agg(list)
    several = spelt[spelt.map(len) > 1]
    if len(several):
        examples = shorten((" and ".join(map(repr, sorted(names)[:3])) for names in several), 3)
        notes.append(
            f"{count_words(several.map(len).sum(), 'patient id')} may be spellings of {len(several):,}: {examples}. "
            "Each spelling counts as a patient, so one person may be on both sides of a split. Spell them alike."
        )
    shared = ids.groupby("patient_id").source.agg(list)
    shared = shared[shared.map(len) > 1]
    if len(shared):
        are, each = ("is", "it counts as one patient") if len(shared) == 1 else ("are", "each counts as one patient")
        sources = sorted({source for sources in shared for source in sources})
        notes.append(
            f"{count_words(len(shared), 'patient id')} {are} in more than one source ({shorten(sources)}): "
            f"{shorten(map(repr, shared.index), 3)}; {each}. If these are different people, put the source before "
            "the id."
        )
    return notes


def _plain_id(patient: str) -> str:
    """Return an id without what its spellings differ in; two numbers stay apart."""
    text = re.sub(r"(?<=\d)\.0+$", "", unicodedata.normalize("NFKC", patient).casefold())
    parts = re.findall(r"\d+|[^\W\d_]+|[^\w\s-]", text)
    return re.sub(r"(?<!\d) | (?!\d)", "", " ".join(part.lstrip("0") or "0" for part in parts))


def drop_duplicates(table: pd.DataFrame, same: str = "content") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (kept, dropped): one row per value of the column `same`.

    ``content`` finds identical bytes; ``picture`` also finds re-encoded copies. Among copies, the test part's is kept,
    so that no test part shrinks, then the validation part's, then the one with the first image id. Copies with
    different labels contradict each other and are all dropped, because none can be scored.
    """
    rank = table.official_split.map({part: place for place, part in enumerate(KEPT_FIRST)})  # others come last
    order = table.assign(rank=rank).sort_values(["rank", "image_id"]).index
    copies = table[same].loc[order].duplicated().loc[table.index]
    dropped = copies | (table.groupby(same).label.transform("nunique") > 1)
    return table[~dropped].reset_index(drop=True), table[dropped].reset_index(drop=True)


def _first_of_group(names: Iterable[str], links: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return name -> the alphabetically first name that is linked to it, directly or through other links."""
    names, links = sorted(set(names)), list(links)
    nodes = {name: number for number, name in enumerate(dict.fromkeys([*names, *chain(*links)]))}
    ends = np.array([[nodes[a], nodes[b]] for a, b in links], np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends)), tuple(ends.T)), shape=(len(nodes), len(nodes)))
    groups = connected_components(graph)[1][: len(names)]
    first: dict[int, str] = {}
    return {name: first.setdefault(group, name) for name, group in zip(names, groups, strict=True)}
