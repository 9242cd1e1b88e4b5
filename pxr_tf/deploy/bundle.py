"""Pack a finished run as a bundle: a folder, or a zip, that predicts without the run directory.

It carries what commands need of a run, and no more: no path, no patient's or image's name, sex or age. Patients and
images are numbered in the order of their pictures' digests.
"""

import itertools
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from pydantic import BaseModel

from pxr_tf import files, rundir
from pxr_tf.config import dump_experiment
from pxr_tf.deploy.card import write_card
from pxr_tf.errors import PxrError, shown
from pxr_tf.events import OnEvent, emit_note
from pxr_tf.evidence.calibrated import CALIBRATION
from pxr_tf.evidence.files import CONFUSION, POINTS, complete_tables
from pxr_tf.inference.engines import ENGINES
from pxr_tf.inference.exported import EXPORTED, find_exported
from pxr_tf.inference.gate import GATE
from pxr_tf.inference.likeness import LIKENESS
from pxr_tf.inference.predict import choose_folds, class_order
from pxr_tf.inference.predictions_file import NOTICE
from pxr_tf.inference.samples import write_samples
from pxr_tf.pictures.fingerprints import load_thumbnails
from pxr_tf.runs import bundle
from pxr_tf.runs.crop import crops_by_atlas
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.tasks import Executor

Section = TypeVar("Section", bound=BaseModel)
ZIP = ".zip"
# Files that are copied as they are, if the run has them. All of them have figures, none has names.
_CARRIED = (
    rundir.WARNINGS, "metrics.csv", CONFUSION, POINTS, "calibration.csv", "decisions.csv", "net_benefit.csv",
    "risk_coverage.csv", "conformal.csv", GATE, LIKENESS,
)  # fmt: skip
_STAMPED = {rundir.AUDIT: "identity", CALIBRATION: "predictions"}  # file -> its key with the predictions' digest
_OLDEST = (1980, 1, 1, 0, 0, 0)  # the time of every member of a zip: the same files give the same bytes


@dataclass(frozen=True)
class BundleRequest:
    """Which run to pack, and where."""

    run: FinishedRun
    out: Path | None = None  # a folder, or a file that ends in .zip; None: `place` decides
    fold: str | None = None  # whose model; None: those of all folds

    @property
    def place(self) -> Path:
        """Where the bundle is written."""
        name = "-".join([*self.run.place.split("/"), *([] if self.fold is None else [rundir.fold_name(self.fold)])])
        return self.out or Path("bundles") / name


def write_bundle(asked: BundleRequest, executor: Executor, on_event: OnEvent = lambda event: None) -> Path:
    """Write the bundle whole or not at all; return its path. Raises `PxrError`.

    It replaces an older bundle of the same name, and nothing else. Its own models predict its samples, phantoms.
    """
    run, out = asked.run, asked.place
    _check_place(out)
    folds = choose_folds(run, asked.fold)
    complete_tables(run)
    folder = out.with_name(f".{out.stem}.packing")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        _write_run(run, folds, folder, on_event)
        about = _describe(run, folds)
        files.write_json(folder / bundle.ABOUT, about | {"files": {}})
        packed = FinishedRun(folder, run.cache)
        write_samples(packed, executor, on_event)
        write_card(run, packed)
        files.write_json(folder / bundle.ABOUT, about | {"files": bundle.list_files(folder)})
        _put(folder, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return out


def _check_place(out: Path) -> None:
    """Raise `PxrError` if something other than a bundle is there."""
    if out.exists() and not bundle.was_packed(out) and not (out.is_dir() and not any(out.iterdir())):
        raise PxrError(
            f"--out received {shown(str(out), 80)}, which exists and is not a bundle. Accepted: a new folder or "
            f"{ZIP} file, or an older bundle, which is replaced."
        )
    try:
        files.check_writable(out)
    except OSError as error:
        raise PxrError(f"{out} cannot be written ({error.strerror}). Name another place (--out, OUT=...).") from error


def _describe(run: FinishedRun, folds: tuple[str, ...]) -> dict[str, Any]:
    return {
        "format": bundle.FORMAT,
        "pxr_tf": metadata.version("pxr_tf"),
        "run": run.place,
        "classes": list(class_order(run)),
        "folds": list(folds),
        "origin": run.info.origin,
        "predictions_of_run": run.predictions_digest,
        "notice": NOTICE,
    }


def _write_run(run: FinishedRun, folds: tuple[str, ...], folder: Path, on_event: OnEvent) -> None:
    """Write the files of a run directory that a bundle keeps."""
    images, patients = _numbers(run)
    manifest = run.manifest.assign(image_id=run.manifest.image_id.map(images)).sort_values("image_id")
    manifest = manifest.assign(path=manifest.image_id, patient_id=manifest.patient_id.map(patients), official_split="")[
        ["image_id", "path", "label", "patient_id", "source", "official_split", "content"]
    ]
    files.write_csv(folder / rundir.MANIFEST, manifest)
    for name, table in ((rundir.SPLITS, run.splits), (rundir.PREDICTIONS, _predictions(run))):
        rows = table[table.fold.isin(folds)]
        rows = rows.assign(image_id=rows.image_id.map(images))
        if "patient_id" in rows:
            rows = rows.assign(patient_id=rows.patient_id.map(patients))
        files.write_csv(folder / name, rows.sort_values(["fold", "image_id"]))
    for fold in folds:
        place = rundir.model_file(folder, fold)
        place.parent.mkdir(parents=True)
        shutil.copyfile(run.model_file(fold), place)
    for name in _CARRIED:
        if (run.folder / name).exists():
            shutil.copyfile(run.folder / name, folder / name)
    _copy_exports(run, folds, folder)
    _write_stamped(run, folder)
    _write_thumbnails(run, manifest.content.tolist(), folder, on_event)
    _write_recipe(run, folder)
    files.write_json(folder / rundir.PROVENANCE, _provenance(run, folder))


def _copy_exports(run: FinishedRun, folds: tuple[str, ...], folder: Path) -> None:
    """Copy the exported file of each model that `pxr predict --engine` has made, so that none is made again."""
    for fold, engine in itertools.product(folds, ENGINES):
        exported = find_exported(run, fold, engine)
        if exported.is_file():
            (folder / EXPORTED).mkdir(exist_ok=True)
            shutil.copyfile(exported, folder / EXPORTED / exported.name)


def _numbers(run: FinishedRun) -> tuple[dict[str, str], dict[str, str]]:
    """Return (image id -> its number, patient id -> its number), in the order of the pictures' digests."""
    rows = run.manifest.sort_values(["content", "image_id"])
    images = {name: f"image-{number:06d}" for number, name in enumerate(rows.image_id, start=1)}
    return images, {name: f"patient-{number:06d}" for number, name in enumerate(rows.patient_id.unique(), start=1)}


def _predictions(run: FinishedRun) -> pd.DataFrame:
    """Return the test rows: the others served to choose something, and those choices are packed."""
    table = run.predictions
    return table[table.role == "test"] if "role" in table else table


def _write_stamped(run: FinishedRun, folder: Path) -> None:
    """Copy files that name the predictions which they were computed from, by the digest of the packed predictions."""
    digest = files.digest_file(folder / rundir.PREDICTIONS)
    for name, key in _STAMPED.items():
        found = files.read_json(run.folder / name)
        if found is not None and found.get(key) == run.predictions_digest:
            files.write_json(folder / name, found | {key: digest})


def _write_thumbnails(run: FinishedRun, contents: list[str], folder: Path, on_event: OnEvent) -> None:
    found = load_thumbnails(run.cache, run.manifest.assign(stamp="recorded"))
    lacking = sum(content not in found for content in contents)
    if lacking:
        emit_note(on_event, f"The bundle recognises no copies of {lacking:,} pictures, whose files cannot be read now.")
    blank = np.zeros((32, 32), np.uint8)
    np.save(folder / bundle.THUMBNAILS, np.stack([found.get(content, blank) for content in contents]))


def _write_recipe(run: FinishedRun, folder: Path) -> None:
    """Write the recipe without the paths of this machine; copy what finds lungs, unless it is built in."""
    recipe = run.recipe
    image = recipe.image
    if crops_by_atlas(image) and image.atlas != "builtin":
        source = Path(image.atlas)
        copy = shutil.copytree if source.is_dir() else shutil.copyfile
        copy(source, folder / bundle.ATLAS)
        recipe = recipe.model_copy(update={"image": image.model_copy(update={"atlas": bundle.ATLAS})})
    model, image = _without_places(recipe.model, "weights", "of"), _without_places(recipe.image, "masks")
    recipe = recipe.model_copy(update={"model": model, "image": image})
    files.write_text(folder / rundir.EXPERIMENT, dump_experiment(recipe))


def _without_places(section: Section, *keys: str) -> Section:
    """Return a section of a recipe with the names alone of files and folders in these keys."""
    named = {key: getattr(section, key, None) for key in keys}
    return section.model_copy(update={key: Path(name).name for key, name in named.items() if name and "/" in name})


def _provenance(run: FinishedRun, folder: Path) -> Mapping[str, Any]:
    """Return the provenance without paths and the command; the digests are those of the packed tables."""
    kept = {name: value for name, value in run.provenance.items() if name not in ("command", "first", "files")}
    tables = [name for name in run.provenance["files"] if (folder / name).exists()]
    return kept | {
        "data": [Path(path).name for path in run.provenance["data"]],
        "files": {name: files.digest_file(folder / name) for name in tables},
    }


def _put(folder: Path, out: Path) -> None:
    """Give a complete bundle its place, packed if that is a zip; remove the older one."""
    if out.suffix.lower() == ZIP:
        with files.written_whole(out) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                name = zipfile.ZipInfo(f"{out.stem}/{path.relative_to(folder).as_posix()}", _OLDEST)
                name.compress_type, name.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                archive.writestr(name, path.read_bytes())
        return
    if out.exists():
        shutil.rmtree(out) if out.is_dir() else out.unlink()
    folder.replace(out)
