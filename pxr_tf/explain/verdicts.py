"""From measured numbers to verdicts: which checks a method passed, which it failed, and why, in words.

A method passes or fails a check only if the data show it: the whole confidence interval, not just the value, is on one
side of the bound. An interval that crosses the bound shows neither, as is common with few patients or networks.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

# A rank correlation: half of the largest possible, so a quarter of the ranks' variance is shared. Adebayo et al. give
# no bound. In their figures, methods that react to the weights end below this one, and edge detectors stay above it.
# Without the sign, unrelated maps correlate, too: `bound_above` moves the bound half-way from their correlation to 1.
SAME_MAPS = 0.5
State = Literal["passed", "failed", "undecided", "not measured"]


class Check(NamedTuple):
    """One question about a method."""

    title: str
    passed: str  # what passing means
    failed: str
    bound: float = 0.0
    side: Literal["above", "below"] = "above"  # where the interval must be
    unit: Literal["points", "probability", "correlation"] = "probability"
    networks: bool = False  # whether it compares networks, so that they are a sample as patients are


class Measured(NamedTuple):
    """What was measured for one check of one method."""

    value: float
    low: float  # the ends of the interval; NaN if there is none
    high: float
    bound: float | None = None  # None: the check's own


class Verdict(NamedTuple):
    """The result of one check of one method."""

    check: str  # a key of `CHECKS`
    state: State
    value: float  # NaN if nothing was measured, as are the ends
    low: float
    high: float
    bound: float
    reason: str  # a sentence for people


_CENTRE = "the middle of the picture, whatever it shows, would do as well"
CHECKS: dict[str, Check] = {
    "in_lungs": Check(
        "lungs vs an even map",
        "the map prefers the lungs",
        "the map does not prefer the lungs: the network looks elsewhere, or the map does not show where it looks",
        unit="points",
    ),
    "deletion_random": Check(
        "deletion vs chance",
        "the network needs the marked parts: without them it drops the class sooner than without random parts",
        "the network does not need the marked parts more than random parts of the picture",
    ),
    "deletion_centre": Check(
        "deletion vs the centre", "the network needs the marked parts more than the middle of the picture", _CENTRE
    ),
    "insertion_random": Check(
        "insertion vs chance",
        "the marked parts alone suggest the class sooner than random parts do",
        "the marked parts do not suggest the class sooner than random parts of the picture",
    ),
    "insertion_centre": Check(
        "insertion vs the centre",
        "the marked parts alone suggest the class sooner than the middle of the picture does",
        _CENTRE,
    ),
    "weights": Check(
        "random weights",
        "the map changes once the network has forgotten what it learned",
        "the map stays much the same with random weights: it shows the picture, not what the network learned",
        bound=SAME_MAPS,
        side="below",
        unit="correlation",
        networks=True,
    ),
    "labels": Check(
        "permuted labels",
        "a network trained on meaningless labels gives a different map",
        "a network trained on meaningless labels gives much the same map: the map says nothing about the disease",
        bound=SAME_MAPS,
        side="below",
        unit="correlation",
        networks=True,
    ),
    "folds": Check(
        "agreement between folds",
        "networks trained on other patients point to the same places",
        "networks trained on other patients point elsewhere: the map depends on the choice of network",
        bound=SAME_MAPS,
        unit="correlation",
        networks=True,
    ),
}


def counted(roles: Sequence[str]) -> np.ndarray:
    """Return which pictures count for verdicts, bool [n]: those out of fold or, without any, external pictures.

    `roles` are the pictures' roles for the model that explains them: ``test``, ``train``, ``val``, or "" (external).
    A model that trained on a picture, or used it to choose epochs, has seen the answer.
    """
    roles = np.asarray(roles, str)
    tested = roles == "test"
    return tested if tested.any() else roles == ""


def bound_above(check: Check, chance: float) -> float:
    """Return the bound of a check if unrelated maps would have the correlation `chance`, 0 to 1: half-way to 1."""
    return check.bound + (1 - check.bound) * chance


def judge(measured: Mapping[str, Measured], notes: Mapping[str, str] | None = None) -> list[Verdict]:
    """Return a verdict for each of `CHECKS`; `measured` has key -> numbers, if measured.

    ``in_lungs`` is the lungs' share of the map minus their share of the picture. Deletion and insertion are how much
    the method's area is better than the other order's (deletion: smaller; insertion: larger). The others are rank
    correlations. A value that is NaN, or has no interval, counts as not measured. `notes` has key -> a sentence: why a
    check was not measured, or a remark on its value.
    """
    found = {key: Measured(*numbers) for key, numbers in measured.items()}
    return [_judge(key, check, found.get(key), (notes or {}).get(key, "")) for key, check in CHECKS.items()]


def _judge(key: str, check: Check, numbers: Measured | None, note: str) -> Verdict:
    if numbers is None:
        reason = f"{check.title}: {note or 'not measured.'}"
        return Verdict(key, "not measured", np.nan, np.nan, np.nan, check.bound, reason)
    check = check if numbers.bound is None else check._replace(bound=numbers.bound)
    state, finding = _state(check, numbers), _describe_finding(check, numbers)
    reason = f"{check.title}: {finding}." + (f" {note}" if note else "")
    return Verdict(key, state, *numbers[:3], check.bound, reason)


def _state(check: Check, numbers: Measured) -> State:
    if np.isnan(numbers[:3]).any():
        return "not measured"
    above, below = numbers.low > check.bound, numbers.high < check.bound
    passed, failed = (above, below) if check.side == "above" else (below, above)
    return "passed" if passed else "failed" if failed else "undecided"


def _describe_finding(check: Check, numbers: Measured) -> str:
    """Return the finding as the rest of a sentence."""
    value, low, high, _ = numbers
    if np.isnan(value):
        lungs = " or no lungs found reliably" if check.unit == "points" else ""
        return f"could not be measured, because every picture that counts has an empty map{lungs}"
    words = _number(check.unit, value) + (" percentage points" if check.unit == "points" else "")
    if np.isnan(low) or np.isnan(high):
        return f"{words}, but there are too few patients for an interval"
    few = "too few patients or networks" if check.networks else "too few patients"
    undecided = f"the interval crosses the bound, so there are {few} to decide"
    if low == high:
        undecided = "every picture is exactly on the bound, so there is nothing to decide by"
    meaning = {"passed": check.passed, "failed": check.failed, "undecided": undecided}
    interval = f"95 % confidence interval {_number(check.unit, low)} to {_number(check.unit, high)}"
    bound = f"{interval}; to pass, all of it must be {check.side} {_number(check.unit, check.bound)}"
    return f"{words} ({bound}): {meaning[_state(check, numbers)]}"


def _number(unit: str, value: float) -> str:
    return f"{100 * value:z.1f}" if unit == "points" else f"{value:z.2f}"
