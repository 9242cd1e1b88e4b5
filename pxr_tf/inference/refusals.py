"""The gate of a run, asked about the pictures of a table before any model is."""

import numpy as np
import pandas as pd

from pxr_tf.errors import PxrError, count_words
from pxr_tf.events import OnEvent, emit_note
from pxr_tf.inference.gate import read_gate
from pxr_tf.pictures.decode import UnreadableImageError, read_header
from pxr_tf.pictures.dicom import contradictions
from pxr_tf.pictures.fingerprints import load_thumbnails
from pxr_tf.runs.finished import FinishedRun

REFUSED = "refused"  # the column of reasons
REFUSED_EXIT = 3  # of `pxr predict --strict`, if a picture has no prediction
_BLOCK = 1024  # pictures that are judged together: 50 MB


def add_refusals(table: pd.DataFrame, run: FinishedRun, on_event: OnEvent) -> pd.DataFrame:
    """Return rows with ``fault``, and with ``refused``: why the gate refuses a picture, "" if it does not.

    Without a gate, the column is missing. Unreadable pictures are not judged.
    """
    gate = read_gate(run)
    if gate is None:
        return table
    readable = table[table.fault == ""].drop_duplicates("content")
    reasons: dict[str, str] = {}
    for start in range(0, len(readable), _BLOCK):
        rows = readable[start : start + _BLOCK]
        thumbnails = load_thumbnails(run.cache, rows)
        sizes, says = zip(*map(_read_facts, rows.path), strict=True)
        verdicts = gate.judge_thumbnails(sizes, np.stack([thumbnails[content] for content in rows.content]), says)
        reasons |= {content: verdict.reason for content, verdict in zip(rows.content, verdicts, strict=True)}
    found = table.assign(**{REFUSED: [reasons.get(content, "") for content in table.content]})
    count = int((found[REFUSED] != "").sum())
    if count:
        emit_note(on_event, f"The gate refuses {count_words(count, 'picture')}: no model is asked about them.")
    return found


def _read_facts(path: str) -> tuple[tuple[int, int], list[str]]:
    """Return ((height, width), what a DICOM file says against its picture); the file was decoded a moment ago."""
    try:
        header = read_header(path)
        return (header.height, header.width), contradictions(path)
    except UnreadableImageError as error:
        raise PxrError(f"{path} can no longer be read: {error}. Run the same command again.") from error
