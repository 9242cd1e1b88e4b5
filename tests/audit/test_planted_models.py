"""Both checks on a run with planted models: a shortcut is named; a model without one gets no critical finding."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from audited_runs import PATIENTS, make_material, of_border, of_disease, plant, write_linear_run
from tiny import CLASSES, Recorder

from pxr_tf.audit.checks import CHECKS, find_check
from pxr_tf.audit.counterfactuals import COLUMNS, find_counterfactuals
from pxr_tf.audit.degrade import DEGRADATIONS
from pxr_tf.pictures.store import load_pictures
from pxr_tf.runs.finished import FinishedRun

COVID = CLASSES.index("covid19")


@pytest.fixture(scope="module")
def bordered(tmp_path_factory):
    """A run in which COVID-19 alone has a black border."""
    return write_linear_run(tmp_path_factory.mktemp("bordered"), {"covid19": frozenset({"border"})})


def check_with(run, weights, intercepts=None):
    """Return what both checks say of planted models, whose intercepts balance the classes unless they are given."""
    pixels = load_pictures(run.cache, run.preparation).pixels / 127.5 - 1
    balanced = -np.median((weights[:, None] * pixels).sum((2, 3)), axis=1)
    plant(run, weights, balanced if intercepts is None else intercepts)
    return [find_check(name)(make_material(run)) for name in ("counterfactuals", "robustness")]


@pytest.fixture(scope="module")
def honest(bordered):
    """What both checks say of models that do not look at the border."""
    return check_with(bordered, of_disease())


@pytest.fixture(scope="module")
def cheating(bordered, honest):
    """What both checks say of models that know COVID-19 by its border; the last run of this file."""
    weights, intercepts = of_disease(), np.zeros(len(CLASSES))
    weights[COVID], intercepts[COVID] = 400 * of_border(), -380  # -1 is black
    return check_with(bordered, weights, intercepts)


def test_models_without_a_shortcut_get_no_critical_finding(honest):
    grades = {finding.grade for checked in honest for finding in checked.findings}
    assert "critical" not in grades and "passed" in grades


def test_a_border_that_gives_a_class_away_is_named_for_every_other_class(cheating):
    found = {finding.subject: finding for finding in cheating[0].findings}
    for label in set(CLASSES) - {"covid19"}:
        frame = found[f"{label}, frame"]
        assert frame.grade == "critical" and "covid19" in frame.figure and frame.low >= 0.2 and frame.remedy
        assert found[f"{label}, black border"].grade == "warning"
    critical = {finding.subject.split(", ")[1] for finding in cheating[0].findings if finding.grade == "critical"}
    assert critical <= {
        "frame",
        "contrast",
        "sharpness",
        "together",
    }  # all of them bring the border


def test_the_tables_have_a_row_for_each_figure(cheating):
    flips, curves = cheating[0].tables["counterfactuals"], cheating[1].tables["robustness"]
    assert tuple(flips) == COLUMNS and set(flips["class"]) == set(CLASSES)
    assert set(flips.images) == set(flips.patients) == {PATIENTS}
    assert not flips.duplicated(["change", "of", "class", "figure", "to"]).any()
    assert flips.value.between(-1, 1).all() and set(flips["of"]) == {"", *CLASSES}
    black = flips[(flips.change == "black border") & (flips["class"] == "normal")].set_index(["figure", "to"]).value
    assert black["called", "covid19"] == black["flipped", ""] > 0.8
    for kind, how in DEGRADATIONS.items():
        own = curves[(curves.degradation == kind) & (curves.figure == "balanced_accuracy")]
        assert list(own.strength) == [0, *how.strengths] and list(own.strength[own.mild == "yes"]) == [how.mild]
        assert (own.low <= own.value).all() and (own.value <= own.high).all()


def test_a_check_that_is_repeated_predicts_nothing_again(bordered, cheating):
    recorder = Recorder()
    again = find_counterfactuals(make_material(bordered, on_event=recorder))
    assert recorder.tasks == ["counterfactuals-fold-0", "counterfactuals-fold-1"] and not recorder.of("progress")
    pd.testing.assert_frame_equal(again.tables["counterfactuals"], cheating[0].tables["counterfactuals"])


def test_a_file_that_was_changed_or_moved_is_left_out_of_changes_of_files_alone(bordered, cheating):
    for folder in bordered.cache.glob("changed-*/"):
        shutil.rmtree(folder)
    material = make_material(bordered)
    gone = material.table.path.where(material.table.label != "viral", "gone.jpeg")
    flips = find_counterfactuals(make_material(bordered, table=material.table.assign(path=gone))).tables
    images = flips["counterfactuals"].drop_duplicates(["change", "of", "class"]).set_index(["change", "of", "class"])
    assert images.images["encoding", "normal", "viral"] == images.images["encoding", "viral", "normal"] == 0
    assert images.images["encoding", "normal", "bacterial"] == images.images["frame", "viral", "viral"] == PATIENTS


def test_material_without_models_gets_a_note(bordered):
    for material in (
        replace(make_material(bordered), run=None),
        make_material(RunWithoutModels(bordered.folder, bordered.cache)),
    ):
        for name in ("counterfactuals", "robustness"):
            (finding,) = find_check(name)(material).findings
            assert finding.grade == "note" and finding.check == name and finding.text


class RunWithoutModels(FinishedRun):
    """A run whose learner keeps no model."""

    def has_model(self, fold):
        return False


def test_both_checks_need_a_run():
    assert CHECKS["counterfactuals"].needs_run and CHECKS["robustness"].needs_run
