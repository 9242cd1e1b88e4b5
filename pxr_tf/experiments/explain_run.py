"""Explaining what a finished run's models say of pictures: the story, from a run to raw maps and what they are worth.

No TensorFlow here. What is drawn of it, and every mean and interval, is made from the files by `report.gallery`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from pxr_tf import files, rundir
from pxr_tf.config import Experiment
from pxr_tf.data.splits import fold_names, read_splits
from pxr_tf.errors import PxrError
from pxr_tf.events import OnEvent
from pxr_tf.experiments import images, subjects
from pxr_tf.experiments.explain_cases import choose_cases, find_asked
from pxr_tf.experiments.explain_lungs import LungsSeen, find_lungs, open_gallery_source
from pxr_tf.experiments.explain_options import check_idle_options, check_target, choose_methods, open_explained
from pxr_tf.experiments.explain_permuted import Permuted, find_permuted
from pxr_tf.experiments.lungs import check_same_atlas, open_lung_source, preparation_of
from pxr_tf.experiments.prepare import read_provenance
from pxr_tf.experiments.tasks import Executor, Task
from pxr_tf.explain.maps_file import file_stem
from pxr_tf.explain.verdicts import counted
from pxr_tf.pictures.lung_source import LungSource
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.seeds import order_by_hash

VERSION = 2  # raise it when the same command would give another gallery
FOLDER, OF_IMAGES = "explained", "explained-images"  # in the run directory: of chosen cases, of images that were named
ABOUT = "gallery.json"  # written last: what the gallery is of, and the key that a second start compares
NUMBER = 3  # of cases per kind and class
CHECK_PICTURES = 6  # per fold: 40 s of processor time for two methods of mobilenet_025, most of it compiling
MAPS, MEASURED = "maps", "measured"  # folders in it: raw maps by picture, what the checks measured


@dataclass(frozen=True)
class Asked:
    """What is asked for."""

    run: Path  # a finished run's directory
    images: tuple[str, ...] = ()  # ids of the run, files, folders; empty: the most telling cases of each class
    methods: tuple[str, ...] = ()  # empty: the default ones
    layer: str | None = None
    target: str = "predicted"  # the class that is explained: predicted, true, or its name
    fold: str | None = None  # whose model; None: that of the fold which tested a picture
    number: int | None = None  # of cases per kind and class; None: `NUMBER`
    out: Path | None = None
    runs: Path | None = None  # folder of the cache; None: the nearest cache above the run
    atlas: str | None = None
    masks: str | None = None
    checks: bool = True
    check_pictures: int | None = None  # per fold, for the checks that take long; None: `CHECK_PICTURES`
    skip_unreadable: bool = False

    @property
    def folder(self) -> Path:
        """The gallery's folder."""
        return self.out or self.run / (OF_IMAGES if self.images else FOLDER)

    @property
    def cache(self) -> Path:
        """Decoded pictures and lungs."""
        return rundir.cache_of(self.run, self.runs)


class Explained(NamedTuple):
    """Raw maps on the disk, and what is known of their pictures."""

    folder: Path
    key: str
    table: pd.DataFrame  # a row per picture: image_id, label, patient_id, source, fold, role, group, predicted, file
    methods: tuple[str, ...]
    classes: tuple[str, ...]
    target: str
    lungs: LungsSeen | None  # None: not looked for
    measured: Path | None  # what the costly checks measured; None: they were not asked for
    folds: int  # of the run: how many models there are
    notes: Mapping[str, str]  # check -> why it was not measured


def explain_run(asked: Asked, executor: Executor, on_event: OnEvent = lambda event: None) -> Explained | None:
    """Write raw maps and checks to the gallery's folder; return what is there, None where nothing is to be done.

    What a killed command has finished is not done again. Raises `PxrError`.
    """
    experiment = open_explained(asked.run, asked.atlas, asked.masks)
    check_idle_options(asked, experiment)
    methods = choose_methods(asked.methods, asked.layer, experiment)
    _check_folder(asked.folder)
    table = _choose(asked, experiment)
    check_target(asked.target, experiment.classes, table)
    models = _digest_models(asked.run, sorted(set(table.fold)))
    own = open_lung_source(experiment.image, table, asked.cache)
    check_same_atlas(own, read_provenance(asked.run).get("lungs"), experiment.image.atlas)
    preparation = preparation_of(experiment.image, own and own.identity)
    table = _add_keys(table, asked, methods, models, preparation)
    source = open_gallery_source(asked.atlas, asked.masks, own, table, asked.cache) if asked.checks else None
    permuted = find_permuted(asked.run, experiment, sorted(set(table.fold))) if source else None
    key = _key_of(asked, table, source, permuted)
    if (_read_about(asked.folder) or {}).get("key") == key:
        return None
    logs = asked.cache / "logs"
    executor.start(logs / "explain.log")  # TensorFlow is loaded while pictures are decoded
    try:
        table = images.decode_readable(
            table, preparation, asked.cache, on_event, skip_unreadable=asked.skip_unreadable, source=own
        )
        executor.run(_plan(asked, table, methods, preparation), logs, on_event)  # an unknown layer is told here
        lungs = None if source is None else find_lungs(table, source, preparation, asked.cache, on_event)
        if permuted is not None:
            executor.run(_plan_checks(asked, table, key, permuted), logs, on_event)
    finally:
        executor.close()
    measured = _measured_file(asked, key) if asked.checks else None
    folds = len(fold_names(read_splits(asked.run / rundir.SPLITS)))
    notes = {"labels": permuted.note} if permuted and permuted.note else {}
    return Explained(asked.folder, key, table, methods, experiment.classes, asked.target, lungs, measured, folds, notes)


def _choose(asked: Asked, experiment: Experiment) -> pd.DataFrame:
    fold = subjects.find_fold(asked.run, asked.fold) if asked.fold is not None else None
    if asked.images:
        return find_asked(asked.run, asked.images, experiment, fold)
    return choose_cases(asked.run, experiment.classes, asked.number or NUMBER, fold)


def _digest_models(run: Path, folds: Sequence[str]) -> dict[str, str]:
    """Return fold -> digest of its model; raise `PxrError` for a run without models."""
    for fold in folds:
        if not rundir.model_file(run, fold).is_file():
            raise PxrError(
                f"RUN {str(run)!r} has no model {rundir.model_file(run, fold)}, so there is nothing to explain. Put it "
                "back, or delete the run directory and train again."
            )
    return {fold: rundir.digest_model(run, fold) for fold in folds}


def _add_keys(
    table: pd.DataFrame, asked: Asked, methods: Sequence[str], models: Mapping[str, str], preparation: Preparation
) -> pd.DataFrame:
    """Return the rows with ``file``, where a picture's maps go, and ``key``, which names all that decides them."""
    common = (VERSION, preparation.digest, ",".join(methods), asked.layer or "", asked.target)
    keys = [
        files.digest(*common, row.fold, models[row.fold], row.content, row.label if asked.target == "true" else "")
        for row in table.itertuples()
    ]
    return table.assign(key=keys, file=[f"{MAPS}/{file_stem(name)}.npz" for name in table.image_id])


def _key_of(asked: Asked, table: pd.DataFrame, source: LungSource | None, permuted: Permuted | None) -> str:
    columns = ("image_id", "label", "patient_id", "fold", "role", "group", "predicted", "key")
    rows = table[list(columns)].itertuples(index=False, name=None)
    checks = (source.identity, asked.check_pictures or CHECK_PICTURES) if source else ("no checks",)
    checks += (permuted.note, permuted.identity) if permuted else ()
    return files.digest(VERSION, *checks, *rows)


def _check_folder(folder: Path) -> None:
    """Raise `PxrError` where a gallery would be mixed with somebody's own files."""
    if (folder / "index.html").exists() and not (folder / ABOUT).exists() and not (folder / MAPS).exists():
        raise PxrError(
            f"--out received {str(folder)!r}, which has an index.html that is no gallery of pxr. Name another folder."
        )


def _read_about(folder: Path) -> Mapping[str, Any] | None:
    try:
        return files.read_json(folder / ABOUT)
    except ValueError:  # damaged: the gallery is made anew
        return None


def _plan(asked: Asked, table: pd.DataFrame, methods: Sequence[str], preparation: Preparation) -> list[Task]:
    """Return a task per fold whose model explains some of the pictures."""
    options = {
        "methods": list(methods),
        "layer": asked.layer,
        "class": asked.target,
        "lungs": preparation.lungs or None,
    }
    return [
        Task(
            f"explain-{rundir.fold_name(fold)}",
            "explain",
            run=str(asked.run),
            cache=str(asked.cache),
            fold=fold,
            options={**options, "pictures": _as_options(rows, asked.folder)},
        )
        for fold, rows in table.groupby("fold", sort=True)
    ]


def _plan_checks(asked: Asked, table: pd.DataFrame, key: str, permuted: Permuted) -> list[Task]:
    """Return the task of the checks that take long, unless it was done; some pictures of each fold, by hash."""
    to = _measured_file(asked, key)
    if to.exists():
        return []
    chosen = {
        fold: rows.set_index("image_id", drop=False).loc[
            order_by_hash(rows.image_id, 0, "checks")[: asked.check_pictures or CHECK_PICTURES]
        ]
        for fold, rows in table[counted(table.role)].groupby("fold", sort=True)
    }
    others = list(fold_names(read_splits(asked.run / rundir.SPLITS))) if asked.fold is None else []
    options = {
        "folds": {fold: _as_options(rows, asked.folder) for fold, rows in chosen.items()},
        "others": [fold for fold in others if rundir.model_file(asked.run, fold).is_file()],
        "permuted": str(permuted.run) if permuted.run else None,
        "to": str(to),
    }
    return [Task("explain-checks", "explain_checks", run=str(asked.run), cache=str(asked.cache), options=options)]


def _measured_file(asked: Asked, key: str) -> Path:
    return asked.folder / MEASURED / f"{key}.csv"


def _as_options(rows: pd.DataFrame, folder: Path) -> list[dict[str, str]]:
    told = rows[["image_id", "content", "label", "key"]].to_dict("records")
    return [{**row, "file": str(folder / file)} for row, file in zip(told, rows.file, strict=True)]
