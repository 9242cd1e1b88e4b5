"""How flips and losses are graded, on made probabilities."""

import numpy as np
import pandas as pd
import pytest

from pxr_tf.audit.counterfactuals import judge, list_changes, tabulate, try_changes
from pxr_tf.audit.degrade import DEGRADATIONS
from pxr_tf.audit.predicted import Predicted
from pxr_tf.audit.robustness import judge as judge_losses
from pxr_tf.audit.robustness import tabulate as tabulate_losses
from pxr_tf.audit.versions import UNCHANGED, Change

CLASSES = ("a", "b", "c")
COUNT = 40  # patients per class


def make_rows(sources=("s", "s", "s"), count=COUNT):
    rows = pd.DataFrame({"label": np.repeat(CLASSES, count), "source": np.repeat(sources, count)})
    return rows.assign(patient_id=[f"p{row}" for row in rows.index])


def find(flips, rows=None, cropped=False, missing=()):
    """Return subject -> finding; `flips` has (change, class) -> (class that pictures become, share)."""
    rows = make_rows() if rows is None else rows
    count = len(rows) // len(CLASSES)
    truth = np.repeat(range(3), count)
    probabilities = {}
    for change in list_changes(CLASSES):
        named = truth.copy()
        for (changed, label), (to, share) in flips.items():
            if changed == change:
                own = np.flatnonzero(truth == CLASSES.index(label))
                named[own[: round(share * count)]] = CLASSES.index(to)
        probabilities[change] = np.where(change in missing, np.nan, np.eye(3)[named])
    tried = list(try_changes(Predicted(rows, probabilities), CLASSES))
    assert len(tabulate(tried)) == len(tried) * 11
    return {finding.subject: finding for finding in judge(tried, rows, cropped=cropped)}


def test_nothing_flips_and_each_change_is_passed_once():
    found = find({})
    assert set(found.values()) and {finding.grade for finding in found.values()} == {"passed"}
    assert len(found) == len({change.kind for change in list_changes(CLASSES)}) - 2  # unchanged, and the control


@pytest.mark.parametrize("kind", ["encoding", "resolution", "file", "frame"])
def test_an_imitation_that_turns_a_class_into_the_imitated_one_is_critical(kind):
    found = find({(Change(kind, of="b"), "a"): ("b", 0.6)})
    finding = found[f"a, {kind}"]
    assert finding.grade == "critical" and finding.value == 0.6 and finding.low >= 0.2
    assert "60 %" in finding.text and "b pictures" in finding.text and finding.remedy
    assert [one.grade for one in found.values()].count("critical") == 1


def test_flips_to_another_class_than_the_imitated_one_are_a_warning():
    assert find({(Change("encoding", of="b"), "a"): ("c", 0.6)})["a, encoding"].grade == "warning"


def test_what_the_control_flips_too_does_not_count():
    both = {(Change("frame", of=of), "a"): ("b", 0.6) for of in CLASSES}
    assert find(both)["frame"].grade == "passed"
    shift = {(Change(kind), "a"): ("b", 0.6) for kind in ("shift", "marker")}
    assert find(shift)["marker"].grade == "passed"


def test_a_change_that_no_data_tie_to_a_class_is_a_warning_and_names_where_pictures_go():
    finding = find({(Change("black border"), "c"): ("a", 0.9)})["c, black border"]
    assert finding.grade == "warning" and "to a (90 %)" in finding.text


@pytest.mark.parametrize("kind", ["contrast", "sharpness", "together"])
def test_what_disease_changes_too_is_critical_between_sources_only(kind):
    flips = {(Change(kind, of="b"), "a"): ("b", 0.6)}
    assert find(flips)[f"a, {kind}"].grade == "warning"
    assert find(flips, make_rows(("s", "t", "s")))[f"a, {kind}"].grade == "critical"


def test_the_frame_of_cropped_pictures_may_hold_lung_and_is_never_critical():
    assert find({(Change("frame", of="b"), "a"): ("b", 0.9)}, cropped=True)["a, frame"].grade == "warning"


def test_a_few_flips_are_passed_and_some_a_warning():
    assert find({(Change("encoding", of="b"), "a"): ("b", 0.05)})["encoding"].grade == "passed"
    assert find({(Change("encoding", of="b"), "a"): ("b", 0.25)})["a, encoding"].grade == "warning"


def test_what_few_patients_cannot_exclude_is_a_note_and_not_passed():
    found = find({(Change("encoding", of="b"), "a"): ("b", 0.2)}, make_rows(count=15))
    assert found["encoding"].grade == "note" and found["encoding"].high > 0.2 and found["encoding"].remedy
    assert found["marker"].grade == "note"  # none of 15 flips, but a fifth might


def test_a_class_with_few_patients_is_noted_and_not_judged():
    found = find({(Change("encoding", of="b"), "a"): ("b", 1.0)}, make_rows(count=6))
    assert {found[label].grade for label in CLASSES} == {"note"} and "a, encoding" not in found


def test_versions_that_could_not_be_made_are_not_judged():
    missing = {Change(kind, of=of) for kind in ("encoding", "resolution", "file", "together") for of in CLASSES}
    found = find({}, missing=missing)
    assert found["changes of files"].grade == "note" and "encoding" not in found and "frame" in found


def find_losses(levels):
    """Return the findings of noise; `levels` has strength -> (class, class that its pictures become, share)."""
    rows, truth = make_rows(), np.repeat(range(3), COUNT)
    probabilities = {Change(UNCHANGED): np.eye(3)[truth]}
    for kind, how in DEGRADATIONS.items():
        for strength in how.strengths:
            named = truth.copy()
            for label, to, share in levels.get(strength, ()) if kind == "noise" else ():
                named[np.flatnonzero(truth == CLASSES.index(label))[: round(share * COUNT)]] = CLASSES.index(to)
            probabilities[Change(kind, strength)] = np.eye(3)[named]
    table = tabulate_losses(Predicted(rows, probabilities), CLASSES)
    assert {finding.grade for finding in judge_losses(table, "blur")} == {"passed"}
    return list(judge_losses(table, "noise"))


def test_a_loss_at_the_mild_strength_is_a_warning_and_one_at_a_greater_strength_is_not():
    mild, strong = DEGRADATIONS["noise"].mild, DEGRADATIONS["noise"].strengths[-1]
    (lost,) = find_losses({mild: [("a", "b", 0.2), ("b", "c", 0.2), ("c", "a", 0.2)]})
    assert lost.grade == "warning" and round(lost.value, 9) == 0.2 and "-20.0 points" in lost.text and lost.remedy
    (kept,) = find_losses({strong: [("a", "b", 0.2)]})
    assert kept.grade == "passed" and not kept.remedy


def test_a_class_that_takes_over_another_is_named_with_the_weakest_strength_at_which_it_does():
    strengths = DEGRADATIONS["noise"].strengths
    _, taken = find_losses({strength: [("a", "c", 0.7)] for strength in strengths[-2:]})
    assert taken.grade == "warning" and taken.subject == "a, noise" and taken.value == 0.7
    assert f"noise of {strengths[-2]:g}" in taken.text and "70 % of the a pictures are called c" in taken.text
