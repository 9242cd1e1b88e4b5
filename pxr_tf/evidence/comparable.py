"""Which runs can be compared: they tested the same images, with the same classes, in the same folds.

A side of a comparison is a run, or a folder of runs that differ only in their seed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pxr_tf.errors import PxrError, count_words, shorten
from pxr_tf.evaluation import metrics
from pxr_tf.evaluation.weighted import class_names
from pxr_tf.runs.directory import spell
from pxr_tf.runs.finished import FinishedRun, find_runs, open_run

ACCEPTED = "runs that tested the same images in the same folds, such as those of one DATA, scheme and seed"


class Side(NamedTuple):
    """One run, or several that differ only in their seed."""

    folder: Path
    runs: dict[int, FinishedRun]  # by seed

    @property
    def first(self) -> FinishedRun:
        """The run of the first seed."""
        return next(iter(self.runs.values()))


class RunPair(NamedTuple):
    """Two runs that can be compared, and the rows that count, in the same order."""

    seed: int
    runs: tuple[FinishedRun, FinishedRun]
    rows: tuple[pd.DataFrame, pd.DataFrame]


def open_sides(paths: Sequence[Path]) -> list[Side]:
    """Return the sides in these folders; raise `PxrError` for fewer than two, or for a run that is named twice."""
    if len(paths) < 2:
        named = str(paths[0]) if paths else "nothing"
        raise PxrError(f"RUN received {named!r} alone. Accepted: two or more runs; the first is the reference.")
    sides, seen = [_open_side(path) for path in paths], set()
    for run in (run for side in sides for run in side.runs.values()):
        if run.folder.resolve() in seen:
            raise PxrError(f"RUN received {str(run.folder)!r} twice. Accepted: two or more different runs.")
        seen.add(run.folder.resolve())
    return sides


def _open_side(path: Path) -> Side:
    """Return the run in a folder, or the seeds below it; raise `PxrError` if the runs differ in more than the seed."""
    folder = spell(path)
    below = find_runs(folder)
    if len(below) < 2:
        run = open_run(below[0] if below else path, bundles=False)
        return Side(run.folder, {run.recipe.seed: run})
    if len({place.parent for place in below}) > 1 or not all(place.name.startswith("seed-") for place in below):
        raise PxrError(
            f"RUN received {str(path)!r}, which holds {len(below)} runs that differ in more than their seed. "
            f"Accepted: a run, or a folder of seeds. Found: {shorten(below)}."
        )
    runs = {run.recipe.seed: run for run in map(open_run, below)}
    return Side(folder, dict(sorted(runs.items())))


def pair_seeds(reference: Side, other: Side) -> list[RunPair]:
    """Return the pairs of runs of the same seed; two single runs are a pair whatever their seeds.

    Raises `PxrError` if no seed is on both sides, or if the runs of a pair cannot be compared.
    """
    if len(reference.runs) == len(other.runs) == 1:
        pairs = {other.first.recipe.seed: (reference.first, other.first)}
    else:
        pairs = {seed: (run, other.runs[seed]) for seed, run in reference.runs.items() if seed in other.runs}
    if not pairs:
        seeds = [shorten(side.runs) for side in (reference, other)]
        raise PxrError(
            f"{str(other.folder)!r} has no seed of {str(reference.folder)!r} (seeds {seeds[1]}, not {seeds[0]}). "
            "Accepted: runs of the same seeds."
        )
    return [RunPair(seed, runs, _matching_rows(*runs)) for seed, runs in pairs.items()]


def _matching_rows(reference: FinishedRun, other: FinishedRun) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return both runs' test rows in the same order, with the same columns; raise `PxrError` if they do not match."""
    rows = [_tested_rows(run) for run in (reference, other)]
    fault = _find_fault((reference, other), rows)
    if fault:
        raise PxrError(f"{str(other.folder)!r} cannot be compared with {str(reference.folder)!r}: {fault}.")
    shared = ["image_id", "fold", "label", "predicted", *(f"p_{name}" for name in class_names(rows[0]))]
    first, second = (table.sort_values(["fold", "image_id"], ignore_index=True)[shared] for table in rows)
    people = reference.predictions.drop_duplicates("image_id").set_index("image_id")
    owners = people.patient_id.loc[first.image_id].to_numpy() if "patient_id" in people else first.image_id
    return first.assign(patient_id=owners), second.assign(patient_id=owners)


def _tested_rows(run: FinishedRun) -> pd.DataFrame:
    """Return the test rows that the run's metrics count."""
    rows = metrics.select_rows(run.predictions, run.splits, _reading(run))
    if rows.empty:
        raise PxrError(f"Run {str(run.folder)!r} has no test rows (a tuning point?). Accepted: runs with a test part.")
    return rows


def _reading(run: FinishedRun) -> str:
    return metrics.possible_readings(run.splits, run.recipe.splits.test_rows)[0]


def _find_fault(runs: tuple[FinishedRun, FinishedRun], rows: Sequence[pd.DataFrame]) -> str:
    """Return why two runs cannot be compared, and what can be; "" if they can."""
    names = [class_names(table) for table in rows]
    readings = [_reading(run) for run in runs]
    images, tests = ([set(found) for found in some] for some in ((t.image_id for t in rows), map(_places, rows)))
    accepted = f". Accepted: {ACCEPTED}"
    if set(names[0]) != set(names[1]):
        return f"its classes are {', '.join(names[1])}, not {', '.join(names[0])}. Accepted: runs with the same classes"
    if readings[0] != readings[1]:
        return (
            f"its metrics count {readings[1]} test rows, not {readings[0]}. Accepted: runs with the same "
            "splits.test_rows (--test-rows)"
        )
    if images[0] != images[1]:
        shared = count_words(len(images[0] & images[1]), "image")
        return f"it tested other images ({len(images[1]):,} and {len(images[0]):,}, {shared} in both){accepted}"
    if tests[0] != tests[1]:
        return f"it tested the same images in other folds{accepted}"
    changed = _count_changed([table.drop_duplicates("image_id").set_index("image_id").label for table in rows])
    if changed:
        return f"{count_words(changed, 'image')} have another label. Accepted: runs with the same labels"
    changed = _count_changed([run.manifest.set_index("image_id").content.loc[sorted(images[0])] for run in runs])
    return f"{count_words(changed, 'image')} of the same name have other bytes{accepted}" if changed else ""


def _places(rows: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(rows.image_id, rows.fold, strict=True))


def _count_changed(columns: Sequence[pd.Series]) -> int:
    """Return how many images have another value in the second column."""
    first, second = columns
    return int((first != second.loc[first.index]).sum())
