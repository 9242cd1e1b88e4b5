"""Measure how well lungs are found, in folds over known pairs and in degraded pictures: for `lung_folds.py`."""

import time
from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from pxr_tf.lungs.atlas import LungPair, build_atlas, prepare_pairs, shrink_pair
from pxr_tf.lungs.find import LungFinder, find_lungs
from pxr_tf.lungs.fuse import dice
from pxr_tf.lungs.threads import one_thread

NUM_FOLDS = 6
_SHIFT, _TURN, _DARKENING, _QUALITY = 0.1, 10.0, 0.4, 10  # of each side; degrees; factor of grey levels; JPEG quality


def _shift(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape
    matrix = np.array([[1, 0, _SHIFT * width], [0, 1, _SHIFT * height]])
    return cv2.warpAffine(picture, matrix, (width, height))


def _turn(picture: np.ndarray, degrees: float) -> np.ndarray:
    height, width = picture.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1)
    return cv2.warpAffine(picture, matrix, (width, height))


def _code_as_jpeg(picture: np.ndarray) -> np.ndarray:
    _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)


# name -> change of a picture. `MOVES` also change its lungs; black comes in from outside.
MOVES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "shifted": _shift,
    "turned left": lambda picture: _turn(picture, _TURN),
    "turned right": lambda picture: _turn(picture, -_TURN),
}
CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as it is": lambda picture: picture,
    **MOVES,
    "darkened": lambda picture: (_DARKENING * picture).astype(np.uint8),
    "inverted": lambda picture: 255 - picture,
    "JPEG": _code_as_jpeg,
}


def change_pair(pair: LungPair, change: str) -> LungPair:
    """Return a pair, uint8 [h, w] and bool [h, w], after one of `CHANGES`."""
    picture, lungs = pair
    moved = MOVES[change](lungs.astype(np.uint8) * np.uint8(255)) > 127 if change in MOVES else lungs
    return CHANGES[change](picture), moved


def assign_pair_folds(count: int, folds: int = NUM_FOLDS, seed: int = 0) -> np.ndarray:
    """Return the fold of each of `count` pairs; folds are random and of nearly equal size."""
    return np.random.default_rng(seed).permutation(count) % folds


def fold_atlases(
    pairs: Sequence[LungPair],
    folds: int = NUM_FOLDS,
    seed: int = 0,
    build: Callable[[list[LungPair]], LungFinder] = lambda pairs: build_atlas(prepare_pairs(pairs)),
) -> list[LungFinder]:
    """Return for each pair the atlas of all pairs that are not in its fold (`assign_pair_folds`).

    `build` makes the atlas, or a network, from shrunk pairs (`atlas.shrink_pair`).
    """
    fold = assign_pair_folds(len(pairs), folds, seed)
    small = [shrink_pair(*pair) for pair in pairs]
    atlases = [build([pair for pair, other in zip(small, fold, strict=True) if other != here]) for here in range(folds)]
    return [atlases[here] for here in fold]


def measure_pairs(pairs: Sequence[LungPair], atlases: Sequence[LungFinder], change: str = "as it is") -> pd.DataFrame:
    """Return a row per pair: ``dice``, ``inside`` (share of lung pixels in the box), ``confidence``, ``seconds``."""
    rows = []
    with one_thread():
        for pair, atlas in zip(pairs, atlases, strict=True):
            picture, known = change_pair(pair, change)
            started = time.process_time()
            lungs = find_lungs(picture, atlas)
            seconds = time.process_time() - started
            inside = known[lungs.box.rows, lungs.box.columns].sum() / known.sum()
            rows.append((dice(lungs.mask, known), inside, lungs.confidence, seconds))
    return pd.DataFrame(rows, columns=["dice", "inside", "confidence", "seconds"])


def summarise_measures(measures: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return a row per change: mean and worst Dice, ``inside``, confidence's rank correlation with Dice, seconds."""
    return pd.DataFrame(
        {
            change: {
                "mean": table.dice.mean(),
                "worst": table.dice.min(),
                "inside": table.inside.mean(),
                "rank_correlation": spearmanr(table.confidence, table.dice).statistic,
                "seconds": table.seconds.mean(),
            }
            for change, table in measures.items()
        }
    ).T
