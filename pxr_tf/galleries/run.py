"""Explain what a finished run's models predict: from a run to raw maps and checks. No TensorFlow here."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pxr_tf import files, rundir
from pxr_tf.errors import PxrError
from pxr_tf.events import OnEvent, emit_note
from pxr_tf.explain.maps_file import file_stem
from pxr_tf.explain.verdicts import counted
from pxr_tf.galleries import state
from pxr_tf.galleries.cases import choose_cases
from pxr_tf.galleries.check_options import (
    PREDICTED,
    TRUE,
    check_folder,
    check_idle_options,
    check_target,
    choose_methods,
)
from pxr_tf.galleries.lungs import GallerySources, LungsSeen, find_shown_lungs, open_sources
from pxr_tf.galleries.permuted import Permuted, find_permuted
from pxr_tf.galleries.request import CheckMaps, ExplainedPicture, ExplainPictures, GalleryRequest
from pxr_tf.inference.pictures import find_asked
from pxr_tf.models.saved_layers import read_saved_layers
from pxr_tf.pictures import gather
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.runs.crop import preparation_of
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.seeds import order_by_hash
from pxr_tf.tasks import Executor, Task, run_or_raise

GALLERY_VERSION = 5  # raise it if the same command would give another gallery
NUMBER = 3  # of cases per group and class
CHECK_PICTURES = 6  # per fold: the time of the slow checks grows with it (docs/explain.md)
MAPS, MEASURED = "maps", "measured"  # folders in a gallery: raw maps by picture, what the checks measured


class PreparedGallery(NamedTuple):
    """A checked request: whatever can be refused was refused, before a picture is decoded."""

    asked: GalleryRequest
    key: str  # digest of all that decides the gallery
    table: pd.DataFrame  # a row per picture, as `Explained` has it
    methods: tuple[str, ...]
    notes: tuple[str, ...]  # on the choice of methods
    classes: tuple[str, ...]
    preparation: Preparation
    sources: GallerySources  # of lungs
    permuted: Permuted | None  # the run that learned permuted labels, or why there is none; None: no checks


class Explained(NamedTuple):
    """Raw maps on the disk, and the facts about their pictures."""

    folder: Path
    key: str
    # a row per picture: image_id, label, patient_id, source, fold, role, group, predicted, prediction, copy_of, file
    table: pd.DataFrame
    methods: tuple[str, ...]
    classes: tuple[str, ...]
    target: str
    lungs: LungsSeen | None  # None: not looked for
    measured: Path | None  # what the slow checks measured; None: no checks
    folds: int  # how many models the run has
    notes: Mapping[str, str]  # check -> why it was not measured


def prepare_gallery(asked: GalleryRequest, on_event: OnEvent = lambda event: None) -> PreparedGallery:
    """Return the checked request; write only an atlas and external pictures' thumbnails, to the cache.

    Raises `PxrError`.
    """
    run, experiment = asked.run, asked.run.recipe
    check_folder(asked.out or asked.folder)  # a message names the folder as it was typed
    check_idle_options(asked)
    layers = next(filter(None, map(read_saved_layers, map(run.model_file, run.folds))), [])  # all folds share them
    methods, notes = choose_methods(asked.methods, asked.layer, experiment, layers)
    table = _choose(asked, on_event)
    check_target(asked.target, experiment.classes, table)
    models = _digest_models(run, sorted(set(table.fold)))
    sources = open_sources(asked, table)
    preparation = preparation_of(experiment.image, sources.own and sources.own.identity)
    table = _add_keys(table, asked, methods, models, preparation)
    permuted = find_permuted(run, sorted(set(table.fold))) if asked.checks else None
    key = _key_of(asked, table, sources, permuted)
    return PreparedGallery(asked, key, table, methods, notes, experiment.classes, preparation, sources, permuted)


def explain_run(
    prepared: PreparedGallery, executor: Executor, on_event: OnEvent = lambda event: None
) -> Explained | None:
    """Write the missing raw maps and checks, and return all; None if nothing was missing. Raises `PxrError`."""
    asked, key, preparation, sources = prepared.asked, prepared.key, prepared.preparation, prepared.sources
    if state.is_complete(asked.folder, key):
        return None
    for note in prepared.notes:
        emit_note(on_event, note)
    run, logs = asked.run, asked.run.cache / "logs"
    executor.start(logs / "explain.log")  # TensorFlow is loaded while pictures are decoded
    try:
        table = gather.decode_readable(
            prepared.table, preparation, run.cache, on_event, skip_unreadable=asked.skip_unreadable, source=sources.own
        )
        state.mark_unfinished(asked.folder, [*table.file, *([_measured_name(key)] if asked.checks else [])])
        run_or_raise(executor, _plan(prepared, table), on_event)
        lungs = find_shown_lungs(table, sources, preparation, run.cache, on_event)
        if prepared.permuted is not None:
            run_or_raise(executor, _plan_checks(prepared, table, prepared.permuted), on_event)
    except PxrError:
        state.unmark_empty(asked.folder)
        raise
    finally:
        executor.close()
    measured = asked.folder / _measured_name(key) if asked.checks else None
    unmeasured = {"labels": prepared.permuted.note} if prepared.permuted and prepared.permuted.note else {}
    about = (prepared.methods, prepared.classes, asked.target)
    return Explained(asked.folder, key, table, *about, lungs, measured, len(run.folds), unmeasured)


def _choose(asked: GalleryRequest, on_event: OnEvent) -> pd.DataFrame:
    run = asked.run
    fold = run.find_fold(asked.fold) if asked.fold is not None else None
    if asked.images:
        return find_asked(run, asked.images, fold, on_event)
    return choose_cases(run, asked.number or NUMBER, fold)


def _digest_models(run: FinishedRun, folds: Sequence[str]) -> dict[str, str]:
    """Return fold -> digest of its model; raise `PxrError` for a run without models."""
    for fold in folds:
        if not run.has_model(fold):
            raise PxrError(
                f"RUN {str(run.folder)!r} has no model {run.model_file(fold)}, so there is nothing to explain. Put it "
                "back, or delete the run directory and train again."
            )
    return {fold: run.model_digest(fold) for fold in folds}


def _add_keys(
    table: pd.DataFrame,
    asked: GalleryRequest,
    methods: Sequence[str],
    models: Mapping[str, str],
    preparation: Preparation,
) -> pd.DataFrame:
    """Return the rows with ``file``, where a picture's maps go, and ``key``, a digest of all that decides them."""
    common = (GALLERY_VERSION, preparation.digest, ",".join(methods), asked.layer or "", asked.target)
    deciding = {TRUE: "label", PREDICTED: "predicted"}  # what else decides the explained class
    classes = table[deciding[asked.target]] if asked.target in deciding else [""] * len(table)
    keys = [
        files.digest(*common, row.fold, models[row.fold], row.content, name)
        for row, name in zip(table.itertuples(), classes, strict=True)
    ]
    return table.assign(key=keys, file=[f"{MAPS}/{file_stem(name)}.npz" for name in table.image_id])


def _key_of(asked: GalleryRequest, table: pd.DataFrame, sources: GallerySources, permuted: Permuted | None) -> str:
    columns = ("image_id", "label", "patient_id", "fold", "role", "group", "copy_of", "predicted", "prediction", "key")
    rows = table[list(columns)].itertuples(index=False, name=None)
    checks = (sources.shown.identity, asked.check_pictures or CHECK_PICTURES) if sources.shown else ("no checks",)
    checks += (permuted.reason, permuted.identity) if permuted else ()
    return files.digest(GALLERY_VERSION, *checks, *rows)


def _plan(prepared: PreparedGallery, table: pd.DataFrame) -> list[Task]:
    """Return one task for each fold whose model explains pictures."""
    asked = prepared.asked
    how = (prepared.methods, asked.layer, asked.target, prepared.preparation.lungs or None)
    return [
        Task(
            f"explain-{rundir.fold_name(fold)}",
            "explain",
            fold=fold,
            options=ExplainPictures(_as_options(rows, asked.folder), *how),
            **asked.run.task_place,
        )
        for fold, rows in table.groupby("fold", sort=True)
    ]


def _plan_checks(prepared: PreparedGallery, table: pd.DataFrame, permuted: Permuted) -> list[Task]:
    """Return the task of the slow checks, unless it is done; a hash selects some pictures of each fold."""
    asked, run, to = prepared.asked, prepared.asked.run, prepared.asked.folder / _measured_name(prepared.key)
    if to.exists():
        return []
    chosen = {
        fold: rows.set_index("image_id", drop=False).loc[
            order_by_hash(rows.image_id, 0, "checks")[: asked.check_pictures or CHECK_PICTURES]
        ]
        for fold, rows in table[counted(table.role)].groupby("fold", sort=True)
    }
    options = CheckMaps(
        folds={fold: _as_options(rows, asked.folder) for fold, rows in chosen.items()},
        others=tuple(filter(run.has_model, run.folds)) if asked.fold is None else (),
        permuted=str(permuted.run.folder) if permuted.run else None,
        to=to,
    )
    return [Task("explain-checks", "explain_checks", options=options, **run.task_place)]


def _measured_name(key: str) -> str:
    return f"{MEASURED}/{key}.csv"


def _as_options(rows: pd.DataFrame, folder: Path) -> tuple[ExplainedPicture, ...]:
    columns = rows[["image_id", "content", "label", "predicted", "key"]].itertuples(index=False)
    return tuple(ExplainedPicture(*row, folder / file) for row, file in zip(columns, rows.file, strict=True))
