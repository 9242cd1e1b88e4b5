"""From data sets to the images of an experiment: found, compared, chosen, decoded.

Patients are merged before a class is left out, and by what pictures show: two patients may share a picture of a class
that is not used here, or one that two data sets coded in two ways.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import pandas as pd

from pxr_tf import files
from pxr_tf.data import labels, patients
from pxr_tf.errors import PxrError, count_words, shorten
from pxr_tf.pictures.fingerprints import load_thumbnails, twin_contents
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.pictures.store import Pictures, open_pictures
from pxr_tf.sets.find import read_sources

Say = Callable[[str], None]
Duplicates = Literal["drop", "exact", "keep"]  # of a picture: drop all but one, drop those with the same bytes, keep
MAX_PAIRS = 3  # of data sets, named where copies are counted


class Gathered(NamedTuple):
    """All images of some data sets, before any is decoded."""

    table: pd.DataFrame  # the manifest with ``content``
    identity: str  # digest of ids, labels, patients and contents


class Decoded(NamedTuple):
    """The images of an experiment, decoded."""

    table: pd.DataFrame  # the rows that can be read
    skipped: pd.DataFrame  # the others, with ``reason``
    pictures: Pictures


def gather_images(
    data: Sequence[str | Path], classes: Sequence[str], merge: Mapping[str, Sequence[str]], say: Say
) -> Gathered:
    """Return the manifest of all data sets; raise `PxrError` where it has no image of one of the classes."""
    table, notes = read_sources(data)
    for note in notes:
        say(note)
    labels.keep_classes(labels.merge_labels(table, merge), classes)
    table = patients.add_content(table)
    columns = table[["image_id", "label", "patient_id", "content", "official_split"]].itertuples(index=False)
    return Gathered(table, files.digest(*columns))


def compare_images(
    table: pd.DataFrame, cache: Path, on_progress: Callable[[int, int], None], on_wait: Callable[[str], None]
) -> pd.DataFrame:
    """Return the table with ``picture``, which files that show one picture share, and with patients merged by it."""
    thumbnails = load_thumbnails(cache, table, on_progress=on_progress, on_wait=on_wait)
    return patients.merge_patients(patients.add_pictures(table, twin_contents(thumbnails)))


def choose_images(
    table: pd.DataFrame, classes: Sequence[str], merge: Mapping[str, Sequence[str]], duplicates: Duplicates, say: Say
) -> pd.DataFrame:
    """Return the rows of an experiment: labels merged, classes chosen, copies of pictures dropped; say what went.

    `table` comes from `compare_images`. Raises `PxrError` where a class has no image.
    """
    table, left_out = labels.keep_classes(labels.merge_labels(table, merge), classes)
    if len(left_out):
        counts = left_out.label.value_counts()
        say(f"Left out, not among the classes: {', '.join(f'{label} ({n})' for label, n in counts.items())}.")
    nothing = table.iloc[:0]
    kept, exact = (table, nothing) if duplicates == "keep" else patients.drop_duplicates(table)
    kept, near = patients.drop_duplicates(kept, "picture") if duplicates == "drop" else (kept, nothing)
    words = f"{count_words(len(kept), 'image')} of {count_words(kept.patient_id.nunique(), 'patient')}"
    say(f"{words}; dropped: {count_words(len(exact), 'exact duplicate')}, {_describe_near(table, near)}.")
    dropped = pd.concat([exact, near])
    contradicting = dropped.picture[~dropped.picture.isin(kept.picture)].nunique()
    if contradicting:
        say(f"{count_words(contradicting, 'picture')} with more than one label; all their copies were dropped.")
    return kept


def decode_images(
    table: pd.DataFrame,
    preparation: Preparation,
    cache: Path,
    *,
    skip_unreadable: bool,
    on_progress: Callable[[int, int], None],
    on_wait: Callable[[str], None],
) -> Decoded:
    """Return the images with their pictures; raise `PxrError` naming those that cannot be read."""
    pictures = open_pictures(cache, table, preparation, on_progress=on_progress, on_wait=on_wait)
    reasons = table.content.map(pictures.faults)
    skipped = table[reasons.notna()].assign(reason=reasons.dropna())
    if len(skipped) and not skip_unreadable:
        named = shorten([f"{row.path} ({row.reason})" for row in skipped.itertuples()], 3)
        raise PxrError(
            f"{len(skipped)} of {len(table)} images cannot be read: {named}. Mend or remove them, or go on "
            "without them: --skip-unreadable."
        )
    return Decoded(table[reasons.isna()].reset_index(drop=True), skipped, pictures)


def _describe_near(table: pd.DataFrame, dropped: pd.DataFrame) -> str:
    """Return how many near-identical copies were dropped, and which data sets have pictures of which others."""
    others = table[table.picture.isin(dropped.picture) & ~table.image_id.isin(dropped.image_id)]
    pairs = dropped[["image_id", "picture", "source"]].merge(others[["picture", "source"]], on="picture")
    pairs = pairs[pairs.source_x != pairs.source_y].drop_duplicates(["image_id", "source_y"])
    counts = pairs.groupby(["source_x", "source_y"]).size().sort_values(ascending=False)
    named = [f"{count:,} of {source} are in {other}, too" for (source, other), count in counts.items()]
    text = count_words(len(dropped), "near-identical copy", "near-identical copies")
    return f"{text} ({shorten(named, MAX_PAIRS)})" if named else text
