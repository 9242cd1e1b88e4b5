"""Predictions of changed test pictures, each by the model of the fold that tests it: a sample, tasks, an array."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf import arrays, files, rundir
from pxr_tf.audit.changes import measure_spectrum
from pxr_tf.audit.material import Checked, Material
from pxr_tf.audit.versions import AuditPicture, Change, Donor, Look, PredictVersions, name_version
from pxr_tf.data.findings import Finding
from pxr_tf.pictures.gather import decode_readable
from pxr_tf.pictures.store import load_pictures
from pxr_tf.runs.crop import open_lung_source
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.seeds import order_by_hash
from pxr_tf.tasks import Task, run_or_raise

# Of a class, an image each: a share of them is known to 8 points at most. 600 pictures of four classes, each changed in
# 50 ways, take MobileNet 0.25 two to three minutes on two cores.
MOST_PATIENTS = 150
_SEED = 0  # every audit of a run looks at the same pictures


class Predicted(NamedTuple):
    """What the models say of versions of test pictures."""

    rows: pd.DataFrame  # of the n pictures: the columns of the material's table
    probabilities: Mapping[Change, np.ndarray]  # float64 [n, classes]; NaN if a version could not be made


def without_models(material: Material, check: str) -> Checked | None:
    """Return what a check says of material without the models that it needs; None if they are there."""
    run = material.run
    if run is None:
        text = "There is no trained model to ask."
    elif material.tested.empty:
        text = "No fold tests a picture."
    else:
        lacking = [fold for fold in dict.fromkeys(material.tested.fold) if not run.has_model(fold)]
        if not lacking:
            return None
        text = f"The run keeps no model of {rundir.fold_name(lacking[0])}, so no changed picture can be predicted."
    return Checked([Finding(check, "note", "models", "", text=text)])


def choose_rows(tested: pd.DataFrame, most: int = MOST_PATIENTS) -> pd.DataFrame:
    """Return one row per patient and class, of up to `most` patients per class, about as many from each fold.

    The choice depends on the seed and on names alone, so a new image changes little.
    """
    chosen = []
    for _, rows in tested.groupby("label"):
        rank = {name: place for place, name in enumerate(order_by_hash(rows.image_id, _SEED, "audit"))}
        rows = rows.assign(rank=rows.image_id.map(rank)).sort_values("rank").drop_duplicates("patient_id")
        rows = rows.assign(turn=rows.groupby("fold").cumcount()).sort_values(["turn", "rank"])
        chosen.append(rows.head(most).drop(columns=["rank", "turn"]))
    return pd.concat(chosen).sort_values("image_id", ignore_index=True)


def choose_donors(rows: pd.DataFrame) -> list[dict[str, Donor]]:
    """Return for each row class -> the picture of that class that it imitates: another patient's, by hash.

    A class with a single patient has no other: then a picture imitates itself.
    """
    of_class = dict(list(rows.groupby("label")))
    return [
        {label: _choose_donor(row, group) for label, group in of_class.items()} for row in rows.itertuples(index=False)
    ]


def _choose_donor(row: NamedTuple, group: pd.DataFrame) -> Donor:
    others = group[group.patient_id != row.patient_id]
    others = group if others.empty else others
    first = order_by_hash(others.content, _SEED, f"donor of {row.content}")[0]
    return Donor(first, str(others.path[others.content == first].iloc[0]))


def predict_changes(material: Material, changes: Sequence[Change], name: str) -> Predicted:
    """Return the predictions after each change; `name` is the check's. Raises `PxrError`."""
    run = _require_run(material)
    rows = _decode(run, choose_rows(material.tested), material)
    looks = find_looks(run, rows, material.classes)
    donors = choose_donors(rows)
    changes = [change for change in changes if not change.of or change.of in looks]
    pictures = [
        AuditPicture(row.content, str(row.path), own)
        for row, own in zip(rows.itertuples(index=False), donors, strict=True)
    ]
    tasks = list(_plan(run, rows, pictures, changes, looks, name))
    run_or_raise(material.executor, tasks, material.on_event)
    found = {task.fold: arrays.load_array(Path(files.read_json(task.options.to)["folder"])) for task in tasks}
    return Predicted(
        rows,
        {change: _read(found, rows.fold, pictures, change, looks, len(material.classes)) for change in changes},
    )


def find_looks(run: FinishedRun, rows: pd.DataFrame, classes: Sequence[str]) -> dict[str, Look]:
    """Return what the prepared pictures of each class that has rows have in common."""
    stored, found = load_pictures(run.cache, run.preparation), {}
    for label in (label for label in classes if (rows.label == label).any()):
        pixels = stored.pixels[stored.find(rows.content[rows.label == label])]
        shares = np.bincount(pixels.ravel(), minlength=256) / max(1, pixels.size)
        spectrum = np.mean([measure_spectrum(picture) for picture in pixels], axis=0)
        found[label] = Look(*(tuple(map(float, values.round(6))) for values in (shares, spectrum)))
    return found


def _require_run(material: Material) -> FinishedRun:
    if material.run is None:
        raise ValueError("changes are predicted by the models of a run; the material has none")
    return material.run


def _decode(run: FinishedRun, rows: pd.DataFrame, material: Material) -> pd.DataFrame:
    """Return the rows whose pictures can be read, and decode those that the cache lacks."""
    source = open_lung_source(run.recipe.image, rows, run.cache)
    return decode_readable(
        rows, run.preparation, run.cache, material.on_event, skip_unreadable=True, source=source
    ).reset_index(drop=True)


def _plan(
    run: FinishedRun,
    rows: pd.DataFrame,
    pictures: Sequence[AuditPicture],
    changes: Sequence[Change],
    looks: Mapping[str, Look],
    name: str,
) -> Iterator[Task]:
    for fold, group in rows.groupby("fold"):
        own = tuple(pictures[place] for place in group.index)
        key = files.digest(run.place, name, run.model_digest(fold))
        options = PredictVersions(own, tuple(changes), dict(looks), run.cache / "logs" / f"audit-{key}.json")
        task = f"{name}-{rundir.fold_name(fold)}"
        yield Task(task, "audit_changes", fold=fold, options=options, **run.task_place)


def _read(found, folds, pictures, change, looks, classes: int) -> np.ndarray:
    values = np.full((len(pictures), classes), np.nan)
    for place, (fold, picture) in enumerate(zip(folds, pictures, strict=True)):
        array = found[fold]
        row = array.rows.get(name_version(change, picture, looks))
        if row is not None:
            values[place] = array.values[row]
    return values
