"""Predict any pictures with a finished run's models. No TensorFlow here: tasks do the arithmetic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf import arrays, files, machine, rundir
from pxr_tf.data import patients
from pxr_tf.errors import PxrError, count_words, shorten
from pxr_tf.events import OnEvent, add_progress, emit_note, emit_progress, emit_wait
from pxr_tf.evidence.calibrated import read_calibration, read_cutoffs
from pxr_tf.inference.cautions import add_cautions
from pxr_tf.inference.copies import add_own
from pxr_tf.inference.engines import ENGINES, TENSORFLOW, check_engine
from pxr_tf.inference.ensemble import choose_models
from pxr_tf.inference.exported import find_exported, plan_exports
from pxr_tf.inference.likeness import LIKENESS, find_likeness
from pxr_tf.inference.opinions import add_opinion, set_column
from pxr_tf.inference.pictures import list_asked
from pxr_tf.inference.refusals import REFUSED, add_refusals
from pxr_tf.pictures.dicom_notes import describe_films, read_film_facts
from pxr_tf.pictures.fingerprints import THUMBNAIL
from pxr_tf.pictures.lung_crop import why_whole
from pxr_tf.pictures.lung_source import LungSource
from pxr_tf.pictures.lung_store import open_lungs
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.pictures.store import open_pictures, pictures_key
from pxr_tf.runs.crop import check_same_atlas, open_lung_source, preparation_of, with_atlas
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.tasks import Executor, Task, run_or_raise

SHARD = 8192  # pictures per task: a minute or so of work, and a task's list of files stays below a few megabytes


@dataclass(frozen=True)
class Shard:
    """Options of the task ``predict``: some pictures, and the models to predict them with."""

    folds: Mapping[str, str]  # keyed array for the probabilities of a model -> a fold with this model
    pictures: Sequence[tuple[str, str, str]]  # path, content, and stamp or ""
    lungs: str | None  # identity of the lung source that crops the pictures; None: not cropped
    atlas: str | None  # where its atlas is now; None: where it was
    width: int  # of the arrays: the classes, and what else is kept
    engine: str = TENSORFLOW
    unlike: bool = False  # whether the arrays have one more column: how unlike a picture is (`likeness`)


@dataclass(frozen=True)
class PredictRequest:
    """Which pictures to predict, with which models."""

    run: FinishedRun
    pictures: tuple[str, ...]  # image ids of the run, files, folders or data sets
    fold: str | None = None  # whose model; None: all folds together
    atlas: str | None = None  # where the atlas of the run's crop is now; None: where it was
    engine: str = TENSORFLOW  # what computes the models


class Predictions(NamedTuple):
    """Predicted pictures."""

    table: pd.DataFrame  # `predict_table`
    classes: tuple[str, ...]
    temperature: float | None  # that calibrated the probabilities
    folds: tuple[str, ...]  # whose models were asked
    engine: str = TENSORFLOW  # that computed them


def predict_pictures(asked: PredictRequest, executor: Executor, on_event: OnEvent = lambda event: None) -> Predictions:
    """Return the prediction of each picture asked for; a killed command continues. Raises `PxrError`."""
    check_engine(asked.engine)
    folds = choose_folds(asked.run, asked.fold)
    table = list_asked(asked.run, asked.pictures, on_event, "PICTURE")
    for note in describe_films(filter(None, map(read_film_facts, table.path))):
        emit_note(on_event, note)
    table = patients.add_content(table, partial(emit_progress, on_event, "reading files"))
    found = predict_table(asked.run, table, folds, executor, on_event, atlas=asked.atlas, engine=asked.engine)
    return found._replace(table=add_cautions(found.table, asked.run, found.classes))


def choose_folds(run: FinishedRun, fold: str | None) -> tuple[str, ...]:
    """Return the folds whose models predict: the one asked for, or all that test; raise `PxrError` without a model."""
    folds = (run.find_fold(fold),) if fold is not None else run.folds
    lacking = [str(run.model_file(name)) for name in folds if not run.has_model(name)]
    if lacking:
        raise PxrError(
            f"Run {str(run.folder)!r} lacks {count_words(len(lacking), 'model')}: {shorten(lacking, 2)}. Restore the "
            "files, or delete the run's folder and train it again."
        )
    return folds


def predict_table(
    run: FinishedRun,
    table: pd.DataFrame,
    folds: tuple[str, ...],
    executor: Executor,
    on_event: OnEvent = lambda event: None,
    *,
    atlas: str | None = None,
    engine: str = TENSORFLOW,
) -> Predictions:
    """Return the rows of a manifest with ``content``, predicted by the models of these folds. Raises `PxrError`.

    With ``stamp`` (`data.patients.add_content`), a file that has changed since is not predicted. An `engine` other than
    TensorFlow runs exported files, which TensorFlow writes once for each model.

    Added columns: ``predicted`` ("" for a picture that is unreadable or refused); ``p_<class>``, calibrated if the run
    has a temperature; ``set_90`` and ``set_95``, the classes that cannot be ruled out at 90 and 95 %, if it has one;
    ``agreement``, the share of the models that predict this class; ``models``, how many were asked;
    ``known``, the role of the run's picture that it shows (``test``, ``validation``, ``training``, or "" for an
    external picture); ``own``, the content of that picture; ``fault``, why it cannot be read; and, if the run has what
    it takes, ``refused``, why the gate refuses it; ``unlike``, a percentile (`likeness`); and ``whole``, why it is not
    cropped.
    """
    table = _find_faults(run, table, on_event)
    if (table.fault != "").all():
        raise PxrError(f"None of the pictures can be read: {_first_fault(table)} Check the files.")
    table = add_refusals(table, run, on_event)
    good = (table.fault == "") & (table[REFUSED] == "" if REFUSED in table else True)
    calibration, classes = read_calibration(run), class_order(run)
    temperature = calibration.calibration["temperature"] if calibration else None
    cutoffs = read_cutoffs(calibration, classes) if calibration else {}
    asked = _Asked(folds, classes, temperature, cutoffs, atlas, engine)
    rows = _predict_good(run, table[good].reset_index(drop=True), asked, executor, on_event)
    words = [name for name in ("predicted", "known", "own", "whole", *map(set_column, cutoffs)) if name in rows]
    bad = table[~good].assign(**dict.fromkeys(words, ""))
    whole = pd.concat([rows, bad]) if len(bad) else rows
    return Predictions(_in_order(whole, table), classes, temperature, folds, engine)


class _Asked(NamedTuple):
    """How pictures are predicted."""

    folds: tuple[str, ...]
    classes: tuple[str, ...]
    temperature: float | None
    cutoffs: Mapping[float, np.ndarray]  # of conformal sets: `read_cutoffs`
    atlas: str | None
    engine: str


def _predict_good(
    run: FinishedRun, good: pd.DataFrame, asked: _Asked, executor: Executor, on_event: OnEvent
) -> pd.DataFrame:
    """Return the rows of readable pictures that no gate refuses, predicted; there may be none."""
    folds, classes, temperature, cutoffs, atlas, engine = asked
    if good.empty:
        executor.close()
        shares = [f"p_{name}" for name in classes]
        names = ["predicted", "known", "own", *shares, *map(set_column, cutoffs), "agreement", "models"]
        return good.assign(**dict.fromkeys(names, np.nan))
    image = with_atlas(run.recipe, atlas).image
    source = open_lung_source(image, good, run.cache)
    check_same_atlas(source, run.lung_identity, image.atlas)
    preparation = preparation_of(image, source and source.identity)
    found = add_own(good, run, on_event)
    used, known = choose_models(run, found.own, folds)
    _perform(plan_exports(run, folds, engine), executor, on_event)
    unlike = engine == TENSORFLOW and find_likeness(run, folds) is not None
    folders = {fold: predictions_folder(run, fold, preparation, engine, unlike=unlike) for fold in folds}
    width = len(classes) + unlike
    tasks = _plan(run, found, used, folders, Shard({}, (), preparation.lungs or None, atlas, width, engine, unlike))
    _perform(tasks, executor, add_progress(on_event, {task.name: len(task.options.pictures) for task in tasks}))
    if source is not None:
        found = found.assign(whole=_not_cropped(run, found, source, on_event))
    each = np.stack([_read(folder, good.content, width) for folder in folders.values()], axis=1)
    return add_opinion(found.assign(known=known), each, used, classes, temperature, cutoffs)


def _find_faults(run: FinishedRun, table: pd.DataFrame, on_event: OnEvent) -> pd.DataFrame:
    """Return the rows with ``fault``, why a file cannot be read: each is decoded for its thumbnail."""
    show, wait = partial(emit_progress, on_event, "reading pictures"), partial(emit_wait, on_event)
    faults = open_pictures(run.cache, table, THUMBNAIL, on_progress=show, on_wait=wait).faults
    return table.assign(fault=[faults.get(content, "") for content in table.content])


def _perform(tasks: Sequence[Task], executor: Executor, on_event: OnEvent) -> None:
    try:
        if tasks:
            run_or_raise(executor, tasks, on_event)
    finally:
        executor.close()


def class_order(run: FinishedRun) -> tuple[str, ...]:
    """Return the classes in the order of the models' outputs."""
    return tuple(name.removeprefix("p_") for name in run.predictions if name.startswith("p_"))


def predictions_folder(
    run: FinishedRun, fold: str, preparation: Preparation, engine: str = TENSORFLOW, *, unlike: bool = False
) -> Path:
    """Return the keyed array of a model's probabilities for any pictures, by content; each engine has its own.

    With `unlike`, it has a column more, which depends on the run's likeness, too.
    """
    if engine == TENSORFLOW:
        model, libraries = run.model_digest(fold), ("keras", "tensorflow")
    else:
        model, libraries = files.digest_file(find_exported(run, fold, engine)), (ENGINES[engine].package,)
    key = files.digest(
        model,
        pictures_key(preparation),
        *rundir.name_versions(*libraries),
        *sorted(machine.switches().items()),
        *([fold, files.digest_file(run.folder / LIKENESS)] if unlike else []),
    )
    return run.cache / f"predictions-{key}"


def _plan(
    run: FinishedRun, table: pd.DataFrame, used: np.ndarray, folders: Mapping[str, Path], empty: Shard
) -> list[Task]:
    """Return tasks by which each model has predicted its pictures: bool [rows, folds] `used`.

    `folders` has each fold's keyed array, and `empty` what all shards share. Pictures that are there are left out.
    """
    shards: list[Shard] = []
    for choice in np.unique(used, axis=0):
        # Two folds may have one model, and so one array.
        folds = {str(folder): fold for (fold, folder), asked in zip(folders.items(), choice, strict=True) if asked}
        rows = table[(used == choice).all(1)].drop_duplicates("content")
        missing = {content for folder in folds for content in arrays.missing_keys(Path(folder), rows.content)}
        rows = rows[rows.content.isin(missing)]
        stamps = rows.get("stamp", default=pd.Series("", rows.index))
        pictures = list(zip(rows.path, rows.content, stamps, strict=True))
        parts = [pictures[start : start + SHARD] for start in range(0, len(pictures), SHARD)]
        shards += [replace(empty, folds=folds, pictures=part) for part in parts]
    return [
        Task(
            f"predict-{number}" if number else "predict",
            "predict" if shard.engine == TENSORFLOW else "predict_exported",
            options=shard,
            **run.task_place,
        )
        for number, shard in enumerate(shards)
    ]


def _read(folder: Path, contents: pd.Series, width: int) -> np.ndarray:
    """Return float32 [contents, width]; NaN for a picture that the model was not asked about."""
    stored, found = arrays.load_array(folder), np.full((len(contents), width), np.nan, np.float32)
    rows = np.array([stored.rows.get(content, -1) for content in contents], np.int64)
    if stored.rows:
        found[rows >= 0] = stored.values[rows[rows >= 0]]
    return found


def _not_cropped(run: FinishedRun, table: pd.DataFrame, source: LungSource, on_event: OnEvent) -> list[str]:
    """Return why each picture is shown whole, "" if it is cropped; mention how many are."""
    found = open_lungs(run.cache, table, source)
    reasons = [why_whole(found.of(path), source.lowest_confidence) for path in table.path]
    whole = pd.Series([reason for reason in reasons if reason]).value_counts()
    if len(whole):
        words = ", ".join(f"{reason} ({count:,})" for reason, count in whole.items())
        emit_note(
            on_event,
            f"No lungs could be relied on in {count_words(int(whole.sum()), 'picture')}: {words}. The models saw the "
            "whole picture but were trained on crops; do not rely on these predictions.",
        )
    return reasons


def _in_order(rows: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    return rows.set_index("image_id").loc[table.image_id].reset_index()


def _first_fault(table: pd.DataFrame) -> str:
    return f"{table.path.iloc[0]} ({table.fault.iloc[0]})."
