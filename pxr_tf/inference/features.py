"""The features that a finished run's network gives of any images, as a Parquet file: the story. No TensorFlow here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pxr_tf import arrays, files, locks, rundir
from pxr_tf.config import Experiment, load_experiment
from pxr_tf.data import patients
from pxr_tf.data.feature_table import TEXTS, read_feature_table, write_feature_table
from pxr_tf.data.manifest import is_synthetic, read_manifest
from pxr_tf.errors import PxrError, count_words
from pxr_tf.events import OnEvent, tell_note
from pxr_tf.inference.pictures import assign_folds
from pxr_tf.pictures import gather
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.runs import picture_choice
from pxr_tf.runs.crop import check_same_atlas, open_lung_source, preparation_of, with_atlas
from pxr_tf.runs.provenance import read_provenance
from pxr_tf.runs.scheme import splits_by_image
from pxr_tf.sets.find import read_sources
from pxr_tf.tasks import Executor, Task

NOT_COMPARED = ("layer", "channels", "device", "precision")  # known once the models are loaded


@dataclass(frozen=True)
class Export:
    """What is asked for."""

    run: Path  # a finished run's directory
    data: tuple[str | Path, ...] = ()  # empty: the run's own
    fold: str | None = None  # whose model; None: that of the fold which held an image out
    out: Path | None = None  # None: features.parquet in the run directory
    runs: Path | None = None  # folder of the cache; None: the nearest cache above the run
    skip_unreadable: bool = False
    atlas: str | None = None  # where the atlas lies now by which the run found lungs; None: where it was

    @property
    def file(self) -> Path:
        """The file that is written."""
        return self.out or self.run / rundir.FEATURES

    @property
    def cache(self) -> Path:
        """Decoded pictures and features."""
        return rundir.cache_of(self.run, self.runs)


def export_features(asked: Export, executor: Executor, on_event: OnEvent = lambda event: None) -> bool:
    """Write the file; return False, and do nothing, where it is there already with the same content.

    What is computed goes to the cache in parts, so that a killed command goes on. Raises `PxrError`, also where there
    is a file of that name that was edited, or is none of ours.
    """
    experiment = with_atlas(_open(asked.run), asked.atlas)
    table, data = _gather(asked, on_event)
    source = open_lung_source(experiment.image, table, asked.cache)
    check_same_atlas(source, read_provenance(asked.run).get("lungs"), experiment.image.atlas)
    preparation = preparation_of(experiment.image, source and source.identity)
    table = assign_folds(table, asked.run, picture_choice.find_fold(asked.run, asked.fold) if asked.fold else None)
    _mention_strangers(table, asked, on_event)
    about = describe(asked, experiment, preparation, table, data)
    if _is_written(asked, table, about):
        return False
    table = gather.decode_readable(
        table, preparation, asked.cache, on_event, skip_unreadable=asked.skip_unreadable, source=source
    )
    told = _compute(asked, table, preparation, executor, on_event)
    caches = {fold: arrays.load_array(Path(event["folder"])) for fold, event in told.items()}
    event = next(iter(told.values()))
    with locks.hold(locks.lock_of(asked.run)):
        about |= {name: event[name] for name in NOT_COMPARED}
        write_feature_table(asked.file, table[list(TEXTS)].join(table.content), partial(_read, caches), about)
    return True


def describe(
    asked: Export, experiment: Experiment, preparation: Preparation, table: pd.DataFrame, data: Sequence[str | Path]
) -> dict[str, Any]:
    """Return what the file says of itself, but for what is known once its models are loaded."""
    run = asked.run.resolve()
    synthetic = is_synthetic(table) or is_synthetic(read_manifest(run / rundir.MANIFEST))
    return {
        "run": "/".join(run.parts[-rundir.depth_of(run) :]),
        "data": [Path(path).name for path in data],
        "data_digest": files.digest(*table[["image_id", "content"]].itertuples(index=False, name=None)),
        "models": {fold: rundir.digest_model(run, fold) for fold in sorted(set(table.fold))},
        "preparation": preparation.describe(),
        "origin": "synthetic" if synthetic else "real",
        "split": "leaky split" if splits_by_image(experiment) else "by patient",
        "versions": {**rundir.versions(), "pyarrow": metadata.version("pyarrow")},
        "notice": "Research use only, not a medical device.",
    }


def _open(run: Path) -> Experiment:
    picture_choice.check_finished(run)
    experiment = load_experiment(run / rundir.EXPERIMENT)
    if not experiment.trains_network:
        raise PxrError(
            f"RUN {str(run)!r} is of the model {experiment.model.kind}, which has no network to take features from. "
            "Accepted: a run of the kinds transfer, scratch and on_features."
        )
    return experiment


def _gather(asked: Export, on_event: OnEvent) -> tuple[pd.DataFrame, Sequence[str | Path]]:
    """Return (the manifest of the data, sorted by image id, the data)."""
    data = asked.data or tuple(read_provenance(asked.run)["data"])
    table, notes = read_sources(data)
    for note in notes:
        tell_note(on_event, note)
    return patients.add_content(table), data


def _mention_strangers(table: pd.DataFrame, asked: Export, on_event: OnEvent) -> None:
    strangers = int((table.role == "").sum())
    if strangers and table.fold.nunique() > 1:
        text = f"{count_words(strangers, 'image')} of no fold: the features are those of fold {table.fold.min()}."
        tell_note(on_event, f"{text} --fold takes all from one model.")


def _is_written(asked: Export, table: pd.DataFrame, about: Mapping[str, Any]) -> bool:
    """Return whether the file has these rows and words; raise `PxrError` where it was edited."""
    if not asked.file.exists():
        return False
    there = read_feature_table(asked.file)
    words = {name: value for name, value in there.about.items() if name not in NOT_COMPARED}
    if asked.skip_unreadable:  # what is missing could not be read; its digest would be another, mended
        table = table[table.image_id.isin(there.rows.image_id)]
    return words == about and there.rows.astype(object).equals(table[list(TEXTS)].astype(object).reset_index(drop=True))


def _compute(
    asked: Export, table: pd.DataFrame, preparation: Preparation, executor: Executor, on_event: OnEvent
) -> dict[str, dict[str, Any]]:
    """Fill the cache; return fold -> what was told of its features: where they lie, and what gave them."""
    told: dict[str, dict[str, Any]] = {}

    def listen(event: dict[str, Any]) -> None:
        if event["event"] == "features":
            told[event["fold"]] = event
        on_event(event)

    folds = {fold: list(dict.fromkeys(rows.content)) for fold, rows in table.groupby("fold")}
    options = {"folds": folds, "lungs": preparation.lungs or None}
    task = Task(rundir.FEATURES_TASK, "export", run=str(asked.run), cache=str(asked.cache), options=options)
    try:
        executor.run([task], asked.cache / "logs", listen)
    finally:
        executor.close()
    return told


def _read(caches: Mapping[str, arrays.KeyedArray], rows: pd.DataFrame) -> np.ndarray:
    """Return float32 [rows, channels] from the cache of each row's fold."""
    pairs = zip(rows.fold, rows.content, strict=True)
    return np.stack([caches[fold].values[caches[fold].rows[content]] for fold, content in pairs])
