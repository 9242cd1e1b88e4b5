"""Measure how often the 95 % intervals over patients hold the truth, on simulated patients whose truth is known.

    python scripts/interval_coverage.py              the table in docs/statistics.md
    python scripts/interval_coverage.py --repeats 50

Patients have 1 to 6 images that resemble each other: each patient and each image add normal noise to the logits of
three classes. The truth is the metric of 100,000 patients. ``images`` is the usual bootstrap over images, the fault.
"""

import argparse
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf.evaluation.intervals import Replicates, find_ends, replicate
from pxr_tf.evaluation.metrics import measure, metric_keys
from pxr_tf.evaluation.weighted import Sample, Weighted

CLASSES = ("common", "rare", "other")
SHOWN = (("all", "accuracy"), ("all", "auc"), ("all", "log_loss"), ("rare", "sensitivity"), ("rare", "auc"))
KEYS = metric_keys(CLASSES)
ALL = 100_000  # patients that stand for everybody


class Population(NamedTuple):
    """What is simulated: patients of a study, the share of the rare class, and how well the classes are separated."""

    patients: int
    rare: float
    separation: float  # added to the logit of the true class, in standard deviations of an image's noise


POPULATIONS = (Population(60, 0.2, 2), Population(200, 0.08, 3), Population(600, 0.05, 4))


def draw(population: Population, patients: int, rng: np.random.Generator) -> tuple[Sample, Sample]:
    """Return the predictions of two networks for the same images; the second adds noise of its own."""
    shares = [0.6 - population.rare / 2, population.rare, 0.4 - population.rare / 2]
    owners = np.repeat(np.arange(patients), rng.integers(1, 7, patients))
    truth = rng.choice(3, patients, p=shares)[owners]
    logits = rng.normal(size=(patients, 3))[owners] + rng.normal(size=(len(truth), 3))
    logits[np.arange(len(truth)), truth] += population.separation
    other = logits + 0.5 * rng.normal(size=logits.shape)
    return tuple(_sample(values, truth, owners, patients) for values in (logits, other))


def _sample(logits: np.ndarray, truth: np.ndarray, owners: np.ndarray, patients: int) -> Sample:
    shares = np.exp(logits - logits.max(1, keepdims=True))
    return Sample(CLASSES, truth, shares.argmax(1), shares / shares.sum(1, keepdims=True), owners, patients)


def by_image(sample: Sample) -> Sample:
    """Return the sample as if each image were a patient of its own."""
    return sample._replace(patients=np.arange(len(sample.truth)), patient_count=len(sample.truth))


def percentile(found: Replicates, row: int) -> np.ndarray:
    """Return the plain percentile interval of the bootstrap."""
    return np.nanquantile(found.drawn[row], [0.025, 0.975])


def cover(population: Population, repeats: int, resamples: int) -> Iterator[dict[str, object]]:
    """Yield a row per metric, and one for a difference in accuracy: how often each interval holds the truth, in %."""
    rng = np.random.default_rng(0)
    everybody = draw(population, ALL, rng)
    truths = [measure(Weighted(sample, np.ones((ALL, 1))))[:, 0] for sample in everybody]
    held: dict[str, list[list[bool]]] = {}
    for number in range(repeats):
        first, second = draw(population, population.patients, rng)
        both = replicate([first, second], resamples=resamples, seed=number)
        images = replicate([by_image(first), by_image(second)], resamples=resamples, seed=number)
        for key in SHOWN:
            row, name = KEYS.index(key), " ".join(key)
            ends = (find_ends(both[0], row, key[1])[:2], percentile(both[0], row), percentile(images[0], row))
            held.setdefault(name, []).append([low <= truths[0][row] <= high for low, high in ends])
        row, difference = KEYS.index(("all", "accuracy")), both[0].minus(both[1])
        alone = images[0].minus(images[1])
        ends = (find_ends(difference, row)[:2], percentile(difference, row), percentile(alone, row))
        truth = truths[0][row] - truths[1][row]
        held.setdefault("difference in accuracy", []).append([low <= truth <= high for low, high in ends])
    for name, found in held.items():
        shares = 100 * np.mean(found, axis=0)
        shares = dict(zip(("ours", "percentile", "images"), shares, strict=True))
        yield {"patients": population.patients, "rare": population.rare, "figure": name, **shares}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=400, help="simulated studies per row")
    parser.add_argument("--resamples", type=int, default=1000, help="replicates of each bootstrap")
    asked = parser.parse_args()
    for population in POPULATIONS:
        table = pd.DataFrame(cover(population, asked.repeats, asked.resamples))
        print(table.round(1).to_string(index=False), flush=True)


if __name__ == "__main__":
    main()
