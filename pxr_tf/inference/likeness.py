"""How much a picture is like those that a run's models were trained on: a caution, not a refusal.

The distance is measured in the features of each fold's model, and said as a percentile among the run's own held-out
pictures: of 100 of them, that many are nearer. All classes are one cloud: with a distance to the nearest class, healthy
adults from elsewhere, which the models take for COVID-19, are as near as COVID-19 is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pxr_tf.errors import PxrError, count_words
from pxr_tf.evaluation.intervals import wilson_interval
from pxr_tf.inference.archives import read_archive, write_archive
from pxr_tf.inference.distances import Distance, fit_distance
from pxr_tf.runs.directory import RunDirectory
from pxr_tf.seeds import order_by_hash

LIKENESS = "likeness.npz"  # in the run directory
FORMAT = 1  # of the file
UNLIKE = "unlike"  # the column of percentiles
FAR = 97.0  # the percentile from which a picture is called unlike: 3 % of the run's own are
DIRECTIONS = 128  # in which held-out pictures of a fold differ; more would make files of large networks large
PARTS = 5  # of a fold's held-out patients: each part is measured by a fit to the others
FEWEST = 20  # held-out pictures of a fold: fewer say nothing of what is usual
_GRID = np.linspace(0, 1, 401)  # quantiles of the held-out pictures' distances that are kept


@dataclass(frozen=True)
class Likeness:
    """Of each fold's model: the distance to the pictures that it was tested on, and the usual distances."""

    models: Mapping[str, str]  # fold -> digest of the model
    distances: Mapping[str, Distance]
    usual: Mapping[str, np.ndarray]  # fold -> [401], ascending: quantiles of held-out distances
    about: Mapping[str, Any]  # how many of the run's own pictures are far, by source

    def measure(self, fold: str, features: np.ndarray) -> np.ndarray:
        """Return percentiles, 0 to 100, of features [n, F] of a fold's model."""
        return 100 * np.interp(self.distances[fold].of(features), self.usual[fold], _GRID)


def fit_likeness(rows: pd.DataFrame, features: np.ndarray, models: Mapping[str, str]) -> Likeness:
    """Return the likeness of a run: rows with ``fold, role, patient_id, source``, and their features in that fold.

    `models` maps folds to digests. Only held-out rows count. Raises `PxrError` if a fold has fewer than `FEWEST`.
    """
    held_out = (rows.role == "test").to_numpy()
    rows, features = rows[held_out].reset_index(drop=True), features[held_out]
    counts = rows.fold.value_counts()
    if rows.empty or counts.min() < FEWEST:
        least = 0 if rows.empty else int(counts.min())
        raise PxrError(
            f"A fold has only {count_words(least, 'held-out picture')}. Accepted: at least {FEWEST} in each, or nobody "
            "can say what is usual."
        )
    distances, usual, far = {}, {}, np.zeros(len(rows), bool)
    for fold, group in rows.groupby("fold"):
        own = features[group.index]
        apart = _measure_apart(own, group.patient_id.to_numpy())
        usual[fold], distances[fold] = np.quantile(apart, _GRID), fit_distance(own, DIRECTIONS)
        far[group.index] = apart > np.quantile(apart, FAR / 100)
    used = {fold: digest for fold, digest in models.items() if fold in distances}
    return Likeness(used, distances, usual, {"own": _count(rows.source, far)})


def _measure_apart(features: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """Return the distances [n] of features; each is measured by a fit to those of other patients."""
    order = {name: number % PARTS for number, name in enumerate(order_by_hash(set(patients), 0, "likeness"))}
    part = np.array([order[name] for name in patients])
    found = np.zeros(len(features))
    for number in np.unique(part):
        mine = part == number
        found[mine] = fit_distance(features[~mine], DIRECTIONS).of(features[mine])
    return found


def _count(source: pd.Series, far: np.ndarray) -> dict[str, dict[str, float]]:
    counted = {}
    for name in np.unique(source):
        own = far[source == name]
        low, high = wilson_interval(float(own.mean()), len(own))
        counted[str(name)] = {"pictures": len(own), "far": int(own.sum()), "low": low, "high": high}
    return counted


def write_likeness(path: Path, likeness: Likeness) -> None:
    """Write a likeness, whole or not at all."""
    words = {"format": FORMAT, "models": dict(likeness.models), "about": dict(likeness.about)}
    arrays = {
        f"{fold} {name}": value
        for fold in likeness.models
        for name, value in (*likeness.distances[fold]._asdict().items(), ("usual", likeness.usual[fold]))
    }
    write_archive(path, words, arrays)


def read_likeness(run: RunDirectory) -> Likeness | None:
    """Return the likeness of a run, None if it has none; raise `PxrError` for a damaged file."""
    return read_archive(run, LIKENESS, FORMAT, _make)


def find_likeness(run: RunDirectory, folds: Sequence[str]) -> Likeness | None:
    """Return the likeness of a run if it is of the models that these folds have now, else None."""
    likeness = read_likeness(run)
    fits = likeness is not None and all(likeness.models.get(fold) == run.model_digest(fold) for fold in folds)
    return likeness if fits else None


def _make(words: dict[str, Any], arrays: dict[str, np.ndarray]) -> Likeness:
    models = dict(words["models"])
    distances = {
        fold: Distance(*(arrays[f"{fold} {name}"].astype(np.float64) for name in Distance._fields)) for fold in models
    }
    usual = {fold: arrays[f"{fold} usual"].astype(np.float64) for fold in models}
    for fold, distance in distances.items():
        if usual[fold].shape != _GRID.shape or distance.of(distance.middle[None]).shape != (1,):
            raise ValueError("its arrays do not fit")
    return Likeness(models, distances, usual, words["about"])
