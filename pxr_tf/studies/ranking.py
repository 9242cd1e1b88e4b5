"""Rank the points of a tuning by their predictions of the validation rows."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf import files, rundir
from pxr_tf.errors import count_words
from pxr_tf.evaluation import metrics
from pxr_tf.runs.directory import read_history
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.runs.info import origin_and_split

FEW = 50  # validation images: an accuracy of 90 % then has a standard error of 4 points, more than most grids spread
SCORES = ("val_loss", "accuracy", "balanced_accuracy")


class TuningPoint(NamedTuple):
    """One point of a grid and how it ended."""

    values: Mapping[str, object]  # dotted key -> value
    name: str  # of its folder
    run: FinishedRun | None = None  # once it is finished
    failure: str = ""  # why it is not

    @property
    def title(self) -> str:
        """Its values in words: ``model.l2=0.01, image.size=64``."""
        return ", ".join(f"{key}={rundir.value_words(value)}" for key, value in self.values.items())


def rank_points(points: Sequence[TuningPoint]) -> pd.DataFrame:
    """Return a row per point, lowest mean cross-entropy on the validation rows first; failed points are last.

    Columns: ``rank`` (text, "" for failed points), a text column per key, ``val_loss, accuracy, balanced_accuracy,
    images`` (of validation), ``epochs`` (that counted, per phase), ``seconds`` (of all epochs), ``path`` (name of the
    run directory) and ``failure``. Without epochs, ``epochs`` and ``seconds`` are empty. All values are read from the
    run directories. Equally good points keep their order.
    """
    rows = [_row(point) for point in points]
    table = pd.DataFrame(rows).sort_values("val_loss", kind="stable", na_position="last", ignore_index=True)
    ranks = [str(place + 1) if not row.failure else "" for place, row in enumerate(table.itertuples())]
    table.insert(0, "rank", ranks)
    return table


def write_points(folder: Path, points: Sequence[TuningPoint]) -> pd.DataFrame:
    """Write ``tuning.csv``; return its table (`rank_points`)."""
    table = rank_points(points)
    finished = next((point.run for point in points if point.run), None)
    columns = origin_and_split(finished.info) if finished else {}
    files.write_csv(folder / rundir.TUNING_TABLE, table.assign(**columns))
    return table


def find_cautions(points: Sequence[TuningPoint], best: TuningPoint) -> list[str]:
    """Return what makes the choice uncertain, a sentence each.

    Reasons: a value at the edge of three or more, a far more accurate point than the best, few validation images.
    """
    edges = []
    for key, value in best.values.items():
        tried = [point.values[key] for point in points]
        numeric = all(isinstance(other, int | float) and not isinstance(other, bool) for other in tried)
        at_edge = numeric and len(set(tried)) > 2 and value in (min(tried), max(tried))  # two are both at an edge
        if at_edge and value != 0:  # no rate, penalty or share is below 0
            edges.append(f"{key}={rundir.value_words(value)} is the {'smallest' if value == min(tried) else 'largest'}")
    cautions = []
    if edges:
        cautions.append(f"The best point is at the edge of the grid ({', '.join(edges)} tried). Widen it to be sure.")
    cautions += _more_accurate(points, best)
    images = len(_validation_rows(best))
    if images < FEW:
        error = 100 * np.sqrt(0.9 * 0.1 / images)
        cautions.append(
            f"Only {count_words(images, 'image')} to rank by: an accuracy of 90 % would have a standard error of "
            f"{error:.0f} percentage points, so the order may be chance. Use {FEW} or more (VALIDATION=...)."
        )
    return cautions


def _more_accurate(points: Sequence[TuningPoint], best: TuningPoint) -> list[str]:
    """Return a sentence on the most accurate point if it is far more accurate than the best by loss, else nothing.

    Far: the images that only this point gets right outnumber those that only the best gets right by more than two
    standard errors, 2 * sqrt(both). All points of a tuning predict the same validation images, in the same order.
    """
    right = {point.name: _are_right(point) for point in points if point.run}
    ours = right[best.name]
    other = max((point for point in points if point.run), key=lambda point: right[point.name].sum())
    theirs = right[other.name]
    gained, lost = (theirs & ~ours).sum(), (ours & ~theirs).sum()
    if gained - lost <= 2 * np.sqrt(gained + lost):
        return []
    return [
        f"The best point by loss gets {100 * ours.mean():.1f} % of the validation images right; "
        f"{other.title} gets {100 * theirs.mean():.1f} %, with worse probabilities. If only the "
        "predicted class counts, the latter is better."
    ]


def _are_right(point: TuningPoint) -> np.ndarray:
    rows = _validation_rows(point)
    return (rows.label == rows.predicted).to_numpy()


def _row(point: TuningPoint) -> dict[str, object]:
    values = {key: rundir.value_words(value) for key, value in point.values.items()}
    end = {"path": point.name, "failure": point.failure}
    if point.run is None:
        return {**values, **dict.fromkeys(SCORES, np.nan), "images": "", "epochs": "", "seconds": "", **end}
    rows = _validation_rows(point)
    overall = metrics.score(rows).set_index(["class", "metric"]).value["all"]
    scores = (overall[metric] for metric in ("log_loss", "accuracy", "balanced_accuracy"))
    return {
        **values,
        **dict(zip(SCORES, scores, strict=True)),
        "images": str(len(rows)),
        **_effort(point.run),
        **end,
    }


def _validation_rows(point: TuningPoint) -> pd.DataFrame:
    return point.run.predictions[point.run.predictions.role == "val"]


def _effort(run: FinishedRun) -> dict[str, str]:
    """Return ``epochs`` and ``seconds`` of a run with one fold."""
    (fold,) = run.all_folds
    chosen = run.chosen_epochs(fold)
    if chosen is None:
        return {"epochs": "", "seconds": ""}
    seconds = read_history(run.histories()[rundir.fold_name(fold)]).seconds.sum()
    return {"epochs": "+".join(map(str, chosen.values())), "seconds": f"{seconds:.1f}"}
