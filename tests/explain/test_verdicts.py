"""Verdicts from numbers."""

import numpy as np
import pytest
from messages import any_of, assert_says, tells

from pxr_tf.explain.verdicts import CHECKS, SAME_MAPS, bound_above, counted, judge

ABOVE = [key for key, check in CHECKS.items() if check.side == "above"]
BELOW = [key for key, check in CHECKS.items() if check.side == "below"]


def verdict(key, *numbers):
    (one,) = (one for one in judge({key: numbers}) if one.check == key)
    return one


def failed(verdicts):
    return [one for one in verdicts if one.state == "failed"]


def test_each_check_has_a_bound_and_a_side():
    assert BELOW == ["weights", "labels"]
    assert {CHECKS[key].bound for key in (*BELOW, "folds")} == {SAME_MAPS}
    assert {CHECKS[key].bound for key in ABOVE if key != "folds"} == {0}


@pytest.mark.parametrize("key", [*ABOVE, *BELOW])
def test_the_whole_interval_must_be_on_one_side_of_the_bound(key):
    bound, sign = CHECKS[key].bound, 1 if key in ABOVE else -1

    def state(*distances):
        value, *ends = (bound + sign * distance for distance in distances)
        return verdict(key, value, *sorted(ends)).state

    assert state(0.1, 0.01, 0.2) == "passed"
    assert state(-0.1, -0.2, -0.01) == "failed"
    assert state(0.1, -0.01, 0.2) == state(-0.1, -0.2, 0.01) == state(0.1, 0, 0.2) == "undecided"


def test_the_bound_moves_halfway_from_what_unrelated_maps_have_to_1():
    assert bound_above(CHECKS["weights"], 0) == SAME_MAPS
    assert bound_above(CHECKS["weights"], 0.4) == pytest.approx(0.7)
    judged = verdict("weights", 0.6, 0.55, 0.65, bound_above(CHECKS["weights"], 0.4))
    assert (judged.state, judged.bound) == ("passed", pytest.approx(0.7)) and "below 0.70" in judged.reason
    assert verdict("weights", 0.6, 0.55, 0.65).state == "failed"


def test_checks_between_networks_name_networks_as_a_reason_for_doubt():
    assert [key for key, check in CHECKS.items() if check.networks] == ["weights", "labels", "folds"]
    assert tells([verdict("labels", 0.4, 0, 1).reason], any_of("few patients or networks"))
    assert not tells([verdict("in_lungs", 0.4, -1, 1).reason], any_of("networks"))


def test_an_undecided_check_marks_no_method_and_says_why():
    verdicts = judge({"insertion_random": (0.05, -0.1, 0.2)})
    assert failed(verdicts) == []
    (reason,) = (one.reason for one in verdicts if one.state == "undecided")
    assert_says(reason, any_of("interval"), any_of("bound"), any_of("few"))
    assert CHECKS["insertion_random"].failed not in reason


def test_an_unmeasured_check_neither_passes_nor_fails():
    verdicts = judge({"weights": (np.nan, np.nan, np.nan), "labels": (0.9, np.nan, np.nan)})
    assert [one.check for one in verdicts] == list(CHECKS)
    assert {one.state for one in verdicts} == {"not measured"} and failed(verdicts) == []
    assert np.isnan([one[2:5] for one in verdicts if one.check != "labels"]).all()
    assert {one.check: one.bound for one in verdicts} == {key: check.bound for key, check in CHECKS.items()}
    assert tells([verdicts[0].reason], any_of("not measured"))
    reasons = {one.check: one.reason for one in verdicts}
    assert_says(reasons["weights"], any_of("random weights"), any_of("not be measured", "not measured"), "picture")
    assert_says(
        reasons["labels"], any_of("permuted labels"), "0.90", any_of("patients"), any_of("few"), any_of("interval")
    )


@pytest.mark.parametrize("ends", [(np.nan, 1.0), (0.2, np.nan)])
def test_a_value_with_one_end_alone_has_no_interval(ends):
    judged = verdict("labels", 0.9, *ends)
    assert judged.state == "not measured" and tells([judged.reason], "0.90", any_of("few patients"))


def test_only_maps_compared_with_lungs_may_lack_lungs():
    nothing = dict.fromkeys(CHECKS, (np.nan,) * 3)
    assert [one.check for one in judge(nothing) if "no lungs found" in one.reason] == ["in_lungs"]


@pytest.mark.parametrize("key", CHECKS)
def test_pictures_exactly_on_the_bound_decide_nothing_however_many_they_are(key):
    judged = verdict(key, *[CHECKS[key].bound] * 3)
    assert judged.state == "undecided" and "exactly on the bound" in judged.reason
    assert "few" not in judged.reason


def test_notes_say_why_a_check_was_not_measured_or_add_a_remark():
    verdicts = judge({"weights": (0.1, 0.0, 0.2)}, {"weights": "Signed: 0.00.", "in_lungs": "all else is black."})
    reasons = {one.check: one.reason for one in verdicts}
    assert_says(reasons["in_lungs"], any_of("lungs"), "all else is black")
    assert_says(reasons["weights"], any_of("learned"), "Signed: 0.00")


def test_pictures_that_the_model_trained_on_do_not_count_and_external_pictures_do_if_there_are_no_others():
    assert counted(["test", "train", "val", ""]).tolist() == [True, False, False, False]
    assert counted(["train", "val", ""]).tolist() == [False, False, True]
    assert not counted(["train", "val"]).any()
    assert counted([]).tolist() == []


def test_a_failure_states_the_number_the_bound_and_the_meaning():
    verdicts = judge({"weights": (0.81, 0.78, 0.84), "in_lungs": (0.123, 0.08, 0.161)})
    (one,) = failed(verdicts)
    assert one[:6] == ("weights", "failed", 0.81, 0.78, 0.84, 0.5)
    assert one.reason == (
        "random weights: 0.81 (95 % confidence interval 0.78 to 0.84; to pass, all of it must be below 0.50): the map "
        "stays much the same with random weights: it shows the picture, not what the network learned."
    )
    assert verdicts[0].reason == (
        "lungs vs an even map: 12.3 percentage points (95 % confidence interval 8.0 to 16.1; to pass, all of it must "
        "be above 0.0): the map prefers the lungs."
    )
