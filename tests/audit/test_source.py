"""The check `source`: attributes that tell the class, whether pictures show them, and what cannot be answered."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from audited import change_pictures, grades, make_material
from tiny import TWO_LAYERS, run_here, tiny_experiment, write_tiny_phantoms

from pxr_tf.audit.gather import material_of_run
from pxr_tf.audit.heads import read_heads
from pxr_tf.audit.source import check_source, describe_attributes
from pxr_tf.audit.source_findings import judge_attributes
from pxr_tf.executors.inline import Inline
from pxr_tf.models.backbones import BACKBONES
from pxr_tf.runs.finished import open_run

pytestmark = pytest.mark.usefixtures("exact_lungs")
AREA = "AUC of the attribute"


@pytest.fixture(scope="module")
def material(tmp_path_factory, exact_lungs):
    return make_material(tmp_path_factory.mktemp("source"))


def spread(material, column, share_of_viral, share_of_normal):
    """Return (a value for each row by patient, the numbers of rows with the second value)."""
    number = pd.factorize(material.table.patient_id)[0]
    share = np.where(material.table.label == "viral", share_of_viral, share_of_normal)
    second = (number * 0.618) % 1 < share
    return replace(material, table=material.table.assign(**{column: np.where(second, "b", "a")}))


def test_one_source_and_no_other_attribute_pass(material):
    found = check_source(material)
    assert grades(found, "sources") == {"number of sources": "passed"}
    assert {finding.grade for finding in found.findings} <= {"passed", "warning", "note"}


def test_sources_that_both_classes_come_from_pass(material):
    found = check_source(spread(material, "source", 0.5, 0.5))
    assert grades(found, "sources") == {"groups of classes": "passed"}
    assert grades(found, "source")[AREA] == "passed"
    assert list(found.tables["within_source"].source) == ["a", "a", "b", "b"]
    assert grades(found, "viral") == {"AUC within a": "passed", "AUC within b": "passed"}


def test_classes_without_a_common_source_cannot_be_told_from_their_source(material):
    found = check_source(spread(material, "source", 1, 0))
    (finding,) = [finding for finding in found.findings if "cannot be answered" in finding.text]
    assert finding.grade == "critical"
    assert "Needed: images of" in finding.remedy
    assert found.tables["within_source"].empty
    assert found.tables["detectability"].query("attribute == 'source' and within != ''").area.isna().all()


def test_an_attribute_that_goes_with_the_class_but_is_not_in_the_picture_is_no_shortcut(material):
    found = check_source(spread(material, "view", 0.7, 0.3))
    assert found.tables["utility"].query("attribute == 'view'").area.gt(0.65).all()
    assert found.tables["detectability"].query("attribute == 'view' and within != ''").low.lt(0.6).all()
    assert grades(found, "view")[AREA] == "passed"


def test_an_attribute_that_goes_with_the_class_and_is_in_the_picture_is_named(tmp_path):
    def mark(picture):
        picture[:6, :6] = 255
        return picture

    patients = {"normal": 80, "viral": 80}
    material = spread(make_material(tmp_path, patients=patients), "view", 0.85, 0.15)
    found = check_source(change_pictures(material, material.table["view"] == "b", mark))
    assert grades(found, "view")[AREA] == "critical"
    assert (found.tables["detectability"].query("attribute == 'view'").area > 0.9).all()


def test_rare_values_and_single_values_are_not_attributes(material):
    table = material.table.assign(sex="f", view=["pa", *["ap"] * (len(material.table) - 1)])
    assert not {"sex", "view", "source"} & set(describe_attributes(table))
    half = np.where(pd.factorize(table.patient_id)[0] % 2, "f", "m")
    assert set(describe_attributes(table.assign(sex=half)).sex) == {"f", "m"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    runs = tmp_path_factory.mktemp("run") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BACKBONES, "two_layers", TWO_LAYERS)
        patients = {"normal": 24, "viral": 24}
        data = write_tiny_phantoms(runs / "data", patients=patients)[:1]
        experiment = tiny_experiment(classes=["normal", "viral"], balance__oversample=[])
        yield open_run(run_here(experiment, data, runs))


def test_the_heads_of_a_run_are_compared_with_an_attribute(run):
    material = spread(material_of_run(run, Inline()), "view", 0.6, 0.4)
    found = check_source(material).tables["alignment"].query("attribute == 'view'")
    assert list(found["class"]) == ["viral"]
    assert found.correlation.abs().lt(1).all()
    assert found.p.between(0, 1).all()


def test_a_direction_is_the_mean_gradient_of_a_logit(run):
    """A small step along the gradient of a row changes its logit as much as the gradient says."""
    from pxr_tf.audit.heads_task import mean_gradients, open_head

    model, _ = run.load_model("0")
    head = open_head(model)
    features = np.random.default_rng(0).random((3, head.input_shape[-1])).astype(np.float32)
    found, step = mean_gradients(head, features), np.zeros_like(features)
    step[:, 2] = 1e-3
    change = (head.predict_on_batch(features + step) - head.predict_on_batch(features - step)) / 2e-3
    np.testing.assert_allclose(found[:, 2], change.mean(0), rtol=0.05, atol=1e-3)


def test_heads_are_read_from_the_cache_the_second_time(run):
    first = read_heads(material_of_run(run, Inline()), material_of_run(run, Inline()).tested)
    again = read_heads(material_of_run(run, None), material_of_run(run, None).tested)
    for ours, theirs in zip(first, again, strict=True):
        np.testing.assert_array_equal(ours.features, theirs.features)
        np.testing.assert_array_equal(ours.directions, theirs.directions)
        assert len(ours.rows) == len(ours.features)


def tables(utility, within, p):
    areas = [
        {"attribute": "view", "area": value, "low": value - 0.02, "high": value + 0.02} for value in (utility, within)
    ]
    aligned = {"attribute": "view", "value": "b", "class": "viral", "correlation": 0.3, "by_chance": 0.1}
    return {
        "utility": pd.DataFrame([areas[0] | {"class": "viral", "values": 2, "information": 0.1}]),
        "detectability": pd.DataFrame([areas[1] | {"within": within} for within in ("", "normal")]),
        "alignment": pd.DataFrame([aligned | {"p": p, "p_holm": p}]),
    }


@pytest.mark.parametrize(
    ("utility", "within", "p", "grade"),
    [
        (0.9, 0.9, 0.5, "critical"),
        (0.9, 0.7, 0.5, "warning"),
        (0.7, 0.9, 0.5, "warning"),
        (0.7, 0.9, 0.001, "critical"),  # used
        (0.55, 0.99, 0.001, "passed"),  # says nothing of the class
        (0.99, 0.55, 0.5, "passed"),  # is not in the picture
    ],
)
def test_grades_of_an_attribute(utility, within, p, grade):
    (finding,) = judge_attributes(tables(utility, within, p))
    assert finding.grade == grade
    assert ("use it:" in finding.text) == (p < 0.05)
