"""Calibration and decisions of finished runs: who may be chosen on, what is written, what is refused."""

import json

import numpy as np
import pandas as pd
import pytest
from calibrated_runs import CLASSES, predictions_of, run_of

from pxr_tf import files
from pxr_tf.errors import PxrError
from pxr_tf.evaluation.calibration import apply_temperature
from pxr_tf.evaluation.decisions import SENSITIVITY, YOUDEN, Rule
from pxr_tf.evidence.calibrated import read_calibration, write_calibration
from pxr_tf.evidence.crossfit import FEWEST_TO_FIT, OTHER_FOLDS, VALIDATION, cross_fit
from pxr_tf.report.calibration import FIGURE, write_calibration_figure
from pxr_tf.runs.finished import open_run


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A run that is too sure, with its tables."""
    run = run_of(tmp_path_factory.mktemp("run"), predictions_of(150, 3, sharp=4.0))
    return run, write_calibration(run, (Rule(YOUDEN), Rule(SENSITIVITY, 0.9)), {"covid19": 0.05})


def test_no_patient_is_chosen_on_and_judged(tmp_path):
    """A patient that two folds test is planted: neither fold may choose on it."""
    table = predictions_of(90, 3)
    planted = table.patient_id == "test0000"
    again = table[planted].assign(fold="1")
    rows = cross_fit(run_of(tmp_path, table, again))
    assert rows.source == OTHER_FOLDS
    assert [len(one.truth) for one in rows.fitting] == [120, 118, 122]  # of 180 images, and 2 that are tested twice
    assert len(rows.judged.truth) == 182


@pytest.mark.parametrize(("patients", "source"), [(400, VALIDATION), (60, OTHER_FOLDS)])
def test_validation_rows_are_used_if_every_fold_has_enough(tmp_path, patients, source):
    validating = predictions_of(patients, 3, role="val", seed=1)
    rows = cross_fit(run_of(tmp_path, predictions_of(90, 3), validating))
    assert rows.source == source
    if source == VALIDATION:
        assert [len(one.truth) for one in rows.fitting] == [(validating.fold == fold).sum() for fold in "012"]


def test_one_fold_without_validation_rows_means_the_other_folds(tmp_path):
    validating = predictions_of(400, 3, role="val", seed=1)
    rows = cross_fit(run_of(tmp_path, predictions_of(90, 3), validating[validating.fold != "1"]))
    assert rows.source == OTHER_FOLDS


def test_a_single_fold_needs_validation_rows(tmp_path):
    with pytest.raises(PxrError, match=f"one fold.* 0 patients of class covid19; {FEWEST_TO_FIT} of.*Cross-validate"):
        cross_fit(run_of(tmp_path, predictions_of(90, 1)))


def test_an_absent_class_is_named(tmp_path):
    table = predictions_of(90, 3)
    with pytest.raises(PxrError, match="Class normal has no image in the held-out rows"):
        cross_fit(run_of(tmp_path / "a", table[table.label != "normal"]))
    with pytest.raises(PxrError, match="Class normal has no image in the rows outside fold 0"):
        cross_fit(run_of(tmp_path / "b", table[(table.label != "normal") | (table.fold == "0")]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"p_normal": 0.9}, "of test0000 add up to .* instead of 1"),
        ({"p_normal": np.nan}, "of test0000 add up to nan"),
        ({"label": "viral"}, "viral has no column"),
    ],
)
def test_edited_predictions_are_refused(tmp_path, change, said):
    table = predictions_of(90, 3).astype(object)
    table.loc[0, list(change)] = list(change.values())
    with pytest.raises(PxrError, match=f"predictions.csv in .* was edited or damaged: .*{said}"):
        cross_fit(run_of(tmp_path, table))


def test_a_prediction_that_is_not_the_most_probable_class_is_refused(tmp_path):
    table = predictions_of(90, 3)
    names = [name for name in table if name.startswith("p_")]
    least = table[names].iloc[0].idxmin().removeprefix("p_")
    table.loc[0, "predicted"] = least
    with pytest.raises(PxrError, match=f"{least}, predicted for test0000, is not its most probable class"):
        cross_fit(run_of(tmp_path, table))


def test_missing_test_images_are_refused(tmp_path):
    run = run_of(tmp_path, predictions_of(90, 3))
    files.write_csv(run.folder / "predictions.csv", run.predictions.iloc[5:])
    with pytest.raises(PxrError, match="5 test images of 180 are missing"):
        cross_fit(open_run(run.folder))


def test_calibration_of_other_predictions_is_not_read(tmp_path):
    run = run_of(tmp_path, predictions_of(90, 3))
    write_calibration(run)
    assert read_calibration(run) is not None
    files.write_csv(run.folder / "predictions.csv", run.predictions.iloc[::-1])
    assert read_calibration(run) is None


@pytest.mark.parametrize(("file", "text"), [("calibration.json", "{"), ("decisions.csv", "threshold\nhigh\n")])
def test_a_damaged_table_of_calibration_names_the_command_that_writes_it(tmp_path, file, text):
    run = run_of(tmp_path / "my run", predictions_of(90, 3))
    write_calibration(run)
    (run.folder / file).write_text(text)
    with pytest.raises(PxrError, match=f"{file} was damaged") as caught:
        read_calibration(run)
    assert f"pxr calibrate '{run.folder}'" in str(caught.value)
    assert "Delete" not in str(caught.value)


def test_a_probability_that_is_no_number_is_refused(tmp_path):
    table = predictions_of(90, 3).astype(object)
    table.loc[0, "p_normal"] = "much"
    with pytest.raises(PxrError, match="predictions.csv was damaged or edited: .*much"):
        cross_fit(run_of(tmp_path, table))


def test_a_temperature_calibrates_rows_that_it_did_not_see(written):
    _, tables = written
    found = tables.calibration
    assert found["temperature"] == pytest.approx(4, rel=0.25)
    assert set(found["temperatures"]) == {"0", "1", "2"}
    assert found["after"]["calibration_error"]["value"] < found["before"]["calibration_error"]["value"]
    assert found["squared_error_change"]["high"] < 0 and found["log_loss_change"]["high"] < 0
    assert " lowers the calibration error" in found["sentences"][0]


def test_a_useless_temperature_is_called_so(tmp_path):
    """Folds whose faults are opposite: each gets the temperature that the other needs."""
    tables = [predictions_of(90, 1, sharp=4, seed=2), predictions_of(90, 1, sharp=0.25, seed=3)]
    second = tables[1].assign(fold="1", image_id="x" + tables[1].image_id, patient_id="x" + tables[1].patient_id)
    found = write_calibration(run_of(tmp_path, tables[0], second)).calibration
    assert found["squared_error_change"]["value"] > 0
    assert "does not lower" in found["sentences"][0]


def test_thresholds_are_judged_with_those_of_their_own_fold(written):
    """The oracle counts, fold by fold, with the thresholds in the table."""
    run, tables = written
    table, rows = run.predictions, tables.decisions
    found = rows[(rows["class"] == "covid19") & (rows.rule == "sensitivity >= 0.9")].set_index("fold")
    acts = table.p_covid19 >= table.fold.map(found.threshold)
    actual = table.label == "covid19"
    sensitivity, specificity = acts[actual].mean(), (~acts)[~actual].mean()
    pooled = found.loc["pooled"]
    assert (pooled.sensitivity, pooled.specificity) == pytest.approx((sensitivity, specificity))
    assert pooled.ppv == pytest.approx(sensitivity * 0.05 / (sensitivity * 0.05 + (1 - specificity) * 0.95))
    assert pooled.sensitivity_low < pooled.sensitivity < pooled.sensitivity_high
    fitted = table[(table.fold != "0") & actual]
    assert (fitted.p_covid19 >= found.threshold["0"]).mean() >= 0.9


def test_net_benefit_has_the_three_policies(written):
    """The oracle counts; without a prevalence that was set, calibrated probabilities have the fold's temperature."""
    run, tables = written
    table, rows = run.predictions, tables.net_benefit
    found = rows[(rows["class"] == "normal") & np.isclose(rows.threshold, 0.4)].set_index("policy").net_benefit
    temperatures = table.fold.map(tables.calibration["temperatures"]).to_numpy()[:, None]
    shares = apply_temperature(table[[f"p_{name}" for name in CLASSES]].to_numpy(float), temperatures)
    actual = table.label == "normal"
    policies = {"model": table.p_normal >= 0.4, "calibrated": shares[:, 1] >= 0.4, "everyone": actual | True}
    for policy, acts in policies.items():
        expected = ((acts & actual).sum() - (acts & ~actual).sum() * 0.4 / 0.6) / len(table)
        assert found[policy] == pytest.approx(expected)
    assert len(set(found.round(6))) == 3


def test_referring_unsure_images_leaves_fewer_errors(written):
    _, tables = written
    curve = tables.risk_coverage
    assert (curve.kept.iloc[0], curve.images.iloc[0]) == (1, 300)
    assert curve.accuracy.iloc[0] == pytest.approx(
        (written[0].predictions.predicted == written[0].predictions.label).mean()
    )
    assert curve.accuracy.iloc[10] > curve.accuracy.iloc[0]
    assert (np.diff(curve.kept) <= 0).all()


def test_sets_cover_held_out_folds(written):
    _, tables = written
    rows = tables.conformal
    assert (rows.low <= rows.promised).all() and (rows.high >= rows.promised).all()
    assert list(rows["class"].unique()) == [*CLASSES, "all"]
    assert rows["size"].between(1, 3).all()


def test_files_hold_what_is_returned(written):
    run, tables = written
    names = {"bins": "calibration", "decisions": "", "net_benefit": "", "risk_coverage": "", "conformal": ""}
    for name, file in names.items():
        table = pd.read_csv(run.folder / f"{file or name}.csv")
        assert list(table) == [*getattr(tables, name), "origin", "split"]
        assert len(table) == len(getattr(tables, name))
    saved = json.loads((run.folder / "calibration.json").read_text())
    assert saved["temperature"] == pytest.approx(tables.calibration["temperature"])
    assert saved["sentences"] == tables.calibration["sentences"]


def test_the_figure_has_all_formats(written):
    run, tables = written
    write_calibration_figure(run, tables, ("png", "svg"))
    assert (run.folder / FIGURE).stat().st_size > 10_000
    assert (run.folder / FIGURE).with_suffix(".svg").stat().st_size > 10_000


def test_two_classes_have_one_set_of_thresholds(tmp_path):
    table = predictions_of(90, 3)
    two = table[table.label != "covid19"].drop(columns="p_covid19")
    total = two.p_normal + two.p_pneumonia
    two = two.assign(p_normal=two.p_normal / total, p_pneumonia=two.p_pneumonia / total)
    two["predicted"] = np.where(two.p_normal >= two.p_pneumonia, "normal", "pneumonia")
    tables = write_calibration(run_of(tmp_path, two))
    assert set(tables.decisions["class"]) == set(tables.net_benefit["class"]) == {"pneumonia"}
    assert set(tables.conformal["class"]) == {"normal", "pneumonia", "all"}
