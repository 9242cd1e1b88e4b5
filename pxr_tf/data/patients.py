"""Which images are one patient's, and which are copies of one another."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from pxr_tf import files


def add_content(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with what each file holds, and the file's stamp, which tells whether it was changed since.

    ``content`` is the first 128 bits of SHA-256 of the file's bytes, in hexadecimal. A file that is empty or cannot be
    read gets a content of its own (``unreadable:<image id>``), so that two such files are never taken for copies of
    one picture. ``stamp`` is `files.stamp` before the file was read; it is not written to the disk.
    """
    with ThreadPoolExecutor(max(2, os.cpu_count() or 1)) as pool:
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


def merge_patients(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with one patient id for all patients who share an image's content (the alphabetically first)."""
    parent = {patient: patient for patient in table.patient_id}

    def find(patient: str) -> str:
        while parent[patient] != patient:
            parent[patient] = parent[parent[patient]]
            patient = parent[patient]
        return patient

    for _, patients in table[table.content.duplicated(keep=False)].groupby("content").patient_id:
        first, *others = sorted({find(patient) for patient in patients})
        for other in others:
            parent[other] = first
    roots: dict[str, str] = {}
    for patient in sorted(parent):
        roots.setdefault(find(patient), patient)
    return table.assign(patient_id=[roots[find(patient)] for patient in table.patient_id])


def drop_duplicates(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (kept, dropped): one row per content, the one with the first image id.

    Copies that carry different labels contradict each other; all of them are dropped, for none can be scored.
    """
    labels_per_content = table.groupby("content").label.transform("nunique")
    dropped = table.content.duplicated() | (labels_per_content > 1)
    return table[~dropped].reset_index(drop=True), table[dropped].reset_index(drop=True)
