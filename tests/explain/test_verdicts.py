"""Verdicts from numbers."""

import numpy as np
import pytest

from pxr_tf.explain.verdicts import CHECKS, SAME, failed_checks, judge

ABOVE = [key for key, check in CHECKS.items() if check.side == "above"]
BELOW = [key for key, check in CHECKS.items() if check.side == "below"]


def verdict(key, *numbers):
    (one,) = (one for one in judge({key: numbers}) if one.check == key)
    return one


def test_the_checks_and_on_which_side_a_method_must_be():
    assert BELOW == ["weights", "labels"]
    assert {CHECKS[key].bound for key in (*BELOW, "folds")} == {SAME}
    assert {CHECKS[key].bound for key in ABOVE if key != "folds"} == {0}


@pytest.mark.parametrize("key", ABOVE)
def test_the_whole_interval_must_be_above_the_bound(key):
    bound = CHECKS[key].bound
    assert verdict(key, bound + 0.1, bound + 0.01, bound + 0.2).state == "passed"
    assert verdict(key, bound + 0.1, bound - 0.01, bound + 0.2).state == "failed"
    assert verdict(key, bound + 0.1, bound, bound + 0.2).state == "failed"
    assert verdict(key, bound - 0.1, bound - 0.2, bound - 0.01).state == "failed"


@pytest.mark.parametrize("key", BELOW)
def test_the_whole_interval_must_be_below_the_bound(key):
    assert verdict(key, 0.3, 0.2, 0.4).state == "passed"
    assert verdict(key, 0.4, 0.3, 0.51).state == "failed"
    assert verdict(key, 0.9, 0.85, 0.95).state == "failed"


def test_what_was_not_measured_is_neither_and_marks_no_method():
    verdicts = judge({"weights": (np.nan, np.nan, np.nan), "labels": (0.9, np.nan, np.nan)})
    assert [one.check for one in verdicts] == list(CHECKS)
    assert {one.state for one in verdicts} == {"not measured"} and failed_checks(verdicts) == []
    assert np.isnan(verdicts[0].value) and verdicts[0].reason.endswith("was not measured.")
    reasons = {one.check: one.reason for one in verdicts}
    assert reasons["weights"] == "random weights: could not be measured: no picture has a map that counts."
    assert reasons["labels"] == "random labels: 0.90, of too few patients for an interval."


def test_failures_are_told_with_the_number_the_bound_and_what_it_means():
    verdicts = judge({"weights": (0.81, 0.78, 0.84), "in_lungs": (0.123, 0.08, 0.161)})
    (failed,) = failed_checks(verdicts)
    assert failed[:6] == ("weights", "failed", 0.81, 0.78, 0.84, 0.5)
    assert failed.reason == (
        "random weights: 0.81 (95 % interval 0.78 to 0.84; to pass, all of it must be below 0.50): the map stays "
        "much as it was with random weights: it shows the picture, not what the network learned."
    )
    assert verdicts[0].reason == (
        "more in the lungs than an even map: 12.3 percentage points (95 % interval 8.0 to 16.1; to pass, all of it "
        "must be above 0.0): the map prefers the lungs."
    )
