"""How often do the tests over folds find a difference where there is none? Data are simulated, so the truth is known.

    python scripts/comparison_errors.py                  one table, 23 s of processor time
    python scripts/comparison_errors.py --repeats 500

Two linear classifiers see two features each, of equal worth, so both are equally good on average. Each repeat draws
new patients, and trains and tests both on the same resampled splits, whose training parts overlap, as in Nadeau and
Bengio's simulations. ``plain t-test`` takes the splits as independent.
"""

import argparse

import numpy as np
import pandas as pd

from pxr_tf.evaluation.comparisons import corrected_t, rope

FEATURES = 2  # that each classifier sees
SHIFT = 0.6  # between the classes' means, in standard deviations
LEVEL = 0.05


def fold_differences(
    rng: np.random.Generator, repeats: int, *, patients: int, splits: int, test_share: float, folds: bool
) -> np.ndarray:
    """Return the differences in accuracy of two equally good classifiers, [repeats, splits].

    `folds`: the test parts do not overlap, as in a cross-validation. Otherwise each split is drawn anew.
    """
    labels = rng.permuted(np.tile(np.arange(patients) % 2, (repeats, 1)), axis=1)
    values = rng.normal(size=(repeats, patients, 2 * FEATURES)) + SHIFT * labels[..., None]
    size = round(test_share * patients)
    order = np.argsort(rng.random((repeats, patients)), axis=1)
    differences = []
    for split in range(splits):
        if folds:
            tested = order[:, split * size : (split + 1) * size]
        else:
            tested = np.argsort(rng.random((repeats, patients)), axis=1)[:, :size]
        held_out = np.zeros((repeats, patients), bool)
        np.put_along_axis(held_out, tested, True, axis=1)
        right = [_right(values[..., side], labels, held_out) for side in (slice(FEATURES), slice(FEATURES, None))]
        differences.append((right[1] - right[0])[held_out].reshape(repeats, size).mean(axis=1))
    return np.stack(differences, axis=1)


def _right(values: np.ndarray, labels: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    """Return which images the nearer class mean of the training part predicts right, float [repeats, patients]."""
    means = []
    for label in (0, 1):
        weights = (~held_out & (labels == label))[..., None].astype(float)
        means.append((weights * values).sum(1, keepdims=True) / weights.sum(1, keepdims=True))
    distances = [((values - mean) ** 2).sum(-1) for mean in means]
    return ((distances[1] < distances[0]) == (labels == 1)).astype(float)


def rejections(
    repeats: int, *, patients: int = 200, splits: int = 15, test_share: float = 0.1, folds: bool = False, seed: int = 0
) -> dict[str, float]:
    """Return the shares of repeats in which a true null is rejected, and in which equality is found."""
    design = {"patients": patients, "splits": splits, "test_share": test_share, "folds": folds}
    found = fold_differences(np.random.default_rng(seed), repeats, **design)
    plain = np.array([corrected_t(row, 0.0).p for row in found])
    corrected = np.array([corrected_t(row, test_share).p for row in found])
    one_sided = [
        max(probabilities.below, probabilities.above) for probabilities in (rope(row, test_share) for row in found)
    ]
    return {
        "plain t-test": float(np.mean(plain < LEVEL)),
        "corrected t-test": float(np.mean(corrected < LEVEL)),
        "rope decides": float(np.mean(np.array(one_sided) > 1 - LEVEL)),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=2000, help="simulations per row")
    repeats = parser.parse_args().repeats
    designs = [
        {"folds": True, "splits": 5, "test_share": 0.2},
        {"folds": True, "splits": 10, "test_share": 0.1},
        {"folds": False, "splits": 15, "test_share": 0.1},
        {"folds": False, "splits": 15, "test_share": 0.2},
    ]
    rows = [
        design | {"patients": patients} | rejections(repeats, patients=patients, **design)
        for design in designs
        for patients in (100, 400)
    ]
    print(pd.DataFrame(rows).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
