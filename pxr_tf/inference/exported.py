"""The exported file of each model, for engines other than TensorFlow: made once, and found by the model's digest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pxr_tf.inference.engines import ENGINES, TENSORFLOW, check_libraries
from pxr_tf.runs.directory import RunDirectory
from pxr_tf.tasks import Task

EXPORTED = "exported"  # the folder in the run directory, and in the cache
VERSION = 1  # of the graph of an exported model; raise it if the same model would give other probabilities


@dataclass(frozen=True)
class ExportOptions:
    """Options of the task ``export``."""

    to: str  # a format of `deploy.formats`
    path: str
    folds: Sequence[str]  # whose models answer together
    temperature: float | None  # that calibrates each model
    about: Mapping[str, Any]  # what the file says of itself
    exactly: bool = False  # refuse models whose answers in float32 differ from their own


def find_exported(run: RunDirectory, fold: str, engine: str) -> Path:
    """Return the exported file of a fold's model, which is in the run directory, or is or will be in the cache.

    It has neither temperature nor mean over folds, which depend on the picture.
    """
    name = f"{run.model_digest(fold)}-{VERSION}{ENGINES[engine].ending}"
    inside = run.folder / EXPORTED / name
    return inside if inside.is_file() else run.cache / EXPORTED / name


def plan_exports(run: RunDirectory, folds: Sequence[str], engine: str) -> list[Task]:
    """Return a task for each model whose exported file is missing; raise `PxrError` if a library is missing."""
    if engine == TENSORFLOW:
        return []
    places = {find_exported(run, fold, engine): fold for fold in folds}  # two folds may have one model
    missing = {path: fold for path, fold in places.items() if not path.is_file()}
    if missing:
        check_libraries(f"An export for {engine}", ENGINES[engine].writes, ENGINES[engine].extra)
    return [
        Task(
            f"export-{fold}",
            "export",
            options=ExportOptions(engine, str(path), (fold,), None, {"model": run.model_digest(fold)}, exactly=True),
            **run.task_place,
        )
        for path, fold in missing.items()
    ]
