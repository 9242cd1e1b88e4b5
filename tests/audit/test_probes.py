"""The check `probes`: planted shortcuts are named, clean phantoms pass, nothing is computed twice."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from audited import grades, make_material
from tiny import CLASSES, TWO_LAYERS, run_here, tiny_experiment, write_tiny_phantoms

from pxr_tf.audit import probes, view_features_task
from pxr_tf.audit.folds import make_folds, used_rows
from pxr_tf.audit.gather import material_of_run
from pxr_tf.audit.probe_findings import judge_probes
from pxr_tf.audit.shuffled import shuffle_labels
from pxr_tf.executors.inline import Inline
from pxr_tf.models.backbones import BACKBONES
from pxr_tf.runs.finished import open_run

pytestmark = pytest.mark.usefixtures("exact_lungs")
WITHOUT, FACTS = "skill left without lungs", "AUC of file facts"


@pytest.fixture(scope="module")
def clean_material(tmp_path_factory):
    return make_material(tmp_path_factory.mktemp("clean"))


@pytest.fixture(scope="module")
def clean(clean_material, exact_lungs):
    return probes.check_probes(clean_material)


def test_clean_phantoms_have_no_critical_finding(clean):
    assert {finding.grade for finding in clean.findings} <= {"passed", "note", "warning"}
    assert grades(clean, "viral")[FACTS] == "passed"
    assert grades(clean, "shuffled labels") == {"AUC": "passed"}


def test_every_view_is_in_the_table_with_each_class(clean):
    table = clean.tables["probes"]
    assert list(table) == ["class" if name == "name" else name for name in probes.COLUMNS]
    assert set(table["class"]) == {"all", "normal", "viral"}
    assert len(table) == 3 * (len(probes.VIEWS) + 3)  # shuffled labels, histogram, file facts


@pytest.mark.parametrize("shortcut", ["border", "marker"])
def test_a_planted_border_or_marker_is_named(tmp_path, shortcut):
    found = probes.check_probes(make_material(tmp_path, f"viral:{shortcut}"))
    assert grades(found, "viral")[WITHOUT] == "critical"


def test_a_planted_quality_is_named(tmp_path):
    found = probes.check_probes(make_material(tmp_path, "viral:quality"))
    assert grades(found, "viral")[FACTS] == "critical"


def test_shared_patients_make_the_shuffled_labels_a_finding(tmp_path):
    """If every test picture is in training too, shuffled labels can be learned by heart."""
    material = make_material(tmp_path)
    twice = pd.concat([material.table.assign(fold=fold) for fold in ("0", "1")], ignore_index=True)
    found = probes.check_probes(replace(material, table=twice))
    assert grades(found, "shuffled labels") == {"AUC": "critical"}


def test_shuffled_labels_belong_to_patients():
    table = pd.DataFrame({"patient_id": ["a", "a", "b", "c", "d"], "label": ["x", "x", "y", "x", "y"]})
    dealt = shuffle_labels(table)
    assert dealt[0] == dealt[1]
    assert sorted(dealt[1:]) == ["x", "x", "y", "y"]
    assert len({tuple(shuffle_labels(table, number)) for number in range(9)}) > 1


def test_large_data_are_probed_on_whole_patients():
    table = pd.DataFrame({"patient_id": np.repeat([f"p{n}" for n in range(50)], 2), "image_id": range(100)})
    taken = probes.take_patients(table, 31)
    assert len(taken) == 30
    assert (taken.patient_id.value_counts() == 2).all()
    assert probes.take_patients(table, 100).equals(table)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    runs = tmp_path_factory.mktemp("run") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BACKBONES, "two_layers", TWO_LAYERS)
        yield open_run(run_here(tiny_experiment(), write_tiny_phantoms(runs / "data"), runs))


def test_whole_pictures_share_the_features_of_the_run(run, monkeypatch):
    views = []
    extract = view_features_task._extract
    monkeypatch.setattr(view_features_task, "_extract", lambda *given: views.append(given[3]) or extract(*given))
    probes.check_probes(material_of_run(run, Inline()))
    assert views == [view for view in probes.VIEWS if view != "whole"]


def test_a_run_is_probed_by_the_features_of_its_first_backbone_once(run, monkeypatch):
    found = probes.check_probes(material_of_run(run, Inline()))
    table = found.tables["probes"]
    assert set(table.input) == {"features", "pixels", "greys", "file facts"}
    assert set(table["class"]) == {"all", *CLASSES}

    def refuse(*given):
        raise AssertionError("features were computed again")

    monkeypatch.setattr(view_features_task, "fill_view_features", refuse)
    again = probes.check_probes(material_of_run(run, Inline()))
    pd.testing.assert_frame_equal(again.tables["probes"], table)


def test_without_its_weights_a_run_is_probed_by_pixels(run, monkeypatch):
    monkeypatch.setitem(run.provenance, "weights", "another digest")
    notes = []
    found = probes.check_probes(material_of_run(run, Inline(), notes.append))
    assert set(found.tables["probes"].input) == {"pixels", "greys", "file facts"}
    assert any("raw pixels only" in event.get("text", "") for event in notes)


class OneSplit:
    folds = ("official",)
    splits = pd.DataFrame(
        {
            "image_id": list("abcde"),
            "fold": ["official"] * 4 + ["holdout"],
            "role": ["train", "val", "test", "test_balanced", "train"],
        }
    )


def test_a_single_split_learns_on_rows_that_no_fold_tests(clean_material):
    """Of a hold-out that tests nothing, and of validation, no row is used."""
    table = pd.DataFrame({"image_id": list("abcdef"), "fold": ["", "", "official", "official", "", ""]})
    material = replace(clean_material, table=table, run=OneSplit())
    used = used_rows(material)
    assert list(used.image_id) == ["a", "c", "d"]
    (fold,) = make_folds(material, used)
    assert (list(fold.train), list(fold.test)) == ([0], [1, 2])


def row(view, value, share, name="b", seen_as="features", p=0.0):
    ends = {"low": value - 0.02, "high": value + 0.02, "share_low": share - 0.02, "share_high": share + 0.02}
    return {"view": view, "input": seen_as, "class": name, "metric": "auc", "value": value, **ends} | {
        "share_left": share,
        "p": p,
        "p_holm": p,
    }


def skills(**changed):
    values = {"whole": (0.9, 1), "shuffled_labels": (0.5, 0, 1.0), "without_lungs": (0.52, 0.05, 0.3)}
    values |= dict.fromkeys(("without_box", "outer_tenth", "hole_elsewhere", "histogram"), (0.51, 0.03, 0.4))
    values |= {"thumbnail": (0.6, 0.3), "reencoded": (0.9, 1), "file_facts": (0.5, 0, 0.5)} | changed
    rows = [row(view, value, share, p=p[0] if p else 0.0) for view, (value, share, *p) in values.items()]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("changed", "figure", "grade"),
    [
        ({}, WITHOUT, "passed"),
        ({"without_lungs": (0.85, 0.87)}, WITHOUT, "critical"),
        ({"without_box": (0.85, 0.87)}, WITHOUT, "critical"),
        ({"outer_tenth": (0.85, 0.87)}, WITHOUT, "critical"),
        ({"without_lungs": (0.75, 0.6)}, WITHOUT, "warning"),
        ({"without_lungs": (0.85, 0.87, 0.2)}, WITHOUT, "passed"),
        ({"reencoded": (0.7, 0.5)}, "skill left with one encoding", "critical"),
        ({"file_facts": (0.85, 0.87)}, FACTS, "critical"),
        ({"file_facts": (0.7, 0.5)}, FACTS, "warning"),
        ({"thumbnail": (0.9, 1.0)}, "skill left in 8 x 8 pixels", "note"),
        ({"whole": (0.6, 1)}, "AUC of whole pictures", "note"),
    ],
)
def test_grades(changed, figure, grade):
    found = judge_probes(skills(**changed), ("a", "b"))
    assert {finding.figure: finding.grade for finding in found if finding.subject == "b"}[figure] == grade


def test_of_two_classes_one_is_named_and_of_three_each():
    table = pd.concat([skills().assign(**{"class": name}) for name in ("a", "b", "c")], ignore_index=True)
    assert {finding.subject for finding in judge_probes(table, ("a", "b"))} == {"b", "shuffled labels"}
    assert {finding.subject for finding in judge_probes(table, ("a", "b", "c"))} == {"a", "b", "c", "shuffled labels"}
