"""The evaluations of a run on other data, read from its directory."""

from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from pxr_tf import files
from pxr_tf.evidence.external import BESIDE_COLUMNS, CALLED_COLUMNS
from pxr_tf.runs.finished import FinishedRun

EVALUATED = "evaluated"  # the folder of evaluations in the run directory
ABOUT, METRICS, CALLED, BESIDE = "evaluation.json", "metrics.csv", "called.csv", "beside.csv"
LEFT_OUT = "left_out.csv"
_TEXTS = ("source", "group", "label", "class", "metric")  # all other columns are numbers


class Evaluation(NamedTuple):
    """What an evaluation found, as written."""

    name: str  # of its folder
    about: dict[str, Any]  # ``evaluation.json``
    called: pd.DataFrame  # `external.CALLED_COLUMNS`
    beside: pd.DataFrame  # `external.BESIDE_COLUMNS`; no rows if no image has a class


def read_evaluations(run: FinishedRun) -> list[Evaluation]:
    """Return the evaluations below a run, by name; those of earlier predictions are left out. Raises `PxrError`."""
    places = sorted((run.folder / EVALUATED).glob(f"*/{ABOUT}"))
    found = [(place.parent, files.read_json(place)) for place in places]
    return [
        Evaluation(folder.name, about, _read(folder / CALLED, CALLED_COLUMNS), _read(folder / BESIDE, BESIDE_COLUMNS))
        for folder, about in found
        if about.get("predictions_of_run") == run.predictions_digest
    ]


def _read(file: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    if not file.exists():
        return pd.DataFrame(columns=list(columns))
    return files.read_csv(file, columns, lambda name: name not in _TEXTS)
