"""Compare finished runs with a reference, metric by metric, on the same test images in the same folds.

Three sources of variance are kept apart: the test patients, the folds (other training patients), and the seeds.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf import files
from pxr_tf.errors import count_words, shorten
from pxr_tf.evaluation.bootstrap import FEWEST_PATIENTS
from pxr_tf.evaluation.comparisons import (
    NO_SPREAD,
    corrected_t,
    delong,
    holm,
    mcnemar,
    rope,
    smallest_difference,
    two_sided,
)
from pxr_tf.evaluation.differences import find_difference
from pxr_tf.evaluation.intervals import NONE, Replicates, find_ends, jackknife_error, mean_over_folds, replicate
from pxr_tf.evaluation.metrics import metric_keys
from pxr_tf.evaluation.weighted import Sample, make_sample
from pxr_tf.evidence.comparable import RunPair, Side, open_sides, pair_seeds
from pxr_tf.evidence.seeds import mixed_environments, name_owners
from pxr_tf.runs.info import RunInfo, origin_and_split

COMPARISON = "comparison.csv"
LOG_LOSS = "log_loss"  # the only metric that is no fraction: it has no region of equivalence
_OVERALL = ("accuracy", "balanced_accuracy", "auc", LOG_LOSS)
_NO_TEST = ("", np.nan)


class Comparison(NamedTuple):
    """Runs compared with the first of them."""

    names: tuple[str, ...]  # of the sides: A, B, …
    sides: tuple[Side, ...]
    info: RunInfo  # the reference's, with the warnings of all runs
    table: pd.DataFrame  # as in ``comparison.csv``
    notes: tuple[str, ...]


class _Measured(NamedTuple):
    """What a pair of sides says about all M metrics, in the order of `metric_keys`."""

    samples: tuple[Sample, Sample]  # all tests of all seeds
    tests: tuple[np.ndarray, ...]  # the rows of each test, a fold of one seed
    first: Replicates  # the mean over folds and seeds
    second: Replicates
    by_test: np.ndarray  # second minus first, [different sets of test images, M]
    test_share: float  # of a fold's rows
    by_seed: dict[int, tuple[np.ndarray, np.ndarray]]  # the mean over folds of either side, [M]


def compare_runs(paths: Sequence[Path]) -> Comparison:
    """Return the comparison of the run, or the seeds, in the first folder with each other; raise `PxrError`."""
    return compare_sides(open_sides(paths))


def compare_sides(sides: Sequence[Side]) -> Comparison:
    """Return the comparison of the first side with each other side; raise `PxrError` if two cannot be compared."""
    paired = [pair_seeds(sides[0], side) for side in sides[1:]]
    names = tuple(chr(ord("A") + n) if n < 26 else str(n + 1) for n in range(len(sides)))
    info = sides[0].first.info._replace(warnings=_all_warnings(names, sides))
    tables = [
        pd.DataFrame(_compare_pair(pairs)).assign(first=str(sides[0].folder), second=str(side.folder))
        for side, pairs in zip(sides[1:], paired, strict=True)
    ]
    table = pd.concat(tables, ignore_index=True)
    for p in ("patient_p", "fold_p"):
        table.insert(table.columns.get_loc(p) + 1, f"{p}_holm", holm(table[p].to_numpy(float)))
    place = ["first", "second"]
    table = table[[*place, *(name for name in table if name not in place)]].assign(**origin_and_split(info))
    return Comparison(names, tuple(sides), info, table, tuple(_left_out(sides, paired)))


def write_comparison(found: Comparison, out: Path | None = None) -> Path:
    """Write ``comparison.csv`` next to the reference, or the file `out`; return its path."""
    path = out or found.sides[0].first.folder.parent / COMPARISON
    files.write_csv(path, found.table)
    return path


def _all_warnings(names: Sequence[str], sides: Sequence[Side]) -> tuple:
    """Return the warnings of all runs; each names its runs unless all have it."""
    runs = [
        (name if len(side.runs) == 1 else f"{name}, seed {seed}", run)
        for name, side in zip(names, sides, strict=True)
        for seed, run in side.runs.items()
    ]
    own = name_owners([(name, run.warnings) for name, run in runs])
    return (*own, *mixed_environments([run for _, run in runs]))


def _left_out(sides: Sequence[Side], paired: Sequence[Sequence[RunPair]]) -> Iterator[str]:
    """Yield a note for each pair of sides of which not all seeds count."""
    for side, pairs in zip(sides[1:], paired, strict=True):
        counted = {run.folder for pair in pairs for run in pair.runs}
        others = [run.folder for one in (sides[0], side) for run in one.runs.values() if run.folder not in counted]
        if others:
            runs = count_words(len(others), "run")
            yield f"Left out: {runs} whose seed the other side does not have: {shorten(others)}."


def _compare_pair(pairs: Sequence[RunPair]) -> Iterator[dict[str, object]]:
    """Yield a row per metric: overall, then the sensitivity of each class and, of several classes, its area."""
    measured = _measure(pairs)
    classes = measured.samples[0].classes
    asked = [("all", metric) for metric in _OVERALL]
    asked += [(name, metric) for metric in ("sensitivity", "auc")[: min(2, len(classes) - 1)] for name in classes]
    for name, metric in asked:
        yield _compare_metric(measured, name, metric)


def _measure(pairs: Sequence[RunPair]) -> _Measured:
    """Return the metrics of both sides under the same resampled patients."""
    stacks = [pd.concat([pair.rows[side].assign(seed=pair.seed) for pair in pairs]) for side in (0, 1)]
    samples = tuple(make_sample(stack) for stack in stacks)
    places = stacks[0].reset_index(drop=True).groupby(["seed", "fold"]).indices
    parts = [sample.take(rows) for sample in samples for rows in places.values()]
    *found, first, second = replicate([*parts, *samples])
    sides = [dict(zip(places, some, strict=True)) for some in (found[: len(places)], found[len(places) :])]
    seeds = [_by_seed(side, pooled) for side, pooled in zip(sides, (first, second), strict=True)]
    means = [
        mean_over_folds(list(own.values()), own_pooled) for own, own_pooled in zip(seeds, (first, second), strict=True)
    ]
    images = stacks[0].image_id.to_numpy()
    by_test: dict[frozenset, list[np.ndarray]] = {}
    for place, rows in places.items():
        by_test.setdefault(frozenset(images[rows]), []).append(sides[1][place].value - sides[0][place].value)
    return _Measured(
        samples,
        tuple(places.values()),
        *means,
        np.array([np.mean(some, axis=0) for some in by_test.values()]),
        float(np.mean([_test_share(pair) for pair in pairs])),
        {seed: (seeds[0][seed].value, seeds[1][seed].value) for seed in seeds[0]},
    )


def _by_seed(tests: dict[tuple[int, str], Replicates], pooled: Replicates) -> dict[int, Replicates]:
    """Return the mean over the folds of each seed."""
    seeds = dict.fromkeys(seed for seed, _ in tests)
    return {one: mean_over_folds([found for (seed, _), found in tests.items() if seed == one], pooled) for one in seeds}


def _test_share(pair: RunPair) -> float:
    """Return the share of judged rows among a fold's judged and training rows, on average over the folds."""
    judged, splits = pair.rows[0].groupby("fold").size(), pair.runs[0].splits
    training = splits[splits.role == "train"].groupby("fold").size().reindex(judged.index, fill_value=0)
    return float((judged / (judged + training)).mean())


def _compare_metric(measured: _Measured, name: str, metric: str) -> dict[str, object]:
    row = metric_keys(measured.samples[0].classes).index((name, metric))
    difference = measured.second.minus(measured.first)
    error = jackknife_error(difference.without[row])
    ends = find_ends(difference, row) if error > NO_SPREAD else NONE  # equal predictions have no spread to judge by
    test, patient_p = _test_patients(measured, difference, row, name, metric)
    by_test = measured.by_test[:, row][~np.isnan(measured.by_test[:, row])]
    return {
        "class": name,
        "metric": metric,
        "patients": len(np.unique(measured.samples[0].patients)),
        "folds": len(by_test),
        "seeds": len(measured.by_seed),
        "first_value": measured.first.value[row],
        "second_value": measured.second.value[row],
        "difference": difference.value[row],
        **ends._asdict(),
        "patient_test": test,
        "patient_p": patient_p,
        "smallest": smallest_difference(error) if test else np.nan,
        "fold_p": corrected_t(by_test, measured.test_share).p,
        **_equivalence(by_test, measured.test_share, metric),
        **_over_seeds(measured, row, metric),
    }


def _test_patients(measured: _Measured, difference: Replicates, row: int, name: str, metric: str) -> tuple[str, float]:
    """Return the name of the test over patients that suits a metric, and its p value."""
    first, second = measured.samples
    patients = int(difference.patients[row])
    if patients < FEWEST_PATIENTS or np.isnan(difference.value[row]):
        return _NO_TEST
    if metric in ("accuracy", "sensitivity"):
        rows = first.truth == first.classes.index(name) if name != "all" else np.ones(len(first.truth), bool)
        right = [(sample.predicted == sample.truth)[rows] for sample in (first, second)]
        return "McNemar", mcnemar(*right, first.patients[rows]).p
    if metric == "auc" and (name != "all" or len(first.classes) == 2) and _tested_once(measured):
        k = first.classes.index(name) if name != "all" else 1
        return "DeLong", _delong_over_folds(measured, k)
    error = jackknife_error(difference.without[row])
    return "jackknife", _ratio_p(difference.value[row], error, patients - 1)


def _delong_over_folds(measured: _Measured, k: int) -> float:
    """Return DeLong's p value of the mean over folds, which are independent if no patient is in two of them."""
    first, second = measured.samples
    found = [
        delong(first.truth[rows] == k, first.scores[rows, k], second.scores[rows, k], first.patients[rows])
        for rows in measured.tests
    ]
    known = [area for area in found if not np.isnan(area.value)]
    value = np.mean([area.value for area in known])
    return _ratio_p(value, np.sqrt(sum(area.error**2 for area in known)) / len(known))


def _ratio_p(value: float, error: float, freedom: float = np.inf) -> float:
    if error > 0:
        return two_sided(value / error, freedom)
    return 1.0 if value == error == 0 else np.nan  # 1: the runs rank and score alike


def _tested_once(measured: _Measured) -> bool:
    """Return whether each patient is in one test only."""
    patients = measured.samples[0].patients
    return sum(len(np.unique(patients[rows])) for rows in measured.tests) == len(np.unique(patients))


def _equivalence(by_test: np.ndarray, test_share: float, metric: str) -> dict[str, float]:
    """Return the probabilities that the second side is worse, practically equal or better, with other folds."""
    below, within, above = rope(by_test if metric != LOG_LOSS else by_test[:0], test_share)
    return {"worse": below, "equal": within, "better": above}


def _over_seeds(measured: _Measured, row: int, metric: str) -> dict[str, float]:
    """Return the spread of the difference over seeds, and Student's interval of its mean; NaN for one seed."""
    sides = [{seed: values[side][row] for seed, values in measured.by_seed.items()} for side in (1, 0)]
    differences = np.array([sides[0][seed] - sides[1][seed] for seed in sides[0]])
    if len(differences) < 2 or metric == LOG_LOSS:
        return dict.fromkeys(("seed_sd", "seed_low", "seed_high"), np.nan)
    found = find_difference(*sides, paired=True)
    return {"seed_sd": float(differences.std(ddof=1)), "seed_low": found.low, "seed_high": found.high}
