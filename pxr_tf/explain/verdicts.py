"""From measured numbers to verdicts: which checks a method passed, which it failed, and why, in words.

A method passes where the data show that it does: the whole interval, not the value alone, is on the right side of the
bound. With few patients intervals are wide, and less is shown.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import numpy as np

# Of rank correlations: half of the largest possible, a quarter of the variance of the ranks in common. Adebayo et al.
# name no bound; in their figures methods that react to the weights end below it, and edge detectors stay above.
SAME = 0.5


class Check(NamedTuple):
    """One question to a method."""

    title: str
    bound: float
    side: Literal["above", "below"]  # where the interval must lie
    unit: Literal["points", "probability", "correlation"]
    passed: str  # what it means
    failed: str


class Verdict(NamedTuple):
    """What one check says of one method."""

    check: str  # a key of `CHECKS`
    state: Literal["passed", "failed", "not measured"]
    value: float  # NaN where nothing was measured, as are the ends
    low: float
    high: float
    bound: float
    reason: str  # a sentence for people


_CENTRE = "the middle of the picture, whatever is in it, would do as well"
CHECKS: dict[str, Check] = {
    "in_lungs": Check(
        "more in the lungs than an even map",
        0.0,
        "above",
        "points",
        "the map prefers the lungs",
        "it does not prefer the lungs: the network looks elsewhere, or the map does not show where it looks",
    ),
    "deletion_random": Check(
        "deletion, against chance",
        0.0,
        "above",
        "probability",
        "what it marks matters to the network: without it the class is lost sooner than without random parts",
        "what it marks is no more needed for the class than random parts of the picture",
    ),
    "deletion_centre": Check(
        "deletion, against the centre",
        0.0,
        "above",
        "probability",
        "what it marks is needed more than the middle of the picture",
        _CENTRE,
    ),
    "insertion_random": Check(
        "insertion, against chance",
        0.0,
        "above",
        "probability",
        "what it marks is enough for the class sooner than random parts are",
        "what it marks makes the class no sooner than random parts of the picture",
    ),
    "insertion_centre": Check(
        "insertion, against the centre",
        0.0,
        "above",
        "probability",
        "what it marks is enough for the class sooner than the middle of the picture is",
        _CENTRE,
    ),
    "weights": Check(
        "random weights",
        SAME,
        "below",
        "correlation",
        "the map changes once the network has forgotten what it learned",
        "the map stays much as it was with random weights: it shows the picture, not what the network learned",
    ),
    "labels": Check(
        "random labels",
        SAME,
        "below",
        "correlation",
        "a network that learned meaningless labels gives another map",
        "a network that learned meaningless labels gives much the same map: it says nothing of the disease",
    ),
    "folds": Check(
        "agreement of the folds",
        SAME,
        "above",
        "correlation",
        "networks trained on other patients point at the same places",
        "networks trained on other patients point elsewhere: the map depends on which network is asked",
    ),
}


def judge(measured: Mapping[str, tuple[float, float, float]]) -> list[Verdict]:
    """Return a verdict for each of `CHECKS`; `measured` has key -> (value, low, high), of those that were measured.

    ``in_lungs`` is the difference of shares, the lungs' share of the map less their share of the picture; of deletion
    and insertion it is by how much the method's area is better than the other order's (deletion: smaller; insertion:
    larger); the others are rank correlations. A value or interval that is NaN counts as not measured.
    """
    return [_judge(key, check, measured.get(key)) for key, check in CHECKS.items()]


def failed_checks(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Return the verdicts for which a method is to be marked in its gallery; [] for none."""
    return [verdict for verdict in verdicts if verdict.state == "failed"]


def _judge(key: str, check: Check, numbers: tuple[float, float, float] | None) -> Verdict:
    if numbers is None or np.isnan(numbers[0]):
        reason = "was not measured" if numbers is None else "could not be measured: no picture has a map that counts"
        return Verdict(key, "not measured", np.nan, np.nan, np.nan, check.bound, f"{check.title}: {reason}.")
    value, low, high = numbers
    told = f"{check.title}: {_words(check.unit, value)}"
    if np.isnan(low) or np.isnan(high):
        reason = f"{told}, of too few patients for an interval."
        return Verdict(key, "not measured", value, low, high, check.bound, reason)
    passed = low > check.bound if check.side == "above" else high < check.bound
    meaning = check.passed if passed else check.failed
    interval = f"95 % interval {_number(check.unit, low)} to {_number(check.unit, high)}"
    bound = f"{interval}; to pass, all of it must be {check.side} {_number(check.unit, check.bound)}"
    reason = f"{told} ({bound}): {meaning}."
    return Verdict(key, "passed" if passed else "failed", value, low, high, check.bound, reason)


def _words(unit: str, value: float) -> str:
    noun = {"points": " percentage points", "probability": "", "correlation": ""}[unit]
    return f"{_number(unit, value)}{noun}"


def _number(unit: str, value: float) -> str:
    return f"{100 * value:.1f}" if unit == "points" else f"{value:.2f}"
