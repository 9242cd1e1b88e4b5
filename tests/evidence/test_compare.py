"""Comparisons of finished runs: figures against the functions that they come from, and every refusal in one line."""

import numpy as np
import pandas as pd
import pytest
from messages import TWICE, any_of, refused
from scipy.stats import norm, ttest_rel
from written_runs import write_run

from pxr_tf import files
from pxr_tf.evaluation import metrics
from pxr_tf.evaluation.comparisons import corrected_t, delong, holm, mcnemar, rope
from pxr_tf.evaluation.differences import find_difference
from pxr_tf.evidence.compare import compare_runs, write_comparison

CLASSES = ("normal", "pneumonia")
PATIENTS = 120


def write_tested(folder, seed=0, *, folds=5, shift=1.0, classes=CLASSES, split_seed=0, patients=PATIENTS, **options):
    """Write a finished run: patients with one or two images, in as many folds; predictions are drawn with the seed."""
    write_run(folder, classes=classes, test_rows="all", scheme="folds" if folds > 1 else "official", **options)
    split, random = np.random.default_rng(split_seed), np.random.default_rng(seed)
    owner = np.concatenate([np.arange(patients), np.arange(0, patients, 3)])
    fold = split.permutation(np.arange(patients) % folds)[owner] if folds > 1 else np.zeros(len(owner), int)
    truth = owner % len(classes)
    chances = np.exp(random.normal(size=(len(owner), len(classes))) + shift * np.eye(len(classes))[truth])
    chances /= chances.sum(1, keepdims=True)
    table = pd.DataFrame({"image_id": [f"i{n:03}" for n in range(len(owner))], "patient_id": owner.astype(str)})
    table = table.assign(source="s", label=np.array(classes)[truth], fold=fold.astype(str), role="test")
    table["predicted"] = np.array(classes)[chances.argmax(1)]
    files.write_csv(
        folder / "predictions.csv", table.assign(**dict(zip([f"p_{c}" for c in classes], chances.T, strict=True)))
    )
    rows = [table.assign(fold=name, role=np.where(table.fold == name, "test", "train")) for name in table.fold.unique()]
    files.write_csv(folder / "splits.csv", pd.concat(rows)[["image_id", "fold", "role"]])
    manifest = table[["image_id", "label", "patient_id", "source"]].assign(path="", official_split="", content="c")
    files.write_csv(folder / "manifest.csv", manifest)
    return folder


def write_seeds(folder, seeds, **options):
    """Write runs of these seeds; each seed has its own folds and its own recipe."""
    for seed in seeds:
        place = write_tested(folder / f"seed-{seed}", seed + 100 * len(folder.name), split_seed=seed, **options)
        recipe = place / "experiment.yaml"
        recipe.write_text(recipe.read_text().replace("seed: 0\n", f"seed: {seed}\n"))
        assert seed == 0 or f"seed: {seed}\n" in recipe.read_text()
    return folder


def row_of(table, metric, name="all"):
    ((_, row),) = table[(table.metric == metric) & (table["class"] == name)].iterrows()
    return row


def read(folder):
    return pd.read_csv(folder / "predictions.csv", dtype={"fold": str, "patient_id": str})


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    here = tmp_path_factory.mktemp("runs")
    return write_tested(here / "a" / "seed-0"), write_tested(here / "b" / "seed-0", 1, shift=1.8)


@pytest.fixture(scope="module")
def table(pair):
    return compare_runs(pair).table


def test_values_are_those_of_the_metrics_tables_and_differences_are_second_minus_first(pair, table):
    for which, folder in zip(("first", "second"), pair, strict=True):
        scored = metrics.score_folds(read(folder))
        for _, row in table.iterrows():
            assert row[f"{which}_value"] == pytest.approx(metrics.value_of(scored, "mean", row["class"], row.metric))
    assert table.difference.to_numpy() == pytest.approx((table.second_value - table.first_value).to_numpy())
    assert ((table.low < table.difference) & (table.difference < table.high)).all()
    assert list(table.metric) == ["accuracy", "balanced_accuracy", "auc", "log_loss", "sensitivity", "sensitivity"]


def test_tests_over_folds_take_the_differences_of_the_folds(pair, table):
    scored = [metrics.score_folds(read(folder)) for folder in pair]
    for name, metric in (("all", "accuracy"), ("pneumonia", "sensitivity")):
        values = [np.array([metrics.value_of(one, fold, name, metric) for fold in range(5)]) for one in scored]
        row = row_of(table, metric, name)
        assert row.fold_p == pytest.approx(corrected_t(values[1] - values[0], 0.2).p, rel=0.02)  # folds differ in size
        assert row.fold_p > 1.5 * ttest_rel(*values).pvalue
        assert row[["worse", "equal", "better"]].tolist() == pytest.approx(rope(values[1] - values[0], 0.2), abs=0.01)


def test_tests_over_patients(pair, table):
    first, second = map(read, pair)
    right = [(one.predicted == one.label).to_numpy() for one in (first, second)]
    assert row_of(table, "accuracy").patient_p == pytest.approx(mcnemar(*right, first.patient_id.to_numpy()).p)
    sick = (first.label == "pneumonia").to_numpy()
    expected = mcnemar(*(one[sick] for one in right), first.patient_id[sick].to_numpy()).p
    assert row_of(table, "sensitivity", "pneumonia").patient_p == pytest.approx(expected)
    assert table.patient_test.tolist() == ["McNemar", "jackknife", "DeLong", "jackknife", "McNemar", "McNemar"]


def test_delong_is_the_mean_over_independent_folds(pair, table):
    first, second = map(read, pair)
    found = []
    for fold in "01234":
        one, other = (table[table.fold == fold] for table in (first, second))
        actual = (one.label == "pneumonia").to_numpy()
        found.append(
            delong(actual, one.p_pneumonia.to_numpy(), other.p_pneumonia.to_numpy(), one.patient_id.to_numpy())
        )
    z = np.sum([area.value for area in found]) / np.sqrt(np.sum([area.error**2 for area in found]))
    assert row_of(table, "auc").patient_p == pytest.approx(2 * norm.sf(abs(z)))


def test_p_values_are_adjusted_over_the_whole_table(pair, tmp_path):
    third = write_tested(tmp_path / "c", 2)
    table = compare_runs([*pair, third]).table
    assert len(table) == 12 and set(table["first"]) == {str(pair[0])}
    for p in ("patient_p", "fold_p"):
        assert table[f"{p}_holm"].to_numpy() == pytest.approx(holm(table[p].to_numpy()), nan_ok=True)


def test_the_smallest_difference_shrinks_with_the_root_of_the_patients(tmp_path):
    few, many = (
        compare_runs([write_tested(tmp_path / f"{n}{name}", seed, patients=n) for seed, name in enumerate("ab")]).table
        for n in (100, 400)
    )
    assert row_of(few, "accuracy").smallest / row_of(many, "accuracy").smallest == pytest.approx(2, rel=0.15)


def test_several_classes_have_an_area_each(tmp_path):
    classes = ("a", "b", "c")
    table = compare_runs([write_tested(tmp_path / str(seed), seed, classes=classes) for seed in (0, 1)]).table
    assert table[table.patient_test == "DeLong"]["class"].tolist() == list(classes)
    assert row_of(table, "auc").patient_test == "jackknife"


def test_one_fold_has_no_test_over_folds_and_all_else(tmp_path):
    table = compare_runs([write_tested(tmp_path / str(seed), seed, folds=1) for seed in (0, 1)]).table
    assert table[["fold_p", "fold_p_holm", "worse", "equal", "better"]].isna().all(axis=None)
    assert (table.folds == 1).all()
    assert table[["low", "high", "patient_p", "patient_p_holm", "smallest"]].notna().all(axis=None)


def test_equal_predictions_differ_in_nothing_and_show_no_smallest_difference(tmp_path):
    table = compare_runs([write_tested(tmp_path / name, 0) for name in "ab"]).table
    assert (table.difference == 0).all() and (table.patient_p == 1).all()
    assert table[["low", "high", "smallest", "fold_p"]].isna().all(axis=None)


def test_classes_in_another_order_are_the_same_classes(pair, table, tmp_path):
    other = write_tested(tmp_path / "b", 1, shift=1.8, classes=CLASSES)
    turned = read(other)
    files.write_csv(other / "predictions.csv", turned[[*turned.columns[:-2], *turned.columns[:-3:-1]]])
    found = compare_runs([pair[0], other]).table
    pd.testing.assert_frame_equal(found.drop(columns="second"), table.drop(columns="second"))


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    here = tmp_path_factory.mktemp("seeds")
    return write_seeds(here / "a", (0, 1, 2)), write_seeds(here / "bb", (0, 1, 2, 3), shift=1.5)


def test_seeds_are_paired_and_are_a_source_of_their_own(seeds):
    found = compare_runs(seeds)
    row = row_of(found.table, "accuracy")
    values = [
        {
            n: metrics.value_of(metrics.score_folds(read(side / f"seed-{n}")), "mean", "all", "accuracy")
            for n in (0, 1, 2)
        }
        for side in seeds
    ]
    expected = find_difference(values[1], values[0], paired=True)
    assert (row.difference, row.seed_low, row.seed_high) == pytest.approx(expected[:3])
    assert row.seed_sd == pytest.approx(np.std([values[1][n] - values[0][n] for n in (0, 1, 2)], ddof=1))
    assert (row.seeds, row.folds, row.patients) == (3, 15, PATIENTS)
    assert row_of(found.table, "auc").patient_test == "jackknife"  # each patient is tested once per seed
    assert any("Left out" in note and "seed-3" in note for note in found.notes)


def test_seeds_with_the_same_test_images_are_no_folds(tmp_path):
    sides = [write_seeds(tmp_path / name, (0, 1), folds=1) for name in ("a", "bb")]
    row = row_of(compare_runs(sides).table, "accuracy")
    assert (row.seeds, row.folds) == (2, 1)
    assert np.isnan(row.fold_p) and not np.isnan(row.seed_low)


def test_the_table_is_written_next_to_the_first_run(pair, tmp_path):
    found = compare_runs(pair)
    assert write_comparison(found, tmp_path / "x.csv") == tmp_path / "x.csv"
    written = pd.read_csv(write_comparison(found))
    assert (pair[0].parent / "comparison.csv").exists()
    assert list(written) == list(found.table) and list(written)[-2:] == ["origin", "split"]


def change(folder, name, edit):
    table = pd.read_csv(folder / name, dtype=str, keep_default_na=False)
    files.write_csv(folder / name, edit(table))


def relabel_two(table):
    return table.assign(label=[CLASSES[0]] * 2 + [*table.label[2:]])


@pytest.mark.parametrize(
    ("options", "edits", "facts"),
    [
        ({"classes": ("normal", "covid19")}, {}, ("normal, covid19", "normal, pneumonia", "classes")),
        ({"patients": 110}, {}, ("147", "160", any_of("other images"), "DATA")),
        ({"split_seed": 5}, {}, (any_of("other folds"), any_of("seed"))),
        ({}, {"manifest.csv": lambda table: table.assign(content=["d", *table.content[1:]])}, ("1 image", "bytes")),
        ({}, {"predictions.csv": relabel_two}, ("1 image", "label")),
        ({}, {"predictions.csv": lambda table: table.assign(role="val")}, (any_of("no test rows"), "tuning")),
        ({}, {"splits.csv": lambda table: table.replace({"role": {"test": "test_balanced"}}), "experiment.yaml": None},
         ("balanced", "all", "splits.test_rows")),
    ],
    ids=["classes", "images", "folds", "bytes", "labels", "validation", "reading"],
)  # fmt: skip
def test_runs_that_cannot_be_compared_are_refused_with_the_reason(pair, tmp_path, options, edits, facts):
    other = write_tested(tmp_path / "other", 1, **options)
    for name, edit in edits.items():
        if edit:
            change(other, name, edit)
        else:
            recipe = other / name
            recipe.write_text(recipe.read_text().replace("test_rows: all", "test_rows: balanced"))
    with refused(str(other), *facts):
        compare_runs([pair[0], other])


def test_fewer_than_two_runs_and_the_same_run_twice_are_refused(pair, seeds):
    with refused(str(pair[0]), any_of("alone"), any_of("two or more")):
        compare_runs(pair[:1])
    with refused(str(pair[0]), TWICE):
        compare_runs([pair[0], pair[0] / ".." / pair[0].name])
    with refused("seed-1", TWICE):
        compare_runs([seeds[0], seeds[0] / "seed-1"])


def test_unfinished_runs_and_folders_of_other_things_are_refused(pair, tmp_path):
    other = write_tested(tmp_path / "runs" / "other")
    (other / "predictions.csv").unlink()
    for place in (other, other.parent):
        with refused(str(other), any_of("not finished")):
            compare_runs([pair[0], place])
    write_tested(tmp_path / "runs" / "third")
    with refused(str(tmp_path / "runs"), "2 runs", any_of("folder of seeds")):
        compare_runs([pair[0], tmp_path / "runs"])
    with refused("nowhere", any_of("not a run directory")):
        compare_runs([pair[0], tmp_path / "nowhere"])


def test_sides_without_a_common_seed_are_refused(seeds, tmp_path):
    other = write_seeds(tmp_path / "c", (7, 8))
    with refused(str(other), "7, 8", "0, 1, 2"):
        compare_runs([seeds[0], other])
