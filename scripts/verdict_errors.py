"""How often are verdicts wrong? Values are simulated, so the truth is known.

    python scripts/verdict_errors.py                   three tables, 70 s of processor time
    python scripts/verdict_errors.py --repeats 1000

The first table: checks that compare networks, with a truth 0.05 on the wrong side of the bound. ``before`` resamples
patients only; ``after`` is the program's interval, over patients and networks. ``decided`` is how often it decides if
the truth is 0.3 from the bound. The second: how alike unrelated maps are, what the program takes for chance, the bound
that follows, and the verdicts on random weights (passing is right). The third: wrong verdicts on a page whose true
values all lie on their bounds.
"""

import argparse
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd

from pxr_tf.evaluation.bootstrap import Interval, patient_interval, two_way_interval
from pxr_tf.explain.ranks import chance_correlation, rank_correlation
from pxr_tf.explain.verdicts import CHECKS, SAME_MAPS, bound_above, judge

# Standard deviations. The mean correlations of six random networks ranged from -0.48 to 0.53: 0.2 is not much.
OF_NETWORKS, OF_PATIENTS, OF_THE_REST = 0.2, 0.1, 0.1
BEYOND, FAR = 0.05, 0.3  # from the bound
PICTURES = 6  # of a fold, as in a gallery
KINDS = ("rough", "smooth", "two")  # maps: noise, noise smoothed over a cell, 2 x 2 values enlarged


class Compared(NamedTuple):
    """What a check measured, a row per comparison."""

    values: np.ndarray  # float64 [n]
    pictures: np.ndarray  # int [n]; one per patient
    networks: np.ndarray  # text [n, 2]; "" is not a network


def draw_values(check: str, networks: int, patients: int, rng: np.random.Generator) -> Compared:
    """Return values whose true mean is 0.

    ``weights``: each picture with each network. ``labels``: each picture with its own fold's network. ``folds``: each
    picture with each pair of networks, whose effects add up.
    """
    everyone = range(patients)
    rows = {
        "weights": [(p, n, n) for p in everyone for n in range(networks)],
        "labels": [(p, p % networks, p % networks) for p in everyone],
        "folds": [(p, a, b) for p in everyone for a, b in combinations(range(networks), 2)],
    }[check]
    pictures, one, other = np.array(rows).T
    effect = rng.normal(0, OF_NETWORKS, networks)
    values = effect[one] + (effect[other] if check == "folds" else 0) + rng.normal(0, OF_PATIENTS, patients)[pictures]
    values += rng.normal(0, OF_THE_REST, len(rows))
    return Compared(values, pictures, np.column_stack([one, other]).astype(str))


def over_patients(rows: Compared) -> Interval:
    """Return the interval that averages the networks and resamples patients alone."""
    counts = np.bincount(rows.pictures)
    return patient_interval(np.bincount(rows.pictures, rows.values) / counts, np.arange(len(counts)))


def over_both(rows: Compared) -> Interval:
    """Return the interval over patients and networks."""
    return two_way_interval(rows.values, rows.pictures, rows.pictures, rows.networks)


def share_of(state: str, check: str, intervals: Sequence[Interval], truth: float = 0.0, bound: float = np.nan) -> float:
    """Return how many of the intervals, moved by the truth, give a verdict, in percent."""
    own = None if np.isnan(bound) else bound
    states = [judge({check: (*(np.array(one) + truth), own)})[list(CHECKS).index(check)].state for one in intervals]
    return 100 * states.count(state) / len(states)


def network_errors(
    repeats: int, *, networks: Sequence[int] = (3, 5, 10), patients: Sequence[int] = (6, 18, 60), seed: int = 0
) -> pd.DataFrame:
    """Return a row per check, number of networks and of patients: wrong verdicts before and after, in percent."""
    rows = []
    for check, count, people in ((c, k, n) for c in ("weights", "labels", "folds") for k in networks for n in patients):
        rng = np.random.default_rng([seed, count, people])
        drawn = [draw_values(check, count, people, rng) for _ in range(repeats)]
        good = -1 if CHECKS[check].side == "below" else 1
        row: dict[str, str | float] = {"check": check, "networks": count, "patients": people}
        for name, interval in (("before", over_patients), ("after", over_both)):
            found = [interval(one) for one in drawn]
            row[f"wrong passes, {name}"] = share_of("passed", check, found, SAME_MAPS - good * BEYOND)
            row[f"wrong failures, {name}"] = share_of("failed", check, found, SAME_MAPS + good * BEYOND)
        rows.append({**row, "decided": share_of("passed", check, found, SAME_MAPS + good * FAR)})
    return pd.DataFrame(rows)


def draw_map(kind: str, side: int, rng: np.random.Generator) -> np.ndarray:
    """Return a random map of one of `KINDS`, [side, side]."""
    if kind == "two":
        return cv2.resize(rng.normal(size=(2, 2)), (side, side), interpolation=cv2.INTER_LINEAR)
    noise = rng.normal(size=(side + 8, side + 8))
    return (noise if kind == "rough" else cv2.GaussianBlur(noise, (0, 0), 1.0))[4:-4, 4:-4]


def chance_of_maps(
    repeats: int, *, sides: Sequence[int] = (4, 7, 14), networks: int = 5, seed: int = 0
) -> pd.DataFrame:
    """Return a row per size and kind of unrelated maps: true and estimated chance, the bound, verdicts in percent."""
    rows = []
    for side, kind in ((side, kind) for side in sides for kind in KINDS):
        rng = np.random.default_rng([seed, side])
        tried = [_compare_unrelated(kind, side, networks, rng) for _ in range(repeats)]
        bounds = [bound_above(CHECKS["weights"], chance) for _, chance in tried]
        row = {"map": f"{side} x {side}, {kind}", "true": np.mean([one.values.mean() for one, _ in tried])}
        row |= {"estimated": np.mean([chance for _, chance in tried]), "bound": np.mean(bounds)}
        before, after = ([interval(one) for one, _ in tried] for interval in (over_patients, over_both))
        for state in ("passed", "failed"):
            each = [share_of(state, "weights", [one], bound=b) for one, b in zip(after, bounds, strict=True)]
            row |= {f"{state}, before": share_of(state, "weights", before), f"{state}, after": np.mean(each)}
        rows.append(row)
    return pd.DataFrame(rows)


def _compare_unrelated(kind: str, side: int, networks: int, rng: np.random.Generator) -> tuple[Compared, float]:
    """Return the correlations of pictures' maps with unrelated maps, without sign, and the program's chance."""
    pictures, numbers = (each.ravel() for each in np.indices((PICTURES, networks)))
    own = [draw_map(kind, side, rng) for _ in range(PICTURES)]
    maps, others = [own[number] for number in pictures], [draw_map(kind, side, rng) for _ in pictures]
    values = np.abs(rank_correlation(maps, others))
    return Compared(values, pictures, numbers[:, None].astype(str)), float(chance_correlation(maps, others).mean())


def chance_on_a_page(
    repeats: int, *, verdicts: Sequence[int] = (12, 24), patients: Sequence[int] = (6, 18, 60), seed: int = 0
) -> pd.DataFrame:
    """Return a row per number of patients and verdicts: the mean number of wrong ones, and % of pages with any."""
    rows = []
    for count, people in ((count, people) for people in patients for count in verdicts):
        rng = np.random.default_rng([seed, people])
        found = [patient_interval(rng.normal(0, 1, people), np.arange(people)) for _ in range(count * repeats)]
        wrong = np.array([one.low > 0 or one.high < 0 for one in found]).reshape(repeats, count).sum(axis=1)
        row = {"patients": people, "verdicts": count, "the page says": 0.05 * count, "wrong": wrong.mean()}
        rows.append({**row, "pages with any": 100 * (wrong > 0).mean()})
    return pd.DataFrame(rows)


def tables(repeats: int) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the title and each table."""
    spread = f"deviations: networks {OF_NETWORKS}, patients {OF_PATIENTS}, the rest {OF_THE_REST}"
    yield f"Wrong verdicts of checks between networks, in % ({spread})", network_errors(repeats)
    yield "Unrelated maps and the verdicts on random weights, in %", chance_of_maps(repeats // 4)
    yield "Wrong verdicts on a page whose true values are the bounds", chance_on_a_page(repeats // 3)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=300, help="simulations per row of the first table")
    for title, table in tables(parser.parse_args().repeats):
        print(f"\n{title}\n{table.round(2).to_string(index=False)}", flush=True)


if __name__ == "__main__":
    main()
