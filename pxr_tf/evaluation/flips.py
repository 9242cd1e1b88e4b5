"""What a change of pictures does to predictions: how many flip, and to which class, with intervals over patients."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pxr_tf.evaluation.intervals import NONE, Ends, find_ends, replicate_sums

FLIPPED, CALLED, SHIFT = "flipped", "called", "shift"
MORE_FLIPPED, MORE_CALLED = "more flipped", "more called"  # than under the control


class FlipFigure(NamedTuple):
    """One figure of a change."""

    figure: str
    to: int | None  # the number of a class, None for all
    value: float
    ends: Ends


def measure_flips(
    before: np.ndarray, after: np.ndarray, control: np.ndarray, patients: np.ndarray
) -> Iterator[FlipFigure]:
    """Yield the figures of n pictures whose probabilities [n, K] were `before`, and `after` a change.

    ``flipped``: the share whose predicted class changes. ``called``: the share that flips to a class. ``shift``: the
    mean change of a class's probability. ``more flipped`` and ``more called``: the difference to the same share under
    a `control`, probabilities [n, K] of the same pictures, paired. `patients` [n] names the patient of each. Pictures
    with NaN in any of the three are left out; without pictures, the values are NaN.
    """
    known = ~np.isnan(np.hstack([before, after, control])).any(1)
    before, after, control, patients = (values[known] for values in (before, after, control, patients))
    classes = before.shape[1]
    keys = [
        (FLIPPED, None),
        *((CALLED, k) for k in range(classes)),
        *((SHIFT, k) for k in range(classes)),
        (MORE_FLIPPED, None),
        *((MORE_CALLED, k) for k in range(classes)),
    ]
    if not len(before):
        yield from (FlipFigure(*key, np.nan, NONE) for key in keys)
        return
    parts = [_flips(before, after), after - before, _flips(before, control)]
    names, numbers = np.unique(patients, return_inverse=True)
    sums = np.zeros((len(names), 1 + sum(part.shape[1] for part in parts)))
    np.add.at(sums, numbers, np.hstack([np.ones((len(before), 1)), *parts]))
    found = replicate_sums(sums, lambda totals: _figures(totals, classes), np.full(len(keys), len(names)))
    for row, (figure, to) in enumerate(keys):
        ends = find_ends(found, row, "share" if figure in (FLIPPED, CALLED) else "")
        limited = ends._replace(low=max(ends.low, -1.0), high=min(ends.high, 1.0))  # NaN stays
        yield FlipFigure(figure, to, float(found.value[row]), limited)


def _flips(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return float [n, 1 + K]: whether each picture flips, and whether to each class."""
    old, new = before.argmax(1), after.argmax(1)
    flipped = (old != new)[:, None]
    return np.hstack([flipped, flipped & (new[:, None] == np.arange(before.shape[1]))]).astype(np.float64)


def _figures(totals: np.ndarray, classes: int) -> np.ndarray:
    """Return the figures [R, ...] from totals [R, ...] over patients: count, flips, shifts, flips of the control."""
    with np.errstate(invalid="ignore"):  # nobody is left
        means = totals[:, 1:] / totals[:, :1]
    flips, shifts, control = np.split(means, [1 + classes, 1 + 2 * classes], axis=1)
    return np.hstack([flips, shifts, flips - control])
