"""The tables of a whole paper: a row per figure, a difference per measure, and what stays of an earlier table."""

from types import SimpleNamespace

import pandas as pd
import pytest
from paper_groups import INFO, LEAK, make_group

from pxr_tf.studies import paper_tables as module
from pxr_tf.studies.paper_tables import Written, printed_value

COLUMNS = ["variant", "model", "setting", "class", "metric", "mean", "sd", "seeds", "paper", "origin", "split"]
KEPT = ["mean", "low", "high", "first_seeds", "second_seeds", "paired"]


@pytest.fixture
def write(monkeypatch, tmp_path):
    """Return a function that writes the tables of groups to a folder."""

    def write(*groups) -> Written:
        monkeypatch.setattr(module, "group_runs", lambda runs: list(groups) if runs == "the runs" else 1 / 0)
        return module.write_paper(tmp_path, "the runs")

    return write


def read(folder, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / name, keep_default_na=False)


def test_each_figure_has_a_row_with_the_papers_next_to_it(write, tmp_path):
    group = make_group("plain", warnings={0: (LEAK,)})
    row = SimpleNamespace(
        value=lambda metric, name: {("accuracy", "all"): 0.97, ("auc", "all"): None}.get((metric, name))
    )
    synthetic = group.info._replace(origin="synthetic")
    assert write(group._replace(row=row, info=synthetic)) == Written([tmp_path / "reproduced.csv"], 0)
    table = read(tmp_path, "reproduced.csv")
    assert list(table) == COLUMNS and len(table) == 7
    first = table.iloc[0].to_dict()
    assert (first["mean"], first["sd"]) == pytest.approx((0.55, 0.0707107))
    assert {name: str(first[name]) for name in COLUMNS if name not in ("mean", "sd")} == {
        "variant": "plain",
        "model": "cnn",
        "setting": "",
        "class": "all",
        "metric": "accuracy",
        "seeds": "2",
        "paper": "0.97",
        "origin": "synthetic",
        "split": "leaky split",
    }
    assert set(table.paper[1:].astype(str)) == {""}
    assert table[["class", "metric"]].value_counts().max() == 1


def test_the_lock_of_the_table_is_held_while_it_is_written(write, tmp_path, monkeypatch):
    held = []
    hold = module.locks.hold
    monkeypatch.setattr(module.locks, "hold", lambda lock: held.append(lock) or hold(lock))
    write(make_group("plain"))
    assert held == [module.locks.lock_of(tmp_path / "reproduced.csv")]


def test_a_paper_without_finished_runs_writes_nothing(write, tmp_path):
    assert write() == Written([]) and not list(tmp_path.iterdir())


def test_two_settings_have_a_difference_per_measure(write, tmp_path):
    first, second = make_group("plain", "by image", {1: (LEAK,)}), make_group("plain", "by patient", seeds=1)
    assert write(first, second) == Written([tmp_path / "reproduced.csv", tmp_path / "differences.csv"], 0)
    table = read(tmp_path, "differences.csv")
    assert list(table) == ["variant", "model", "minus", "class", "metric", *KEPT, "origin", "split"]
    measures = ["accuracy", "balanced_accuracy", "auc", "precision", "sensitivity", "specificity"]
    assert list(table.metric) == measures and list(table["class"]) == ["all"] * 3 + ["ill"] * 3
    for name, value in {
        "variant": "plain",
        "model": "cnn",
        "minus": "by image minus by patient",
        "first_seeds": 1,
        "second_seeds": 1,
        "paired": True,
        "origin": "real",
        "split": "leaky split minus by patient",
    }.items():
        assert set(table[name]) == {value}
    assert len(read(tmp_path, "reproduced.csv")) == 14


def seeds_by(folder, *key: str) -> dict:
    table = read(folder, "reproduced.csv").drop_duplicates(list(key))
    return dict(zip(table[list(key)].itertuples(index=False, name=None), table.seeds, strict=True))


def test_rows_of_another_variant_model_or_setting_stay_and_those_of_fewer_seeds_are_replaced(write, tmp_path):
    group = make_group("plain", "x", seeds=2)
    write(group)
    for other in (group._replace(variant="weighted"), group._replace(model="vgg"), group._replace(setting="y")):
        assert write(other).kept == 0
    assert len(read(tmp_path, "reproduced.csv")) == 28
    assert write(make_group("plain", "x", seeds=1)).kept == 1
    assert write(make_group("weighted", "x", seeds=3)).kept == 0
    assert seeds_by(tmp_path, "variant", "model", "setting") == {
        ("plain", "cnn", "x"): 2,
        ("weighted", "cnn", "x"): 3,
        ("plain", "vgg", "x"): 2,
        ("plain", "cnn", "y"): 2,
    }


@pytest.mark.parametrize(("first", "second", "stays"), [(1, 2, True), (2, 1, True), (3, 2, False), (2, 3, False)])
def test_differences_over_more_seeds_stay(write, tmp_path, first, second, stays):
    def pair(first: int, second: int, variant: str = "plain", model: str = "cnn"):
        groups = (
            make_group(variant, "by image", seeds=first, tests="ab"),
            make_group(variant, "by patient", seeds=second, tests="ac"),  # not paired: all seeds count
        )
        return [group._replace(model=model, info=INFO._replace(test_rows="all")) for group in groups]

    write(*pair(2, 2))
    write(*pair(2, 2, "weighted"), *pair(2, 2, model="vgg"))
    write(*pair(first, second))
    table = read(tmp_path, "differences.csv").drop_duplicates(["variant", "model"])
    counts = table.set_index(["variant", "model"])[["first_seeds", "second_seeds"]].apply(tuple, axis=1)
    assert counts.to_dict() == {
        ("plain", "cnn"): (2, 2) if stays else (first, second),
        ("weighted", "cnn"): (2, 2),
        ("plain", "vgg"): (2, 2),
    }


def test_a_paper_may_have_no_figure():
    assert printed_value(None, "all", "accuracy") is None
    row = SimpleNamespace(value=lambda metric, name: (metric, name))
    assert printed_value(row, "ill", "precision") == ("precision", "ill")
