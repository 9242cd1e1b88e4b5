"""Export the features of any images, from a finished run's networks, to a Parquet file. No TensorFlow here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pxr_tf import arrays, files, locks, rundir
from pxr_tf.data import patients
from pxr_tf.data.feature_table import TEXTS, read_feature_table, write_feature_table
from pxr_tf.data.manifest import is_synthetic
from pxr_tf.errors import PxrError, count_words
from pxr_tf.events import OnEvent, emit_note, emit_progress
from pxr_tf.inference.pictures import assign_folds
from pxr_tf.pictures import gather
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.runs.crop import check_same_atlas, open_lung_source, preparation_of, with_atlas
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.runs.scheme import splits_by_image
from pxr_tf.sets.find import read_sources
from pxr_tf.tasks import Executor, Task, run_or_raise

NOT_COMPARED = ("layer", "channels", "device", "precision")  # known only once the models are loaded


@dataclass(frozen=True)
class FeatureRequest:
    """Which features to export: of which run, model and data, and where to."""

    run: FinishedRun
    data: tuple[str | Path, ...] = ()  # empty: the run's own data
    fold: str | None = None  # whose model; None: for each image, the fold that held it out
    out: Path | None = None  # None: features.parquet in the run directory
    skip_unreadable: bool = False
    atlas: str | None = None  # where the atlas of the run's crop is now; None: where it was

    @property
    def file(self) -> Path:
        """Return the file to write."""
        return self.out or self.run.results / rundir.FEATURES


@dataclass(frozen=True)
class SavedFeatures:
    """Options of the task ``saved_features``."""

    folds: Mapping[str, tuple[str, ...]]  # fold whose saved model is used -> contents of the pictures
    lungs: str | None  # identity of the lung source that cropped the pictures; None: not cropped
    to: Path  # JSON, fold -> folder, channels, layer, device and precision of its features


class Written(NamedTuple):
    """What `export_features` found or wrote."""

    new: bool  # whether it wrote the file
    rows: int
    features: int  # numbers per row, in one column
    columns: int = len(TEXTS) + 1


def export_features(asked: FeatureRequest, executor: Executor, on_event: OnEvent = lambda event: None) -> Written:
    """Write the file; do nothing if it already exists with the same content.

    Features are cached in parts, so that a killed command continues. Raises `PxrError`, also if the file exists but
    was edited, or was not written by this command.
    """
    run = asked.run
    _check_network(run)
    image = with_atlas(run.recipe, asked.atlas).image
    table, data = _gather(asked, on_event)
    source = open_lung_source(image, table, run.cache)
    check_same_atlas(source, run.lung_identity, image.atlas)
    preparation = preparation_of(image, source and source.identity)
    table = assign_folds(table, run, run.find_fold(asked.fold) if asked.fold else None, on_event)
    _mention_external(table, on_event)
    about = describe_features(run, preparation, table, data)
    rows = _written_rows(asked, table, about)
    if rows is not None:
        return Written(False, *rows)
    table = gather.decode_readable(
        table, preparation, run.cache, on_event, skip_unreadable=asked.skip_unreadable, source=source
    )
    made = _compute(run, table, preparation, executor, on_event)
    caches = {fold: arrays.load_array(Path(entry["folder"])) for fold, entry in made.items()}
    first = next(iter(made.values()))
    with locks.hold(locks.lock_of(asked.file.parent)):
        about |= {name: first[name] for name in NOT_COMPARED}
        write_feature_table(asked.file, table[list(TEXTS)].join(table.content), partial(_read, caches), about)
    return Written(True, len(table), int(first["channels"]))


def describe_features(
    run: FinishedRun, preparation: Preparation, table: pd.DataFrame, data: Sequence[str | Path]
) -> dict[str, Any]:
    """Return the description kept in the file, except for `NOT_COMPARED`."""
    synthetic = is_synthetic(table) or is_synthetic(run.manifest)
    return {
        "run": run.place,
        "data": [Path(path).name for path in data],
        "data_digest": files.digest(*table[["image_id", "content"]].itertuples(index=False, name=None)),
        "models": {fold: run.model_digest(fold) for fold in sorted(set(table.fold))},
        "preparation": preparation.describe(),
        "origin": "synthetic" if synthetic else "real",
        "split": "leaky split" if splits_by_image(run.recipe) else "by patient",
        "versions": {**rundir.versions(), "pyarrow": metadata.version("pyarrow")},
        "notice": "Research use only, not a medical device.",
    }


def _check_network(run: FinishedRun) -> None:
    if not run.recipe.trains_network:
        raise PxrError(
            f"RUN {str(run.folder)!r} is a {run.recipe.model.kind} model, which has no network to take features from. "
            "Accepted: a run of kind transfer, scratch or on_features."
        )


def _gather(asked: FeatureRequest, on_event: OnEvent) -> tuple[pd.DataFrame, Sequence[str | Path]]:
    """Return the manifest of the data, sorted by image id, and the data."""
    if asked.run.packed and not asked.data:
        raise PxrError(f"{str(asked.run.folder)!r} is a bundle, which has no pictures. Name data (DATA=...).")
    data = asked.data or tuple(asked.run.provenance["data"])
    table, notes = read_sources(data)
    for note in notes:
        emit_note(on_event, note)
    return patients.add_content(table, partial(emit_progress, on_event, "reading files")), data


def _mention_external(table: pd.DataFrame, on_event: OnEvent) -> None:
    external = int((table.role == "").sum())
    if external and table.fold.nunique() > 1:
        text = f"{count_words(external, 'image')} without a fold: the features come from fold {table.fold.min()}."
        emit_note(on_event, f"{text} --fold takes all features from one model.")


def _written_rows(asked: FeatureRequest, table: pd.DataFrame, about: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return how many rows and features the file has, if it has these rows and this description, else None.

    Raises `PxrError` if it was edited.
    """
    if not asked.file.exists():
        return None
    there = read_feature_table(asked.file)
    words = {name: value for name, value in there.about.items() if name not in NOT_COMPARED}
    if asked.skip_unreadable:  # missing rows were unreadable; once fixed, they change `data_digest`
        table = table[table.image_id.isin(there.rows.image_id)]
    own = table[list(TEXTS)].astype(object).reset_index(drop=True)
    return there.features.shape if words == about and there.rows.astype(object).equals(own) else None


def _compute(
    run: FinishedRun, table: pd.DataFrame, preparation: Preparation, executor: Executor, on_event: OnEvent
) -> dict[str, dict[str, Any]]:
    """Fill the cache; return fold -> the folder of its features, and what computed them (`SavedFeatures.to`)."""
    folds = {fold: tuple(dict.fromkeys(rows.content)) for fold, rows in table.groupby("fold")}
    key = files.digest(run.place, preparation.digest, *(run.model_digest(fold) for fold in folds))
    options = SavedFeatures(folds, preparation.lungs or None, run.cache / "logs" / f"features-{key}.json")
    task = Task(rundir.FEATURES_TASK, "saved_features", options=options, **run.task_place)
    try:
        run_or_raise(executor, [task], on_event)
    finally:
        executor.close()
    return files.read_json(options.to)


def _read(caches: Mapping[str, arrays.KeyedArray], rows: pd.DataFrame) -> np.ndarray:
    """Return float32 [rows, channels] from the cache of each row's fold."""
    pairs = zip(rows.fold, rows.content, strict=True)
    return np.stack([caches[fold].values[caches[fold].rows[content]] for fold, content in pairs])
