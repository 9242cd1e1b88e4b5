"""A tuning's plan and its end: its points and their folders, and the best point as a recipe with a command."""

from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml
from messages import any_of, refused
from tiny import request_of, tiny_experiment

from pxr_tf.config import load_experiment
from pxr_tf.studies import tuning as module
from pxr_tf.studies.experiments import ExperimentOptions
from pxr_tf.studies.ranking import TuningPoint
from pxr_tf.studies.tuning import TuningPlan, plan_tuning, write_best

RECIPE = {
    "name": "tiny",
    "classes": ["normal", "viral"],
    "image": {"size": 32},
    "splits": {"scheme": "official", "validation": 0.3},
    "training": {"batch_size": 8, "learning_rate": 0.01},
    "model": {"kind": "scratch", "network": "small_cnn"},
    "phases": [
        {"name": "first", "train": "all", "max_epochs": 1},
        {"name": "second", "train": "all", "max_epochs": 1},
    ],
    "variants": {"tuned": {"tuning": {"over": {"training.learning_rate": [0.1, 0.2]}}}, "plain": {}},
}


@pytest.fixture
def asked(tmp_path) -> ExperimentOptions:
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(RECIPE, sort_keys=False))
    return ExperimentOptions(data="none", config=str(tmp_path / "tiny.yaml"), runs=tmp_path)


def plan(asked: ExperimentOptions, *over: str, variant: str = "plain", **given: object) -> TuningPlan:
    options = {"splits.scheme": None, **{key.replace("__", "."): value for key, value in given.items()}}
    return plan_tuning(asked, options, variant, over or None)


def test_points_are_those_of_the_command_line_or_else_of_the_recipe(asked):
    found = plan(asked, variant="tuned")
    assert [values for values, _ in found.points] == [{"training.learning_rate": rate} for rate in (0.1, 0.2)]
    assert [one.training.learning_rate for _, one in found.points] == [0.1, 0.2]
    assert found.base == asked.experiment({}, "tuned")
    over = plan(asked, "image.size=32,40", "training.batch_size=4", variant="tuned", splits__scheme="random")
    assert [values for values, _ in over.points] == [{"image.size": n, "training.batch_size": 4} for n in (32, 40)]
    assert {one.splits.scheme for one in (over.base, *(one for _, one in over.points))} == {"random"}
    assert over.points[1][1].image.size == 40 and over.base.image.size == 32
    plain = plan(asked, "image.size=40", variant="plain")
    assert plain.base.variant == plain.points[0][1].variant == "plain"


def test_a_tuning_without_a_grid_or_with_folds_is_refused(asked):
    with refused(str(asked.config), "--over", "OVER=...", "tuning: {over: "):
        plan(asked)
    for given, set_here in (({"splits__scheme": "folds"}, []), ({}, ["splits.scheme=folds"])):
        with refused(any_of("cross-validation"), "test"):
            plan(replace(asked, overrides=set_here), "image.size=32", **given)


@pytest.mark.parametrize(
    ("over", "more", "given", "by"),
    [
        (["phases.0.l2=0,1", "phases.first.l2=0,1"], {}, {}, "phases.0.l2"),
        (["phases.second.l2=0,1", "phases.1.l2=0,1"], {}, {}, "phases.second.l2"),
        (["phases.1.l2=0,1"], {"overrides": ["phases.second.l2=1"]}, {}, any_of("another")),
        (["phases.first.l2=0,1"], {"overrides": ["phases.0.l2=1"]}, {}, any_of("another")),
        (["training.batch_size=1"], {}, {"training__batch_size": 2}, any_of("another")),
        (["phases.second.max_epochs=1,2"], {"epochs": "1,1"}, {}, "--epochs"),
        (["phases.0.patience=1,2"], {"epochs": "1,1"}, {}, "--epochs"),
        (["phases.0.keep=best,last"], {"epochs": "1,1"}, {}, "--epochs"),
    ],
)
def test_a_value_that_is_given_twice_is_refused(asked, over, more, given, by):
    key = over[-1].partition("=")[0]
    with refused(key, by):
        plan(replace(asked, **more), *over, **given)


def test_values_that_only_look_alike_may_be_given(asked):
    assert len(plan(asked, "phases.0.l2=0,1", "phases.1.l2=0,1").points) == 4
    assert len(plan(replace(asked, epochs="1,1"), "phases.0.l2=0,1").points) == 2
    assert len(plan(asked, "phases.0.max_epochs=1,2").points) == 2
    assert len(plan(asked, "training.batch_size=1,2", training__batch_size=None).points) == 2


@pytest.mark.parametrize(
    ("key", "numbered"),
    [
        ("phases.second.l2", "phases.1.l2"),
        ("phases.first.a.b", "phases.0.a.b"),
        ("phases.1.l2", "phases.1.l2"),
        ("phases.third.l2", "phases.third.l2"),
        ("model.second.l2", "model.second.l2"),
        ("seed", "seed"),
    ],
)
def test_a_phase_is_addressed_by_its_number(key, numbered):
    assert module._numbered(key, ["first", "second"]) == numbered


def test_each_point_has_a_folder_named_by_its_values(tmp_path):
    base = request_of(tiny_experiment(), ["data"], tmp_path, skip_unreadable=True)
    others = [({"a.size": size}, tiny_experiment(image__size=size)) for size in (32, 64)]
    found = TuningPlan(base.experiment, others).requests(base)
    for (point, request), (values, experiment) in zip(found, others, strict=True):
        assert point.values == values and point.name.startswith(f"size-{values['a.size']}-")
        assert request == replace(base, experiment=experiment, tuning=base.tuning_folder / point.name)
    again = TuningPlan(base.experiment, [({"a.size": 32}, tiny_experiment(seed=1))]).requests(base)
    assert again[0][0].name != found[0][0].name  # any other setting gives another name


def best_of(monkeypatch, base, points: list[TuningPoint]) -> module.Best:
    """Write the best of these points: the last one that did not fail."""
    monkeypatch.setattr(module, "rank_points", lambda some: pd.DataFrame({"path": [one.name for one in some][::-1]}))
    monkeypatch.setattr(module, "find_cautions", lambda some, best: [f"{len(some)} points, best {best.name}"])
    return write_best(base, points)


def make_points(experiment, failures: str = "--x") -> list[TuningPoint]:
    """Return points that failed (x) or have a run."""
    return [
        TuningPoint({}, f"p{n}", failure=f"no luck {n}")
        if mark == "x"
        else TuningPoint({}, f"p{n}", SimpleNamespace(recipe=experiment))
        for n, mark in enumerate(failures)
    ]


def test_the_best_point_is_written_as_a_recipe_with_a_run_directory_of_its_own(monkeypatch, tmp_path):
    base = request_of(tiny_experiment(), ["a b", "c"], tmp_path, command="pxr tune\n  x")
    tuned = tiny_experiment(image__size=64)
    best = best_of(monkeypatch, base, make_points(tuned))
    assert best.experiment == tuned.model_copy(update={"tag": "p1"})
    assert best.cautions == ["3 points, best p1"]
    file = base.tuning_folder / "best.yaml"
    assert file.read_text().splitlines()[0] == "# The best of 3 points: pxr tune x"
    assert load_experiment(file) == best.experiment
    assert best.command == f"pxr train --config {file} --data 'a b,c' --runs {tmp_path}"


def test_a_best_point_that_is_the_recipe_keeps_its_run_directory(monkeypatch, tmp_path):
    base = request_of(tiny_experiment(tag="mine"), [], tmp_path)
    assert best_of(monkeypatch, base, make_points(base.experiment)).experiment == base.experiment
    tuned = tiny_experiment(tag="mine", image__size=64)
    assert best_of(monkeypatch, base, make_points(tuned)).experiment.tag == "mine-p1"
    for letters, tag in ((197, f"{'x' * 197}-p1"), (198, "p1")):  # 200 bytes are allowed
        long = tiny_experiment(tag="x" * letters, image__size=64)
        assert best_of(monkeypatch, base, make_points(long)).experiment.tag == tag


def test_if_all_points_failed_the_reason_of_the_first_ranked_is_given(monkeypatch, tmp_path):
    base = request_of(tiny_experiment(), [], tmp_path)
    with refused(any_of("no point"), "no luck 1"):
        best_of(monkeypatch, base, make_points(None, "xx"))
    assert not base.tuning_folder.exists()


@pytest.mark.parametrize(("scheme", "seeds"), [("official", " --seeds 3,4,5"), ("random", ""), ("folds", "")])
def test_the_command_trains_several_seeds_only_if_their_test_rows_are_the_same(tmp_path, scheme, seeds):
    base = request_of(tiny_experiment(seed=3, splits__scheme=scheme), ["a"], tmp_path, skip_unreadable=True)
    words = f"pxr train --config best.yaml --data a --runs {tmp_path} --skip-unreadable"
    assert module._train_command(base, "best.yaml") == words + seeds
