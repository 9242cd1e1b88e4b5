"""Find, compare, choose and decode the images of an experiment, from data sets.

Patients who share a picture are merged before a class is left out: they may share a picture of a class that is not used
here, or a picture that two data sets encoded in two ways.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Literal, NamedTuple

import pandas as pd

from pxr_tf import files
from pxr_tf.data import labels, patients
from pxr_tf.errors import PxrError, count_words, shorten
from pxr_tf.events import OnEvent, OnProgress, OnWait, Say, emit_note, emit_progress, emit_wait
from pxr_tf.pictures.dicom_notes import read_films
from pxr_tf.pictures.fingerprints import load_thumbnails, twin_contents
from pxr_tf.pictures.lung_crop import CroppedPicture, load_stored
from pxr_tf.pictures.lung_source import AtlasLungs, LungSource
from pxr_tf.pictures.lung_store import FoundLungs, lungs_folder, open_lungs
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.pictures.store import Decode, Making, Pictures, open_pictures
from pxr_tf.pictures.tones import FEW_LEVELS, describe_tones
from pxr_tf.sets.find import read_source, read_sources

DuplicateRule = Literal["drop", "exact", "keep"]  # drop all copies but one, drop those with the same bytes, keep all
_SAME = {"drop": "picture", "exact": "content"}  # the column that dropped copies share
MAX_PAIRS = 3  # of data sets, named in the count of copies


class Gathered(NamedTuple):
    """All images of some data sets, before any is decoded."""

    table: pd.DataFrame  # the manifest with ``content``
    identity: str  # digest of ids, labels, patients and contents
    lungs: LungSource | None = None  # says where lungs are in the images, if pictures are cropped


class DecodedImages(NamedTuple):
    """The images of an experiment, decoded."""

    table: pd.DataFrame  # the rows that can be read
    skipped: pd.DataFrame  # the others, with ``reason``
    pictures: Pictures
    lungs: FoundLungs | None = None  # of the rows, if pictures are cropped


def gather_images(
    data: Sequence[str | Path],
    classes: Sequence[str],
    merge: Mapping[str, Sequence[str]],
    say: Say,
    on_progress: OnProgress = lambda done, total: None,
    *,
    others: bool = False,
) -> Gathered:
    """Return the manifest of all data sets; raise `PxrError` if a class has no image.

    With `others`, a data set's other findings count too (`sets.find.read_source`). `on_progress` gets the number of
    files read to the end, and of all.
    """
    table, notes = read_sources(data, partial(read_source, others=others))
    table, more = read_films(table)
    for note in [*notes, *more]:
        say(note)
    labels.keep_classes(labels.merge_labels(table, merge), classes, merge)
    table = patients.add_content(table, on_progress)
    columns = table[["image_id", "label", "patient_id", "content", "official_split"]].itertuples(index=False)
    return Gathered(table, files.digest(*columns))


def compare_images(table: pd.DataFrame, cache: Path, on_progress: OnProgress, on_wait: OnWait) -> pd.DataFrame:
    """Return the table with ``picture`` (shared by copies), patients merged by it, and ``compared`` (could be read).

    The columns of `describe_tones` are added, too. `on_progress` counts the images that are reduced to thumbnails, and
    then, if there are many, blocks of pairs.
    """
    thumbnails = load_thumbnails(cache, table, on_progress=on_progress, on_wait=on_wait)
    table = table.assign(compared=table.content.isin(thumbnails)).join(describe_tones(thumbnails), on="content")
    return patients.merge_patients(patients.add_pictures(table, twin_contents(thumbnails, on_progress)))


def choose_images(
    table: pd.DataFrame, classes: Sequence[str], merge: Mapping[str, Sequence[str]], duplicates: DuplicateRule, say: Say
) -> pd.DataFrame:
    """Return the experiment's rows of a compared table; say what was left out. Raises `PxrError` for an empty class."""
    table, left_out = labels.keep_classes(labels.merge_labels(table, merge), classes, merge)
    if len(left_out):
        counts = left_out.label.value_counts()
        say(f"Labels that are not classes were left out: {', '.join(f'{label} ({n})' for label, n in counts.items())}.")
    kept = table if duplicates == "keep" else patients.drop_duplicates(table, _SAME[duplicates])[0]
    say(
        f"{count_words(len(kept), 'image')} of {count_words(kept.patient_id.nunique(), 'patient')}; "
        f"{_describe_copies(table, duplicates)}."
    )
    empty = kept.image_id[kept.levels <= FEW_LEVELS]
    if len(empty):
        shows = "shows" if len(empty) == 1 else "show"
        say(f"{count_words(len(empty), 'image')} {shows} nothing but a few grey levels: {shorten(empty, 3)}.")
    contradicting = (table.groupby("picture").label.nunique() > 1).sum()
    if contradicting:
        fate = {"drop": "dropped", "exact": "dropped if their bytes are the same", "keep": "kept"}[duplicates]
        say(f"{count_words(contradicting, 'picture')} with more than one label; all their copies were {fate}.")
    return kept


def decode_images(
    table: pd.DataFrame,
    preparation: Preparation,
    cache: Path,
    *,
    skip_unreadable: bool,
    on_progress: Callable[[str, int, int], None],
    on_wait: OnWait,
    source: LungSource | None = None,
) -> DecodedImages:
    """Return the images with their pictures; raise a `PxrError` that names those that cannot be read.

    A `source` says where lungs are, if the preparation crops. `on_progress` gets (what is done, how many, of all).

    Images that were not ``compared`` (`compare_images`) but can be read now are refused, too: they may be copies of
    others.
    """
    found, decode = _look_for_lungs(table, preparation, source, cache, partial(on_progress, "finding lungs"), on_wait)
    show = partial(on_progress, "decoding images")
    pictures = open_pictures(cache, table, preparation, on_progress=show, on_wait=on_wait, decode=decode)
    reasons = table.content.map(pictures.faults)
    skipped = table[reasons.notna()].assign(reason=reasons.dropna())
    if len(skipped) and not skip_unreadable:
        named = shorten([f"{row.path} ({row.reason})" for row in skipped.itertuples()], 3)
        raise PxrError(
            f"{len(skipped)} of {count_words(len(table), 'image')} cannot be read: {named}. Repair or remove them, or "
            "continue without them: --skip-unreadable."
        )
    unknown = table.path[reasons.isna() & ~table.compared] if "compared" in table else ()
    if len(unknown):
        raise PxrError(
            f"{count_words(len(unknown), 'image')} could not be read during the search for copies, but can be read now "
            f"({shorten(unknown, 3)}). Run the same command again."
        )
    return DecodedImages(table[reasons.isna()].reset_index(drop=True), skipped, pictures, found)


def decode_readable(
    table: pd.DataFrame,
    preparation: Preparation,
    cache: Path,
    on_event: OnEvent,
    *,
    skip_unreadable: bool,
    source: LungSource | None,
) -> pd.DataFrame:
    """Return the rows whose pictures can be read, decoded into the cache; raise `PxrError` if there are none."""
    decoded = decode_images(
        table,
        preparation,
        cache,
        skip_unreadable=skip_unreadable,
        on_progress=partial(emit_progress, on_event),
        on_wait=partial(emit_wait, on_event),
        source=source,
    )
    if len(decoded.skipped):
        emit_note(on_event, f"{count_words(len(decoded.skipped), 'unreadable image')} skipped.")
    if decoded.table.empty:
        raise PxrError("None of the images can be read. Check the files and their permissions.")
    return decoded.table


def _look_for_lungs(
    table: pd.DataFrame,
    preparation: Preparation,
    source: LungSource | None,
    cache: Path,
    on_progress: OnProgress,
    on_wait: OnWait,
) -> tuple[FoundLungs | None, Decode | Making | None]:
    """Return (the lungs of the table's images, how to decode and crop them); (None, None) without a source."""
    if source is None:
        return None, None
    found = open_lungs(cache, table, source, on_progress=on_progress, on_wait=on_wait)
    if isinstance(source, AtlasLungs):
        return found, CroppedPicture(preparation, lungs_folder(cache, source), source.lowest_confidence)
    return found, partial(load_stored, found=found, lowest_confidence=source.lowest_confidence)


def _describe_copies(table: pd.DataFrame, duplicates: DuplicateRule) -> str:
    """Return how many copies there are, whether they were kept, and which data sets share pictures."""
    exact = int(table.content.duplicated().sum())
    near = int(table.picture.duplicated().sum()) - exact
    words = count_words(exact, "exact duplicate"), count_words(near, "near-identical copy", "near-identical copies")
    fates = {"drop": "dropped: {}, {}", "exact": "dropped: {}; kept: {}", "keep": "kept: {}, {}"}
    sources = table.groupby("picture").source.unique()
    pairs = Counter(pair for names in sources for pair in combinations(sorted(names), 2))
    named = [f"{a} and {b} share {count_words(count, 'picture')}" for (a, b), count in pairs.most_common()]
    return fates[duplicates].format(*words) + (f" ({shorten(named, MAX_PAIRS)})" if named else "")
