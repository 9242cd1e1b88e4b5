"""Measure how far the box of lungs moves if a film hardly changes: ``python scripts/lung_steady.py PAIRS [--folds]``.

PAIRS is a folder of pairs (images/, masks/). Lungs are found with the built-in atlas, or with the other folds' pairs.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from lung_measures import fold_atlases

from pxr_tf.lungs.atlas import LungPair, builtin_atlas
from pxr_tf.lungs.find import LungFinder, find_lungs
from pxr_tf.lungs.threads import one_thread
from pxr_tf.pictures.lung_atlas import read_pairs
from pxr_tf.pictures.lung_crop import widen

_NOISE, _QUALITY, _MARGIN = 1.5, 95, 0.05  # grey levels; of JPEG; the default of image.margin


def _add_noise(picture: np.ndarray, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, _NOISE, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


def _code_as_jpeg(picture: np.ndarray) -> np.ndarray:
    coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
    return cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)


def _shift(picture: np.ndarray, across: int, down: int) -> np.ndarray:
    """Return the picture moved by whole pixels; its border is repeated."""
    matrix = np.array([[1, 0, across], [0, 1, down]], np.float32)
    size = picture.shape[1], picture.shape[0]
    return cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)


# (name, change, pixels by which the box should move across and down)
CHANGES: list[tuple[str, Callable[[np.ndarray], np.ndarray], tuple[int, int]]] = [
    ("noise", lambda picture: _add_noise(picture, 0), (0, 0)),
    ("noise", lambda picture: _add_noise(picture, 1), (0, 0)),
    ("JPEG", _code_as_jpeg, (0, 0)),
    ("shift", lambda picture: _shift(picture, 1, 0), (1, 0)),
    ("shift", lambda picture: _shift(picture, 0, 1), (0, 1)),
]


def measure_film(pair: LungPair, atlas: LungFinder) -> list[dict[str, object]]:
    """Return a row per change: ``moved`` (pixels), and the shares of the true lungs in the box of the film as it is."""
    picture, known = pair
    box = find_lungs(picture, atlas).box
    wide = widen(box, _MARGIN, picture.shape[1], picture.shape[0])
    inside, in_wide = (known[one.rows, one.columns].sum() / known.sum() for one in (box, wide))
    rows = []
    for name, change, (across, down) in CHANGES:
        moved = np.subtract(find_lungs(change(picture), atlas).box, box) - (across, down, across, down)
        rows.append({"change": name, "moved": np.abs(moved).max(), "inside": inside, "with_margin": in_wide})
    return rows


def main() -> None:
    """Print a line per change, and the shares of the true lungs in the boxes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--folds", action="store_true", help="use the atlas of the other folds' pairs")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="the folder whose cache has the built-in atlas")
    given = parser.parse_args()
    pairs = list(read_pairs(given.pairs).values())
    atlases = fold_atlases(pairs) if given.folds else [builtin_atlas(given.runs / "cache")] * len(pairs)
    with one_thread():
        table = pd.DataFrame(
            [row for pair, atlas in zip(pairs, atlases, strict=True) for row in measure_film(pair, atlas)]
        )
    moved = table.groupby("change", sort=False).moved
    print(pd.DataFrame({"largest": moved.max(), "p95": moved.quantile(0.95)}).round(1).to_string())
    print(table[["inside", "with_margin"]].agg(["mean", "min"]).round(4).to_string())


if __name__ == "__main__":
    main()
