"""Evaluate a finished run on labelled data that it never saw. No TensorFlow here."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import isnan
from pathlib import Path

import pandas as pd

from pxr_tf import files, rundir
from pxr_tf.config import Experiment
from pxr_tf.data import patients
from pxr_tf.data.manifest import is_synthetic
from pxr_tf.data.splits import TEST_ROLES
from pxr_tf.errors import PxrError, count_words, one_line, shorten
from pxr_tf.evaluation.intervals import measure_share
from pxr_tf.events import OnEvent, emit_note, emit_progress
from pxr_tf.evidence.evaluations import ABOUT, BESIDE, CALLED, EVALUATED, LEFT_OUT, METRICS, Evaluation
from pxr_tf.evidence.external import compare_with_internal, count_called
from pxr_tf.evidence.intervals import score_with_intervals, unit_of_rows
from pxr_tf.inference.copies import add_own
from pxr_tf.inference.likeness import FAR, UNLIKE
from pxr_tf.inference.predict import Predictions, choose_folds, class_order, predict_table
from pxr_tf.pictures.dicom_notes import read_films
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.sets.any_pictures import UNLABELLED, name_of_data, read_to_evaluate
from pxr_tf.sets.find import read_sources
from pxr_tf.tasks import Executor

_FOLDED = "ensemble"  # the column ``fold`` of predictions that several models made together


@dataclass(frozen=True)
class EvaluateRequest:
    """Which run to evaluate, on which data."""

    run: FinishedRun
    data: tuple[str, ...]  # data sets, or folders whose pictures are one group
    fold: str | None = None  # whose model; None: all folds together
    out: Path | None = None  # None: `folder` decides
    atlas: str | None = None
    label: str = ""  # of the pictures of folders without labels; "": unknown

    @property
    def folder(self) -> Path:
        """The folder of the evaluation's files."""
        names = [name_of_data(path) for path in self.data]
        name = "+".join(names) if self.fold is None else f"{'+'.join(names)}-{rundir.fold_name(self.fold)}"
        return self.out or self.run.results / EVALUATED / name


def evaluate(asked: EvaluateRequest, executor: Executor, on_event: OnEvent = lambda event: None) -> Evaluation:
    """Write the evaluation's files; raise `PxrError` if nothing is left to evaluate, or a picture has two labels."""
    run = asked.run
    folds = choose_folds(run, asked.fold)
    table, notes = read_sources(asked.data, partial(read_to_evaluate, label=asked.label))
    table, more = read_films(table)
    for note in [*notes, *more]:
        emit_note(on_event, note)
    table = patients.add_content(table, partial(emit_progress, on_event, "reading files"))
    classes = class_order(run)
    table = map_labels(table, run.recipe, classes)
    _check_labels(table)
    kept, left_out = leave_out_known(run, add_own(table, run, on_event), folds)
    _say_what_counts(kept, left_out, classes, partial(emit_note, on_event))
    found = predict_table(run, kept, folds, executor, on_event, atlas=asked.atlas)
    left_out = pd.concat([left_out, _without_prediction(found.table)])
    return _write(asked, found, left_out)


def map_labels(table: pd.DataFrame, recipe: Experiment, classes: tuple[str, ...]) -> pd.DataFrame:
    """Return the rows with ``group``, the label in the data, and ``label``, the run's class or "" for a control.

    A label that the run merged into a class counts as that class.
    """
    merged = {label: name for name, labels in recipe.merge.items() for label in labels}
    names = table.label.map(lambda label: merged.get(label, label))
    return table.assign(group=table.label, label=names.where(names.isin(classes), ""))


def leave_out_known(run: FinishedRun, table: pd.DataFrame, folds: tuple[str, ...]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (kept, left out with ``reason``): no model may have learned from a row's picture or patient.

    `table` has ``own`` (`copies.add_own`). Training and validation rows of any of the folds count: validation chose the
    epochs.
    """
    learned = run.splits[run.splits.fold.isin(folds) & ~run.splits.role.isin(TEST_ROLES)]
    known = run.manifest[run.manifest.image_id.isin(learned.image_id)]
    same = table.own.isin(set(known.content))
    people = {*known.patient_id, *table.patient_id[same]}  # the data may give a known patient another name
    reasons = pd.Series("", table.index, object)
    reasons[table.patient_id.isin(people)] = "the run learned from another image of the patient"
    reasons[same] = "the run learned from a copy of the picture"
    reasons[same & (table.own == table.content)] = "the run learned from this file"
    kept = table[reasons == ""].reset_index(drop=True)
    return kept, table.assign(reason=reasons)[reasons != ""].reset_index(drop=True)


def _check_labels(table: pd.DataFrame) -> None:
    """Raise `PxrError` if one file is listed with two labels."""
    labels = table.groupby("content").group.agg(lambda found: sorted(set(found)))
    twice = labels[labels.map(len) > 1]
    if len(twice):
        rows = table[table.content == twice.index[0]]
        raise PxrError(
            f"{count_words(len(twice), 'picture')} of DATA {'has' if len(twice) == 1 else 'have'} two labels: "
            f"{shorten(rows.path, 2)} are the same file, labelled {' and '.join(twice.iloc[0])}. Accepted: one label "
            "per picture. Correct the data, or remove one."
        )


def _say_what_counts(
    kept: pd.DataFrame, left_out: pd.DataFrame, classes: tuple[str, ...], say: Callable[[str], None]
) -> None:
    """Say how many rows are evaluated, as what, and why others are not; raise `PxrError` if none is left."""
    why = ", ".join(f"{reason} ({count:,})" for reason, count in left_out.reason.value_counts().items())
    if kept.empty:
        raise PxrError(
            f"All {count_words(len(left_out), 'image')} of DATA are known to the run: {why}. Accepted: images that "
            "no model learned from. Use other data, or --fold to evaluate one model on what it did not learn from."
        )
    if why:
        say(f"{count_words(len(left_out), 'image')} left out: {why}.")
    own = int((kept.own != "").sum())
    if own:
        say(f"{count_words(own, 'image')} are the run's own test images, so figures on them are not external.")
    controls = kept[(kept.label == "") & (kept.group != UNLABELLED)].group.value_counts()
    if not (kept.label != "").any():
        say(f"No image has a class of the run ({', '.join(classes)}), so there are no metrics.")
    if len(controls):
        say(f"Negative controls: {', '.join(f'{group} ({count:,})' for group, count in controls.items())}.")


def _without_prediction(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that no model was asked about, with ``reason``."""
    rows = table[table.predicted == ""]
    reasons = [
        f"unreadable: {row.fault}" if row.fault else f"refused: the picture {row.refused}" for row in rows.itertuples()
    ]
    return rows.assign(reason=reasons)


def _write(asked: EvaluateRequest, found: Predictions, left_out: pd.DataFrame) -> Evaluation:
    """Write the files of an evaluation, ``evaluation.json`` last: it marks the others as complete."""
    run, folder = asked.run, asked.folder
    shares = [f"p_{name}" for name in found.classes]
    good = found.table[found.table.predicted != ""]
    if good.empty:
        raise PxrError(
            f"The gate refuses every picture of DATA that can be read: the first {left_out.reason.iloc[-1]}. Accepted: "
            "frontal chest X-rays. If they are, delete the run's gate.npz, or fit it again."
        )
    fold = _FOLDED if len(found.folds) > 1 else found.folds[0]
    columns = ["image_id", "patient_id", "source", "label", "fold", "role", "predicted", *shares, "group"]
    more = [UNLIKE] if UNLIKE in good else []
    predictions = good.assign(fold=fold, role="test")[[*columns, "agreement", "models", *more]]
    unit = unit_of_rows(predictions)
    internal, tested = run.predictions, run.tested
    if len(found.folds) == 1:
        internal = tested = run.tested_by(found.folds[0])
    labelled = predictions[predictions.label != ""]
    metrics = score_with_intervals(labelled, unit) if len(labelled) else pd.DataFrame()
    called, beside = count_called(predictions, tested), compare_with_internal(predictions, internal, unit)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ABOUT).unlink(missing_ok=True)
    tables = {rundir.PREDICTIONS: predictions, CALLED: called, BESIDE: beside, METRICS: metrics}
    for name, table in tables.items():
        (folder / name).unlink(missing_ok=True)
        if len(table):
            files.write_csv(folder / name, table)
    files.write_csv(folder / LEFT_OUT, left_out[["image_id", "path", "patient_id", "source", "group", "reason"]])
    about = {
        "run": run.place,
        "predictions_of_run": run.predictions_digest,
        "data": [name_of_data(path) for path in asked.data],
        "folds": list(found.folds),
        "temperature": found.temperature,
        "images": len(predictions),
        "patients": int(predictions.patient_id.nunique()),
        "unit": unit,
        "left_out": {reason: int(count) for reason, count in left_out.reason.map(_short).value_counts().items()},
        **({UNLIKE: _count_far(predictions)} if more else {}),
        "origin": "synthetic" if is_synthetic(good) or is_synthetic(run.manifest) else "real",
        "notice": "Research use only, not a medical device.",
    }
    files.write_json(folder / ABOUT, about)
    return Evaluation(folder.name, about, called, beside)


def _count_far(predictions: pd.DataFrame) -> dict[str, float | None]:
    """Return the share of the images that are unlike the run's own, with its interval over patients if known."""
    share = measure_share((predictions[UNLIKE] >= FAR).to_numpy(), predictions.patient_id.to_numpy())
    return {name: None if isnan(value) else float(value) for name, value in share._asdict().items() if name != "error"}


def _short(reason: str) -> str:
    kind = reason.partition(":")[0]
    return kind if kind in ("unreadable", "refused") else one_line(reason)
