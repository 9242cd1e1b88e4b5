"""From measured numbers to verdicts: which checks a method passed, which it failed, and why, in words.

A method passes where the data show that it does, and fails where they show that it does not: the whole interval, not
the value alone, is on one side of the bound. Where it crosses the bound, neither is shown, as is common with few
patients.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

# Of rank correlations: half of the largest possible, a quarter of the variance of the ranks in common. Adebayo et al.
# name no bound; in their figures methods that react to the weights end below it, and edge detectors stay above.
SAME_MAPS = 0.5
State = Literal["passed", "failed", "undecided", "not measured"]
UNDECIDED = "the interval crosses the bound, so that these patients are too few to tell"


class Check(NamedTuple):
    """One question to a method."""

    title: str
    passed: str  # what it means
    failed: str
    bound: float = 0.0
    side: Literal["above", "below"] = "above"  # where the interval must lie
    unit: Literal["points", "probability", "correlation"] = "probability"


class Verdict(NamedTuple):
    """What one check says of one method."""

    check: str  # a key of `CHECKS`
    state: State
    value: float  # NaN where nothing was measured, as are the ends
    low: float
    high: float
    bound: float
    reason: str  # a sentence for people


_CENTRE = "the middle of the picture, whatever is in it, would do as well"
CHECKS: dict[str, Check] = {
    "in_lungs": Check(
        "more in the lungs than an even map",
        "the map prefers the lungs",
        "it does not prefer the lungs: the network looks elsewhere, or the map does not show where it looks",
        unit="points",
    ),
    "deletion_random": Check(
        "deletion, against chance",
        "what it marks matters to the network: without it the class is lost sooner than without random parts",
        "what it marks is no more needed for the class than random parts of the picture",
    ),
    "deletion_centre": Check(
        "deletion, against the centre", "what it marks is needed more than the middle of the picture", _CENTRE
    ),
    "insertion_random": Check(
        "insertion, against chance",
        "what it marks is enough for the class sooner than random parts are",
        "what it marks makes the class no sooner than random parts of the picture",
    ),
    "insertion_centre": Check(
        "insertion, against the centre",
        "what it marks is enough for the class sooner than the middle of the picture is",
        _CENTRE,
    ),
    "weights": Check(
        "random weights",
        "the map changes once the network has forgotten what it learned",
        "the map stays much as it was with random weights: it shows the picture, not what the network learned",
        bound=SAME_MAPS,
        side="below",
        unit="correlation",
    ),
    "labels": Check(
        "random labels",
        "a network that learned meaningless labels gives another map",
        "a network that learned meaningless labels gives much the same map: it says nothing of the disease",
        bound=SAME_MAPS,
        side="below",
        unit="correlation",
    ),
    "folds": Check(
        "agreement of the folds",
        "networks trained on other patients point at the same places",
        "networks trained on other patients point elsewhere: the map depends on which network is asked",
        bound=SAME_MAPS,
        unit="correlation",
    ),
}


def counted(roles: Sequence[str]) -> np.ndarray:
    """Return which pictures verdicts stand on, bool [n]: those out of fold; without any, those unknown to the run.

    `roles` say what each picture is to the model that explains it: ``test``, ``train``, ``val``, or "" (external).
    A model that trained on a picture, or chose its epochs by it, has seen the answer.
    """
    roles = np.asarray(roles, str)
    tested = roles == "test"
    return tested if tested.any() else roles == ""


def judge(measured: Mapping[str, tuple[float, float, float]], notes: Mapping[str, str] | None = None) -> list[Verdict]:
    """Return a verdict for each of `CHECKS`; `measured` has key -> (value, low, high), of those that were measured.

    ``in_lungs`` is the difference of shares, the lungs' share of the map less their share of the picture; of deletion
    and insertion it is by how much the method's area is better than the other order's (deletion: smaller; insertion:
    larger); the others are rank correlations. A value that is NaN, or has no interval, counts as not measured. `notes`
    has key -> a sentence: why a check was not measured, or what else there is to say of its value.
    """
    return [_judge(key, check, measured.get(key), (notes or {}).get(key, "")) for key, check in CHECKS.items()]


def _judge(key: str, check: Check, numbers: tuple[float, float, float] | None, note: str) -> Verdict:
    if numbers is None:
        reason = f"{check.title}: {note or 'was not measured.'}"
        return Verdict(key, "not measured", np.nan, np.nan, np.nan, check.bound, reason)
    value, low, high = numbers
    state, finding = _state(check, value, low, high), _describe_finding(check, value, low, high)
    reason = f"{check.title}: {finding}." + (f" {note}" if note else "")
    return Verdict(key, state, value, low, high, check.bound, reason)


def _state(check: Check, value: float, low: float, high: float) -> State:
    if np.isnan([value, low, high]).any():
        return "not measured"
    above, below = low > check.bound, high < check.bound
    passed, failed = (above, below) if check.side == "above" else (below, above)
    return "passed" if passed else "failed" if failed else "undecided"


def _describe_finding(check: Check, value: float, low: float, high: float) -> str:
    """Return what the numbers say, as the rest of a sentence."""
    if np.isnan(value):
        return "could not be measured, as no picture that counts has a map with anything in it"
    words = _number(check.unit, value) + (" percentage points" if check.unit == "points" else "")
    if np.isnan(low) or np.isnan(high):
        return f"{words}, but the patients are too few for an interval"
    meaning = {"passed": check.passed, "failed": check.failed, "undecided": UNDECIDED}
    interval = f"95 % interval {_number(check.unit, low)} to {_number(check.unit, high)}"
    bound = f"{interval}; to pass, all of it must be {check.side} {_number(check.unit, check.bound)}"
    return f"{words} ({bound}): {meaning[_state(check, value, low, high)]}"


def _number(unit: str, value: float) -> str:
    return f"{100 * value:.1f}" if unit == "points" else f"{value:.2f}"
