"""The material of an audit, from a finished run or from data sets. No TensorFlow here."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pxr_tf.audit.material import Material
from pxr_tf.data import patients
from pxr_tf.data.splits import assign_patient_folds
from pxr_tf.errors import PxrError, count_words, shorten
from pxr_tf.events import OnEvent, emit_note, emit_progress, emit_wait
from pxr_tf.pictures.dicom_notes import read_films
from pxr_tf.pictures.fingerprints import THUMBNAIL, load_thumbnails, twin_contents
from pxr_tf.pictures.store import open_pictures
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.sets.find import read_sources
from pxr_tf.tasks import Executor

FOLDS = 5  # of probes, if there is no run; fewer if a class has fewer patients


def material_of_run(run: FinishedRun, executor: Executor, on_event: OnEvent = lambda event: None) -> Material:
    """Return the material of a finished run; raise `PxrError` if its files cannot be read or have changed."""
    fold = run.tested.set_index("image_id").fold
    table = run.manifest.assign(fold=run.manifest.image_id.map(fold).fillna("").astype(object))
    _check_files(run)
    thumbnails = load_thumbnails(
        run.cache,
        table.assign(stamp="recorded"),  # a file that changed since has another content, and is not stored under this
        on_progress=partial(emit_progress, on_event, "comparing pictures"),
        on_wait=partial(emit_wait, on_event),
    )
    table = patients.add_pictures(table, twin_contents(thumbnails))
    return Material(table, tuple(run.recipe.classes), run.cache, executor, on_event, run)


def material_of_data(
    data: Sequence[str | Path], cache: Path, executor: Executor, on_event: OnEvent = lambda event: None
) -> Material:
    """Return the material of data sets: their readable pictures, copies included, with folds by patient.

    Raises `PxrError` for data with fewer than two classes, or a class with fewer than two patients.
    """
    table, notes = read_sources(data)
    table, more = read_films(table)
    for note in [*notes, *more]:
        emit_note(on_event, note)
    table = patients.add_content(table, partial(emit_progress, on_event, "reading files"))
    show, wait = partial(emit_progress, on_event, "reading pictures"), partial(emit_wait, on_event)
    pictures = open_pictures(cache, table, THUMBNAIL, on_progress=show, on_wait=wait)
    bad = ~table.content.isin(pictures.rows)
    if bad.any():
        named = shorten(table.path[bad], 3)
        emit_note(on_event, f"{count_words(int(bad.sum()), 'unreadable picture')} left out: {named}.")
    table = table[~bad].reset_index(drop=True)
    thumbnails = {content: pictures.pixels[pictures.rows[content]] for content in table.content}
    table = patients.merge_patients(patients.add_pictures(table, twin_contents(thumbnails)))
    counts = table.groupby("label").patient_id.nunique()
    if len(counts) < 2 or counts.min() < 2:
        found = ", ".join(f"{label} ({count_words(number, 'patient')})" for label, number in counts.items())
        raise PxrError(
            f"DATA {shorten(map(str, data), 2)} has {found}. Accepted: two classes or more, of two patients or more "
            "each. Add a data set (DATA=a,b)."
        )
    folds = assign_patient_folds(table, int(min(FOLDS, counts.min())), 0)
    return Material(table.assign(fold=folds.astype(str)), tuple(sorted(counts.index)), cache, executor, on_event)


def _check_files(run: FinishedRun) -> None:
    missing = [path for path in run.manifest.path if not Path(path).is_file()]
    if missing:
        raise PxrError(
            f"{len(missing):,} of {count_words(len(run.manifest), 'picture')} of the run are no longer there: "
            f"{shorten(missing, 2)}. An audit reads the files again: restore them at these paths."
        )
