"""The check ``controls`` reads the evaluations of a run, and names the class that strangers are called."""

import numpy as np
import pandas as pd
import pytest
from messages import any_of, refused
from written_runs import write_run

from pxr_tf import files
from pxr_tf.audit.controls import check_controls
from pxr_tf.audit.material import Material
from pxr_tf.evidence.evaluations import ABOUT_KEYS
from pxr_tf.evidence.external import count_called
from pxr_tf.executors.inline import Inline
from pxr_tf.runs.finished import open_run

CLASSES = ("bacterial", "covid19", "normal", "viral")


@pytest.fixture
def run(tmp_path):
    return open_run(write_run(tmp_path / "runs" / "a" / "b" / "c" / "seed-0"))


def evaluated(run, called_covid: int, count: int = 100, **more: object):
    """Write an evaluation of adults of whom some were called covid19, the others normal; return the findings."""
    names = np.where(np.arange(count) < called_covid, "covid19", "normal")
    table = pd.DataFrame({"image_id": np.arange(count), "predicted": names, "source": "adults", "group": "healthy"})
    table = table.assign(patient_id=table.image_id, label="", **{f"p_{name}": 0.25 for name in CLASSES})
    folder = run.folder / "evaluated" / "adults"
    files.write_csv(folder / "called.csv", count_called(table, run.tested))
    about = dict.fromkeys(ABOUT_KEYS) | {"predictions_of_run": run.predictions_digest, "images": count} | more
    files.write_json(folder / "evaluation.json", about)
    return check(run)


def check(run):
    return check_controls(Material(run.manifest, CLASSES, run.cache, Inline(), print, run)).findings


def test_a_class_that_most_strangers_are_called_is_critical(run):
    found = {finding.subject: finding for finding in evaluated(run, 98)}
    assert found["covid19"].grade == "critical"
    assert found["covid19"].value == pytest.approx(0.98)
    assert found["covid19"].low < 0.98 < found["covid19"].high
    assert "98.0 %" in found["covid19"].text


def test_a_few_false_alarms_pass(run):
    found = {finding.subject: finding.grade for finding in evaluated(run, 5)}
    assert found["covid19"] == "passed"


@pytest.mark.parametrize(
    ("share", "low", "grade"), [(0.5, 0.4, "warning"), (0.2, 0.05, "note"), (0.2, None, "note"), (0.03, 0.01, "passed")]
)
def test_images_unlike_the_runs_own_are_a_finding_about_the_other_data(run, share, low, grade):
    findings = evaluated(run, 5, unlike={"value": share, "low": low, "high": None if low is None else 2 * share})
    found = next(finding for finding in findings if finding.subject == "adults")
    assert (found.grade, found.value) == (grade, share)
    assert f"{100 * share:.1f} %" in found.text and "adults" in found.text
    assert bool(found.remedy) == (grade == "warning")


def test_one_stranger_is_never_critical(run):
    assert {finding.subject: finding.grade for finding in evaluated(run, 1, 1)}["covid19"] == "warning"


def test_a_share_above_the_limit_that_may_be_chance_is_a_warning(run):
    assert {finding.subject: finding.grade for finding in evaluated(run, 3, 20)}["covid19"] == "warning"


def test_one_picture_makes_no_critical_finding(run):
    found = {finding.subject: finding for finding in evaluated(run, 1, 1)}["covid19"]
    assert np.isnan(found.low)
    assert found.grade == "warning"


def test_a_run_that_was_never_shown_other_data_is_told_so(run):
    (finding,) = check(run)
    assert finding.grade == "warning"
    assert "pxr evaluate" in finding.remedy


def test_an_evaluation_of_earlier_predictions_does_not_count(run):
    evaluated(run, 98)
    files.write_csv(run.folder / "predictions.csv", run.predictions.iloc[::-1])
    assert [finding.subject for finding in check(open_run(run.folder))] == ["other data"]


@pytest.mark.parametrize("text", ["[]", "3", '{"predictions_of_run": "3"}'])
def test_an_edited_evaluation_is_refused_in_one_line(run, text):
    evaluated(run, 98)
    (run.folder / "evaluated" / "adults" / "evaluation.json").write_text(text)
    with refused("evaluation.json", any_of("edited", "damaged"), any_of("delete")):
        check(run)


def test_an_evaluation_without_its_table_is_refused_in_one_line(run):
    evaluated(run, 98)
    (run.folder / "evaluated" / "adults" / "called.csv").unlink()
    with refused("called.csv", any_of("missing"), any_of("evaluate")):
        check(run)
