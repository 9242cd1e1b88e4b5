"""Metrics against scikit-learn and by hand, on random predictions with ties and with missing classes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_tables import CLASSES, make_predictions, random_predictions
from sklearn import metrics as sk

from pxr_tf.data.predictions import read_predictions
from pxr_tf.evaluation import metrics
from pxr_tf.evaluation.weighted import class_names
from pxr_tf.files import write_csv


def value(table: pd.DataFrame, name: str, metric: str) -> float:
    return table[(table["class"] == name) & (table.metric == metric)].value.item()


@settings(max_examples=12)
@given(st.integers(0, 10_000), st.integers(4, 80), st.sampled_from([2, 8, 1000]))
def test_every_metric_agrees_with_scikit_learn(seed, rows, levels):
    table = random_predictions(seed, rows, levels)
    truth, predicted = table.label, table.predicted
    found = metrics.score(table)
    assert value(found, "all", "accuracy") == pytest.approx(sk.accuracy_score(truth, predicted))
    assert value(found, "all", "balanced_accuracy") == pytest.approx(
        sk.recall_score(truth, predicted, average="macro", labels=CLASSES)
    )
    shares = table[[f"p_{name}" for name in CLASSES]].to_numpy() + 1e-3
    shares /= shares.sum(1, keepdims=True)
    sure = table.assign(**{f"p_{name}": shares[:, number] for number, name in enumerate(CLASSES)})
    assert value(metrics.score(sure), "all", "log_loss") == pytest.approx(sk.log_loss(truth, shares, labels=CLASSES))
    theirs = sk.precision_recall_fscore_support(truth, predicted, labels=CLASSES, zero_division=0)
    for metric, values in zip(("precision", "sensitivity", "f1", "support"), theirs, strict=True):
        assert [value(found, name, metric) for name in CLASSES] == pytest.approx(list(values))
    aucs = [sk.roc_auc_score(truth == name, table[f"p_{name}"]) for name in CLASSES]
    assert [value(found, name, "auc") for name in CLASSES] == pytest.approx(aucs)
    assert value(found, "all", "auc") == pytest.approx(np.mean(aucs))
    averages = [sk.average_precision_score(truth == name, table[f"p_{name}"]) for name in CLASSES]
    assert [value(found, name, "average_precision") for name in CLASSES] == pytest.approx(averages)
    assert value(metrics.score(sure), "all", "brier") == pytest.approx(
        sk.brier_score_loss(truth, shares, labels=CLASSES, scale_by_half=False)
    )
    specificity = [sk.recall_score(truth != name, predicted != name) for name in CLASSES]
    assert [value(found, name, "specificity") for name in CLASSES] == pytest.approx(specificity)
    counts = metrics.confusion_matrix(table)
    assert counts.to_numpy().tolist() == sk.confusion_matrix(truth, predicted, labels=CLASSES).tolist()
    assert (list(counts.index), list(counts.columns)) == (list(CLASSES), list(CLASSES))


BY_HAND = make_predictions(
    ["bacterial"] * 4 + ["covid19"] * 2 + ["normal"] * 4,
    np.eye(3)[[0, 0, 0, 1, 1, 2, 2, 2, 2, 2]],
)


@pytest.mark.parametrize(
    ("name", "metric", "expected"),
    [
        ("all", "accuracy", 8 / 10),
        ("all", "balanced_accuracy", (3 / 4 + 1 / 2 + 1) / 3),
        ("all", "mean_sensitivity_specificity", ((3 / 4 + 1) + (1 / 2 + 7 / 8) + (1 + 5 / 6)) / 6),
        ("all", "log_loss", 0.2 * -np.log(1e-7)),  # two of ten have probability 0, the others 1
        ("all", "support", 10),
        ("bacterial", "sensitivity", 3 / 4),
        ("bacterial", "specificity", 1),
        ("covid19", "precision", 1 / 2),
        ("covid19", "specificity", 7 / 8),
        ("covid19", "f1", 1 / 2),
        ("normal", "precision", 4 / 5),
        ("normal", "specificity", 5 / 6),
        ("normal", "auc", (4 * 5 + 4 * 0.5) / 24),
        ("normal", "support", 4),
    ],
)
def test_metrics_by_hand(name, metric, expected):
    assert value(metrics.score(BY_HAND), name, metric) == pytest.approx(expected)


@pytest.mark.parametrize(
    "metric",
    [
        metrics.sensitivity,
        metrics.specificity,
        metrics.precision,
        metrics.f1,
        metrics.accuracy,
        metrics.balanced_accuracy,
        metrics.mean_sensitivity_specificity,
    ],
)
def test_many_confusion_matrices_give_the_values_of_each(metric):
    """Each of them, also one without images, and one without images of a class."""
    counts = np.random.default_rng(0).integers(0, 9, (4, 3, 3)).astype(float)
    counts[1], counts[2, 1] = 0, 0
    assert metric(counts) == pytest.approx(np.array([metric(one) for one in counts]), nan_ok=True)


def test_a_class_without_rows_has_no_sensitivity_and_is_left_out_of_the_mean():
    table = make_predictions(["bacterial", "bacterial", "normal"], np.eye(3)[[0, 1, 2]])
    found = metrics.score(table)
    assert value(found, "all", "auc") == np.mean([value(found, name, "auc") for name in ("bacterial", "normal")])
    assert [np.isnan(value(found, "covid19", metric)) for metric in metrics.CLASS_METRICS] == [
        metric in ("sensitivity", "f1", "auc", "average_precision") for metric in metrics.CLASS_METRICS
    ]
    assert value(found, "all", "balanced_accuracy") == pytest.approx((1 / 2 + 1) / 2)
    assert value(found, "covid19", "precision") == 0
    assert value(found, "covid19", "specificity") == pytest.approx(2 / 3)


def test_the_confusion_matrix_has_a_row_and_a_column_for_every_class_in_the_tables_own_order():
    table = make_predictions(["normal", "normal", "bacterial"], np.eye(3)[[1, 2, 0]])
    table = table[["label", "predicted", "p_normal", "p_covid19", "p_bacterial"]]
    counts = metrics.confusion_matrix(table)
    assert (list(counts.index), list(counts.columns)) == (["normal", "covid19", "bacterial"],) * 2
    assert counts.to_numpy().tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]


def test_a_class_that_is_never_predicted_has_precision_0():
    found = metrics.score(make_predictions(["bacterial", "covid19"], np.eye(3)[[0, 0]]))
    assert value(found, "covid19", "precision") == 0
    assert value(found, "covid19", "sensitivity") == 0


@pytest.mark.parametrize(("count", "expected"), [(0, 0), (1, 1), (2, 1 / 2)])
def test_the_accuracy_of_none_one_and_two_images(count, expected):
    table = make_predictions(["normal", "bacterial"], np.eye(3)[[2, 2]])[:count]
    found = metrics.score(table)
    assert value(found, "all", "accuracy") == expected
    assert np.isnan(value(found, "all", "balanced_accuracy")) == (count == 0)


def test_a_single_class_has_no_specificity_and_no_auc():
    found = metrics.score(make_predictions(["normal"] * 3, np.eye(3)[[2, 2, 0]]))
    assert np.isnan(value(found, "normal", "specificity"))
    assert np.isnan(value(found, "normal", "auc"))
    assert np.isnan(value(found, "all", "auc"))


@pytest.fixture
def folded() -> pd.DataFrame:
    folds = [str(number % 12) for number in range(120)]
    return random_predictions(1, rows=120).assign(fold=folds)


def test_mean_sd_and_pooled_rows(folded):
    table = metrics.score_folds(folded)
    assert list(table.fold.unique()) == [*map(str, range(12)), "mean", "sd", "pooled"]  # 2 before 10
    assert list(table.columns) == ["fold", "class", "metric", "value"]
    assert not table.duplicated(["fold", "class", "metric"]).any()
    assert table.index.equals(pd.RangeIndex(len(table)))
    values = [value(metrics.score(folded[folded.fold == str(fold)]), "all", "balanced_accuracy") for fold in range(12)]
    assert metrics.value_of(table, "mean", "all", "balanced_accuracy") == pytest.approx(np.mean(values))
    assert metrics.value_of(table, "sd", "all", "balanced_accuracy") == pytest.approx(np.std(values, ddof=1))
    assert metrics.value_of(table, "pooled", "all", "accuracy") == pytest.approx(
        sk.accuracy_score(folded.label, folded.predicted)
    )
    assert metrics.value_of(table, "pooled", "covid19", "support") == (folded.label == "covid19").sum()
    assert metrics.value_of(table, 3, "all", "support") == 10


def test_the_mean_of_a_class_leaves_out_folds_without_it(folded):
    table = folded[(folded.fold != "0") | (folded.label != "covid19")]
    found = metrics.score_folds(table)
    assert np.isnan(metrics.value_of(found, "0", "covid19", "sensitivity"))
    assert not np.isnan(metrics.value_of(found, "mean", "covid19", "sensitivity"))


def test_row_order_is_irrelevant(folded):
    shuffled = metrics.score_folds(folded.sample(frac=1, random_state=0))
    pd.testing.assert_frame_equal(shuffled, metrics.score_folds(folded))


def test_files_round_trip_even_for_a_class_called_na(tmp_path, folded):
    table = folded.rename(columns={"p_covid19": "p_NA"}).replace({"covid19": "NA"})
    write_csv(tmp_path / "predictions.csv", table)
    read = read_predictions(tmp_path / "predictions.csv")
    assert class_names(read) == ["bacterial", "NA", "normal"]
    assert all(read[f"p_{name}"].dtype == float for name in class_names(read))
    assert set(read.fold) == set(table.fold)  # still text
    pd.testing.assert_frame_equal(metrics.score_folds(read), metrics.score_folds(table), check_dtype=False)
    write_csv(tmp_path / "metrics.csv", metrics.score_folds(table))
    found = metrics.read_metrics(tmp_path / "metrics.csv")
    assert found.value.isna().sum() == metrics.score_folds(table).value.isna().sum()
    assert metrics.value_of(found, "pooled", "NA", "support") == (table.label == "NA").sum()


def test_folds_that_are_all_numbers_are_read_as_text(tmp_path, folded):
    table = metrics.score_folds(folded)
    write_csv(tmp_path / "metrics.csv", table[table.fold.isin(["2", "11"])])
    assert metrics.value_of(metrics.read_metrics(tmp_path / "metrics.csv"), "11", "all", "support") == 10


def test_a_new_metric_is_one_function_and_one_line(folded, monkeypatch):
    monkeypatch.setitem(
        metrics.OVERALL_METRICS, "errors", lambda one: one.counts.sum((1, 2)) - np.trace(one.counts, 0, 1, 2)
    )
    monkeypatch.setitem(
        metrics.CLASS_METRICS, "false_alarms", lambda one: one.counts.sum(1) - np.diagonal(one.counts, 0, 1, 2)
    )
    table = metrics.score_folds(folded)
    wrong = (folded.label != folded.predicted).sum()
    assert metrics.value_of(table, "pooled", "all", "errors") == wrong
    assert sum(metrics.value_of(table, "pooled", name, "false_alarms") for name in CLASSES) == wrong


def test_folds_may_have_any_names_and_numbers_come_first(folded):
    names = {"0": "official", "1": "random", "2": "11", "3": "2"}
    table = metrics.score_folds(folded[folded.fold.isin(names)].assign(fold=lambda table: table.fold.map(names)))
    assert list(table.fold.unique()) == ["2", "11", "official", "random", "mean", "sd", "pooled"]


def test_one_fold_has_no_sd(folded):
    table = metrics.score_folds(folded.assign(fold="official"))
    assert np.isnan(metrics.value_of(table, "sd", "all", "accuracy"))
    for fold in ("mean", "pooled"):
        assert metrics.value_of(table, fold, "all", "accuracy") == metrics.value_of(
            table, "official", "all", "accuracy"
        )


def test_validation_rows_never_count(folded):
    roles = ["val" if number % 3 == 0 else "test_balanced" if number % 3 == 1 else "test" for number in range(120)]
    table = folded.assign(role=roles)
    held_out = table[table.role != "val"]
    pd.testing.assert_frame_equal(metrics.score_folds(table), metrics.score_folds(held_out.drop(columns="role")))
    for reading in metrics.READINGS:
        assert "val" not in set(metrics.select_rows(table, table, reading).role)


def test_balanced_rows_count_in_their_own_fold():
    table = BY_HAND.assign(fold=["0", "1"] * 5)
    splits = pd.DataFrame(
        [("i0", "0", "test_balanced"), ("i1", "1", "test"), ("i1", "holdout", "test_balanced"), ("i2", "0", "train")],
        columns=["image_id", "fold", "role"],
    )
    assert metrics.select_rows(table, splits, "balanced").image_id.tolist() == ["i0"]
    assert len(metrics.select_rows(table, splits, "all")) == 10


def test_splits_without_balanced_rows_have_one_reading():
    splits = pd.DataFrame({"role": ["train", "test"]})
    assert metrics.possible_readings(splits, "balanced") == ("all",)
    splits.loc[2] = "test_balanced"
    assert metrics.possible_readings(splits, "balanced") == ("balanced", "all")
    assert metrics.possible_readings(splits, "all") == ("all", "balanced")


def test_seeds_are_summarised_from_each_seeds_mean_over_folds():
    tables = {seed: metrics.score_folds(random_predictions(seed).assign(fold=["0", "1"] * 30)) for seed in (3, 5, 8)}
    summary = metrics.summarise_seeds(tables)
    assert list(summary.columns) == ["class", "metric", "mean", "sd", "seeds"]
    order = metrics.score(random_predictions(3))  # not alphabetical
    assert summary[["class", "metric"]].equals(order[["class", "metric"]])
    row = summary[(summary["class"] == "covid19") & (summary.metric == "sensitivity")].iloc[0]
    values = [metrics.value_of(table, "mean", "covid19", "sensitivity") for table in tables.values()]
    assert (row["mean"], row.sd, row.seeds) == (
        pytest.approx(np.mean(values)),
        pytest.approx(np.std(values, ddof=1)),
        3,
    )


def test_one_seed_has_no_sd():
    summary = metrics.summarise_seeds({0: metrics.score_folds(random_predictions(0))})
    assert summary.sd.isna().all()
    assert (summary.seeds <= 1).all()


def test_both_of_two_classes_have_the_same_area_under_the_curve():
    """1 - p has fewer digits than a small p: the first class's own column would have ties that the second lacks."""
    small = np.array([1e-9, 2e-9, 3e-9, 4e-9, 0.9, 0.8])
    table = pd.DataFrame({"label": ["a", "b", "a", "b", "b", "a"], "fold": "0", "predicted": "a"})
    table = table.assign(p_a=np.float32(1) - small.astype(np.float32), p_b=small)
    assert table.p_a.nunique() < table.p_b.nunique()
    scores = metrics.score(table)
    assert value(scores, "a", "auc") == pytest.approx(value(scores, "b", "auc"))
    assert value(scores, "b", "auc") == pytest.approx(sk.roc_auc_score(table.label == "b", small))
