"""From data sets to the images of an experiment: found, compared, chosen, decoded.

Patients are merged before a class is left out, and by what pictures show: two patients may share a picture of a class
that is not used here, or one that two data sets coded in two ways.
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
from pxr_tf.pictures.decode import load_prepared
from pxr_tf.pictures.fingerprints import load_thumbnails, twin_contents
from pxr_tf.pictures.lung_crop import load_stored
from pxr_tf.pictures.lung_source import LungSource
from pxr_tf.pictures.lung_store import FoundLungs, open_lungs
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.pictures.store import Decode, Pictures, open_pictures
from pxr_tf.sets.find import read_sources

DuplicateRule = Literal["drop", "exact", "keep"]  # of a picture: drop all but one, drop those with the same bytes, keep
_SAME = {"drop": "picture", "exact": "content"}  # what copies that are dropped have in common
MAX_PAIRS = 3  # of data sets, named where copies are counted


class Gathered(NamedTuple):
    """All images of some data sets, before any is decoded."""

    table: pd.DataFrame  # the manifest with ``content``
    identity: str  # digest of ids, labels, patients and contents
    lungs: LungSource | None = None  # what says where they are in the images, where pictures are cropped


class DecodedImages(NamedTuple):
    """The images of an experiment, decoded."""

    table: pd.DataFrame  # the rows that can be read
    skipped: pd.DataFrame  # the others, with ``reason``
    pictures: Pictures
    lungs: FoundLungs | None = None  # of the rows, where pictures are cropped


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


def compare_images(table: pd.DataFrame, cache: Path, on_progress: OnProgress, on_wait: OnWait) -> pd.DataFrame:
    """Return the table with ``picture``, which copies share, patients merged by it, and ``compared``: it was read."""
    thumbnails = load_thumbnails(cache, table, on_progress=on_progress, on_wait=on_wait)
    table = table.assign(compared=table.content.isin(thumbnails))
    return patients.merge_patients(patients.add_pictures(table, twin_contents(thumbnails)))


def choose_images(
    table: pd.DataFrame, classes: Sequence[str], merge: Mapping[str, Sequence[str]], duplicates: DuplicateRule, say: Say
) -> pd.DataFrame:
    """Return the rows of an experiment: labels merged, classes chosen, copies of pictures dropped; say what went.

    `table` comes from `compare_images`. Raises `PxrError` where a class has no image.
    """
    table, left_out = labels.keep_classes(labels.merge_labels(table, merge), classes)
    if len(left_out):
        counts = left_out.label.value_counts()
        say(f"Left out, not among the classes: {', '.join(f'{label} ({n})' for label, n in counts.items())}.")
    kept = table if duplicates == "keep" else patients.drop_duplicates(table, _SAME[duplicates])[0]
    say(
        f"{count_words(len(kept), 'image')} of {count_words(kept.patient_id.nunique(), 'patient')}; "
        f"{_describe_copies(table, duplicates)}."
    )
    contradicting = (table.groupby("picture").label.nunique() > 1).sum()
    if contradicting:
        fate = {"drop": "dropped", "exact": "dropped where their bytes are the same", "keep": "kept"}[duplicates]
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
    """Return the images with their pictures; raise `PxrError` naming those that cannot be read.

    A `source` says where lungs are, if the preparation crops. `on_progress` gets (what is done, how many, of all).

    Those that were not ``compared`` (`compare_images`) and can be read now are refused, too: nobody knows whose copies
    they are.
    """
    found, decode = _look_for_lungs(table, source, cache, partial(on_progress, "finding lungs"), on_wait)
    show = partial(on_progress, "decoding images")
    pictures = open_pictures(cache, table, preparation, on_progress=show, on_wait=on_wait, decode=decode)
    reasons = table.content.map(pictures.faults)
    skipped = table[reasons.notna()].assign(reason=reasons.dropna())
    if len(skipped) and not skip_unreadable:
        named = shorten([f"{row.path} ({row.reason})" for row in skipped.itertuples()], 3)
        raise PxrError(
            f"{len(skipped)} of {len(table)} images cannot be read: {named}. Mend or remove them, or go on "
            "without them: --skip-unreadable."
        )
    unknown = table.path[reasons.isna() & ~table.compared] if "compared" in table else ()
    if len(unknown):
        raise PxrError(
            f"{count_words(len(unknown), 'image')} could not be read while copies were looked for, but can be read now "
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
    """Return the rows whose pictures can be read, decoded into the cache; raise `PxrError` where there is none."""
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
        raise PxrError("None of the images can be read, so there is nothing to do. Check them.")
    return decoded.table


def _look_for_lungs(
    table: pd.DataFrame, source: LungSource | None, cache: Path, on_progress: OnProgress, on_wait: OnWait
) -> tuple[FoundLungs | None, Decode]:
    """Return (the lungs of the table's images, what decodes and crops them); without a source, what decodes them."""
    if source is None:
        return None, load_prepared
    found = open_lungs(cache, table, source, on_progress=on_progress, on_wait=on_wait)
    return found, partial(load_stored, found=found, lowest_confidence=source.lowest_confidence)


def _describe_copies(table: pd.DataFrame, duplicates: DuplicateRule) -> str:
    """Return how many copies there are, what became of them, and which data sets have pictures of which others."""
    exact = int(table.content.duplicated().sum())
    near = int(table.picture.duplicated().sum()) - exact
    words = count_words(exact, "exact duplicate"), count_words(near, "near-identical copy", "near-identical copies")
    fates = {"drop": "dropped: {}, {}", "exact": "dropped: {}; kept: {}", "keep": "kept: {}, {}"}
    sources = table.groupby("picture").source.unique()
    pairs = Counter(pair for names in sources for pair in combinations(sorted(names), 2))
    named = [f"{a} and {b} share {count_words(count, 'picture')}" for (a, b), count in pairs.most_common()]
    return fates[duplicates].format(*words) + (f" ({shorten(named, MAX_PAIRS)})" if named else "")
