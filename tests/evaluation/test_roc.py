"""ROC curves and operating points: scikit-learn's areas, thresholds by hand, ties, missing classes, honesty."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from pxr_tf.evaluation import metrics, roc
from pxr_tf.files import write_csv

THREE = ("bacterial", "normal", "viral")


def make_rows(labels, scores, role="test", fold="0", classes=("normal", "pneumonia")) -> pd.DataFrame:
    """Return predictions of two classes from the scores of the second."""
    scores = np.asarray(scores, float)
    table = pd.DataFrame({"label": labels, "p_" + classes[0]: 1 - scores, "p_" + classes[1]: scores})
    table["predicted"] = np.where(scores > 0.5, classes[1], classes[0])
    return table.assign(fold=fold, role=role)


def of(labels: str) -> list[str]:
    return [{"n": "normal", "p": "pneumonia"}[letter] for letter in labels]


def random_rows(seed: int, rows: int, levels: int, classes=THREE, role="test", fold="0") -> pd.DataFrame:
    """Return random predictions; few levels of probability, so that many tie."""
    random = np.random.default_rng(seed)
    probabilities = random.integers(0, levels, (rows, len(classes))) / levels
    table = pd.DataFrame({f"p_{name}": probabilities[:, number] for number, name in enumerate(classes)})
    table["label"] = random.choice(classes, rows)
    table["predicted"] = np.array(classes)[probabilities.argmax(1)]
    return table.assign(fold=fold, role=role)


def point(table, rule, role, fold="0", name="pneumonia") -> pd.Series:
    found = table[(table.fold == fold) & (table.rule == rule) & (table.role == role) & (table["class"] == name)]
    return found.squeeze()


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(8, 60), st.sampled_from([2, 5, 1000]))
def test_areas_are_scikit_learns_and_each_point_is_what_its_threshold_gives(seed, count, levels):
    table = random_rows(seed, count, levels)
    curves = roc.trace_curves(table)
    for name in THREE:
        actual, scores = (table.label == name).to_numpy(), table[f"p_{name}"].to_numpy()
        curve = curves[curves["class"] == name]
        if actual.all() or not actual.any():
            assert curve.empty
            continue
        area = sk.auc(1 - curve.specificity, curve.sensitivity)
        assert area == pytest.approx(sk.roc_auc_score(actual, scores))
        assert len(curve) == len(set(scores)) + 1  # all points, not only the corners
        for row in curve.itertuples():
            called = scores >= row.threshold
            assert row.sensitivity == pytest.approx(called[actual].mean())
            assert row.specificity == pytest.approx(1 - called[~actual].mean())


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(8, 60), st.sampled_from([2, 5, 1000]))
def test_no_other_threshold_balances_both_errors_better(seed, count, levels):
    table = random_rows(seed, count, levels, classes=("normal", "pneumonia"))
    curve = roc.trace_curves(table)
    if curve.empty:
        return
    chosen = curve[curve.threshold == roc.balance_errors(curve)].squeeze()
    gaps = (curve.sensitivity - curve.specificity).abs()[1:]
    assert abs(chosen.sensitivity - chosen.specificity) == pytest.approx(gaps.min())


@pytest.mark.parametrize(
    ("labels", "scores", "threshold"),
    [
        ("nnpp", [0.1, 0.4, 0.6, 0.9], 0.6),  # separated
        ("nnpp", [0.1, 0.6, 0.4, 0.9], 0.6),  # one error of each kind
        ("npnp", [0.2, 0.2, 0.8, 0.8], 0.8),  # ties
        ("nnpp", [0.3] * 4, 0.3),  # constant: all count as pneumonia, as the infinite threshold is never chosen
        ("np", [0.9, 0.1], 0.9),  # reversed: both wrong from 0.9 on, then one error more
        ("npp", [0.5, 0.5, 0.9], 0.9),
    ],
)
def test_the_balancing_threshold_by_hand(labels, scores, threshold):
    curve = roc.trace_curve(roc.against_rest(make_rows(of(labels), scores), "pneumonia"))
    assert roc.balance_errors(curve) == threshold


def test_images_of_one_kind_have_no_curve_and_no_images_have_no_accuracy():
    rows = make_rows(of("nn"), [0.1, 0.2])
    for curve in (roc.trace_curve(roc.against_rest(rows, "pneumonia")), roc.trace_curves(rows)):
        assert curve.empty and list(curve.columns)[-3:] == ["threshold", "sensitivity", "specificity"]
        assert np.isnan(roc.balance_errors(curve))
    nothing = roc.measure_point(roc.against_rest(rows[:0], "pneumonia"), 0.5)
    assert list(nothing) == list(roc.RATES) and np.isnan(nothing["accuracy"])


def test_of_equal_thresholds_the_highest_is_chosen():
    """0.8 gives the rates 0.5 and 0.75, 0.6 gives 0.75 and 0.5: the same gap and the same sum."""
    curve = roc.trace_curve(
        roc.against_rest(make_rows(of("ppnpnnnp"), [0.9, 0.9, 0.8, 0.6, 0.6, 0.4, 0.3, 0.2]), "pneumonia")
    )
    tied = curve[(curve.sensitivity - curve.specificity).abs().round(12) == 0.25]
    assert list(tied.threshold) == [0.8, 0.6] and tied.sensitivity.add(tied.specificity).nunique() == 1
    assert roc.balance_errors(curve) == 0.8
    assert roc.balance_errors(pd.concat([curve[:1], curve[:0:-1]])) == 0.8  # not by the order of the rows


def test_a_threshold_chosen_on_validation_rows_is_applied_to_the_test_rows():
    """In validation, 0.7 and more are all pneumonia. In the test rows, 0.7 finds one of two pneumonias, 0.6 both."""
    validation = make_rows(of("nnpp"), [0.1, 0.65, 0.7, 0.9], role="val")
    test = make_rows(of("nnpp"), [0.1, 0.55, 0.6, 0.9])
    table = roc.find_points(pd.concat([test, validation]))
    assert point(table, "validation", "val")[["threshold", *roc.RATES]].tolist() == [0.7, 1, 1, 1, 1]
    assert point(table, "validation", "test")[["threshold", *roc.RATES]].tolist() == [0.7, 0.5, 1, 1, 0.75]
    assert point(table, "test_optimistic", "test")[["threshold", *roc.RATES]].tolist() == [0.6, 1, 1, 1, 1]
    assert point(table, "as_predicted", "test")[["threshold", *roc.RATES]].tolist() == [0.5, 1, 0.5, 2 / 3, 0.75]
    assert len(table[table.fold == "0"]) == 6  # three rules on both roles, for the second class only


def test_the_validation_threshold_does_not_depend_on_the_test_rows():
    validation = make_rows(of("nnpp"), [0.1, 0.65, 0.7, 0.9], role="val")
    tests = [make_rows(of("nnpp"), scores) for scores in ([0.1, 0.2, 0.3, 0.4], [0.99, 0.98, 0.2, 0.1])]
    found = [point(roc.find_points(pd.concat([test, validation])), "validation", "test").threshold for test in tests]
    assert found == [0.7, 0.7]


@pytest.mark.parametrize("lacking", ["all", "pneumonia"])
def test_without_validation_rows_of_both_kinds_no_threshold_is_chosen(lacking):
    test = make_rows(of("nnpp"), [0.1, 0.55, 0.6, 0.9])
    validation = make_rows(of("nn"), [0.1, 0.2], role="val")
    rows = test if lacking == "all" else pd.concat([test, validation])
    table = roc.find_points(rows)
    assert set(table.rule) == {"as_predicted"}
    assert set(roc.trace_curves(rows).role) == {"test"}
    values = point(table, "as_predicted", "test", fold="mean")[list(roc.RATES)].tolist()
    assert values == pytest.approx([1, 0.5, 2 / 3, 0.75])


def test_without_test_rows_only_the_validation_threshold_is_chosen():
    table = roc.find_points(make_rows(of("nnpp"), [0.1, 0.65, 0.7, 0.9], role="val"))
    assert set(table.rule) == {"validation", "as_predicted"} and set(table.role) == {"val"}


def test_rates_of_a_class_average_the_folds_whose_test_rows_have_it():
    validation = [make_rows(of("nnpp"), [0.1, 0.6, 0.7, 0.9], role="val", fold=fold) for fold in ("0", "1")]
    rows = pd.concat(
        [make_rows(of("nnpp"), [0.1, 0.2, 0.8, 0.9]), make_rows(of("nn"), [0.1, 0.8], fold="1"), *validation]
    )
    table = roc.find_points(rows)
    alone = point(table, "validation", "test", fold="1")
    assert (np.isnan(alone.sensitivity), alone.specificity, alone.precision) == (True, 0.5, 0)
    assert table[(table.fold == "1") & (table.rule == "test_optimistic")].empty
    mean, sd = (point(table, "validation", "test", fold=fold) for fold in ("mean", "sd"))
    assert (mean.sensitivity, mean.specificity, mean.threshold) == (1, 0.75, pytest.approx(0.7))
    assert (np.isnan(sd.sensitivity), sd.specificity) == (True, pytest.approx(0.5 / np.sqrt(2)))


def test_each_of_three_classes_has_a_curve_but_no_threshold_as_predicted():
    rows = pd.concat([random_rows(0, 60, 100), random_rows(1, 60, 100, role="val")])
    assert set(roc.trace_curves(rows)["class"]) == set(THREE)
    table = roc.find_points(rows)
    assert set(table["class"]) == set(THREE)
    found = point(table, "as_predicted", "test", name="viral")
    counts = metrics.confusion_matrix(rows[rows.role == "test"]).to_numpy()
    assert np.isnan(found.threshold)
    viral = THREE.index("viral")
    assert (found.sensitivity, found.precision) == (
        metrics.sensitivity(counts)[viral],
        metrics.precision(counts)[viral],
    )


def test_folds_are_in_order_and_numbers_are_read_back(tmp_path):
    classes = ("NA", "normal", "viral")  # a class whose name pandas would read as a missing value
    rows = pd.concat([random_rows(fold, 40, 9, classes, fold=str(fold)) for fold in (10, 2)])
    table = roc.find_points(rows)
    assert list(table.fold.unique()) == ["2", "10", "mean", "sd"]
    write_csv(tmp_path / "thresholds.csv", table)
    read = roc.read_points(tmp_path / "thresholds.csv")
    pd.testing.assert_frame_equal(read, table, check_dtype=False, rtol=1e-6)
    assert list(roc.trace_curves(rows).fold.unique()) == ["2", "10"]


def test_seeds_are_summarised_from_each_seeds_mean_over_folds():
    tables = {
        seed: roc.find_points(pd.concat([random_rows(seed + fold, 40, 9, fold=str(fold)) for fold in (0, 1)]))
        for seed in (3, 8)
    }
    found = roc.summarise_points(tables)
    means = [point(table, "as_predicted", "test", "mean", "viral").sensitivity for table in tables.values()]
    where = ("viral", "as_predicted", "test")
    assert found.mean.sensitivity[where] == pytest.approx(np.mean(means))
    assert found.sd.sensitivity[where] == pytest.approx(np.std(means, ddof=1))
    one = roc.mean_points(tables[3])
    assert one.mean.sensitivity[where] == pytest.approx(means[0])
    folds = [point(tables[3], "as_predicted", "test", fold, "viral").sensitivity for fold in ("0", "1")]
    assert one.sd.sensitivity[where] == pytest.approx(np.std(folds, ddof=1))
    assert np.isnan(roc.summarise_points({3: tables[3]}).sd.sensitivity[where])


def test_which_rows_count():
    rows = pd.concat([make_rows(of("npnp"), [0.1, 0.9, 0.2, 0.8]), make_rows(of("np"), [0.1, 0.9], role="val")])
    rows["image_id"] = list("abcdef")
    splits = rows[["image_id", "fold"]].assign(role=["test_balanced", "test", "test", "test_balanced", "val", "val"])
    for reading, images in (("balanced", "adef"), ("all", "abcdef")):
        found = roc.rows_by_role(rows, splits, reading)
        assert (found.image_id.tolist(), found.role.tolist()[-2:]) == (list(images), ["val", "val"])
    old = roc.rows_by_role(rows[:4].drop(columns="role"), splits, "all")  # tables of earlier versions have no role
    assert set(old.role) == {"test"}
