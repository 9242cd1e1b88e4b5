"""Recognise a run's own pictures in any files: those of the same bytes, and those that were resized or re-encoded."""

from functools import partial

import pandas as pd

from pxr_tf.errors import count_words
from pxr_tf.events import OnEvent, emit_note, emit_progress, emit_wait
from pxr_tf.pictures.fingerprints import find_copies, load_thumbnails
from pxr_tf.runs.finished import FinishedRun


def add_own(table: pd.DataFrame, run: FinishedRun, on_event: OnEvent) -> pd.DataFrame:
    """Return the rows with ``own``: the content of the run's picture that a file shows; "" for an external picture.

    Files of the same bytes are found by ``content``. The others are compared by fingerprints, as duplicates are.
    """
    known = set(run.manifest.content)
    others = table[~table.content.isin(known)].drop_duplicates("content")
    twins = {} if others.empty else _find_twins(run, others, on_event)
    return table.assign(own=[one if one in known else twins.get(one, "") for one in table.content])


def _find_twins(run: FinishedRun, others: pd.DataFrame, on_event: OnEvent) -> dict[str, str]:
    """Return content of a file -> content of the run's picture that it shows; files that show none are left out."""
    ours = run.manifest.drop_duplicates("content")
    packed = run.packed_thumbnails
    # A run's files may have changed since. With a stamp that no file has, only the recorded bytes are stored.
    both = pd.concat([ours.assign(stamp="recorded"), others], ignore_index=True) if packed is None else others
    show = partial(emit_progress, on_event, "comparing pictures")
    thumbnails = load_thumbnails(run.cache, both, on_progress=show, on_wait=partial(emit_wait, on_event))
    thumbnails |= packed or {}
    lacking = int((~ours.content.isin(thumbnails)).sum())
    if lacking:
        words = count_words(lacking, "picture")
        emit_note(on_event, f"Copies of {words} of the run are not recognised: the run's files cannot be read now.")
    known, asked = (
        {content: thumbnails[content] for content in rows.content if content in thumbnails} for rows in (ours, others)
    )
    return find_copies(asked, known)
