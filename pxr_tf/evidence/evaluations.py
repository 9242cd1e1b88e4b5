"""The evaluations of a run on other data, read from its directory."""

from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from pxr_tf import files
from pxr_tf.errors import PxrError
from pxr_tf.evidence.external import BESIDE_COLUMNS, CALLED_COLUMNS
from pxr_tf.runs.finished import FinishedRun

EVALUATED = "evaluated"  # the folder of evaluations in the run directory
ABOUT, METRICS, CALLED, BESIDE = "evaluation.json", "metrics.csv", "called.csv", "beside.csv"
LEFT_OUT = "left_out.csv"
_REMEDY = "Delete its folder, and evaluate again (pxr evaluate)."
ABOUT_KEYS = ("predictions_of_run", "folds", "images", "patients", "unit", "origin")  # that readers rely on
_TEXTS = ("source", "group", "label", "class", "metric")  # all other columns are numbers


class Evaluation(NamedTuple):
    """What an evaluation found, as written."""

    name: str  # of its folder
    about: dict[str, Any]  # ``evaluation.json``
    called: pd.DataFrame  # `external.CALLED_COLUMNS`
    beside: pd.DataFrame  # `external.BESIDE_COLUMNS`; no rows if no image has a class


def read_evaluations(run: FinishedRun) -> list[Evaluation]:
    """Return the evaluations below a run, by name; those of earlier predictions are left out.

    Raises `PxrError` for files that were edited, or that are missing.
    """
    places = sorted((run.folder / EVALUATED).glob(f"*/{ABOUT}"))
    found = [(place.parent, _read_about(place)) for place in places]
    return [
        Evaluation(folder.name, about, _read(folder / CALLED, CALLED_COLUMNS), _read_beside(folder / BESIDE))
        for folder, about in found
        if about["predictions_of_run"] == run.predictions_digest
    ]


def _read_about(file: Path) -> dict[str, Any]:
    about = files.read_json(file, _REMEDY)
    if not isinstance(about, dict) or not set(ABOUT_KEYS) <= set(about):
        raise PxrError(f"{file} was damaged or edited. {_REMEDY}")
    return about


def _read_beside(file: Path) -> pd.DataFrame:
    return _read(file, BESIDE_COLUMNS) if file.exists() else pd.DataFrame(columns=list(BESIDE_COLUMNS))


def _read(file: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    if not file.exists():
        raise PxrError(f"{file} is missing. {_REMEDY}")
    return files.read_csv(file, columns, lambda name: name not in _TEXTS, _REMEDY)
