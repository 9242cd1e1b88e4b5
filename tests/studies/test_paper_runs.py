"""The runs of a paper in groups: which are compared, and which warnings and titles they have."""

from types import SimpleNamespace

import pytest
from paper_groups import INFO, LEAK, SOURCE, make_group, metrics_table

from pxr_tf.data.run_warnings import RunWarning
from pxr_tf.studies import paper_runs as module
from pxr_tf.studies.paper_runs import (
    Group,
    Measure,
    PaperRun,
    group_runs,
    measures_of,
    name_groups,
    name_leaky,
    pair_groups,
)

PLAIN, WEIGHTED = (
    [make_group(variant, setting) for setting in ("by image", "by patient")] for variant in ("plain", "weighted")
)


@pytest.mark.parametrize(
    ("some", "name"),
    [
        ([*PLAIN, *WEIGHTED], ""),
        (PLAIN, "plain"),
        ([PLAIN[0], WEIGHTED[0]], "by image"),
        ([PLAIN[1]], "plain, by patient"),
        ([*PLAIN, WEIGHTED[1]], "plain, by image; plain, by patient; weighted, by patient"),
    ],
)
def test_groups_are_named_by_what_they_share(some, name):
    assert name_groups(iter(some), [*PLAIN, *WEIGHTED]) == name


def test_several_variants_are_named_in_order():
    third = [make_group("third", setting) for setting in ("by image", "by patient")]
    assert name_groups([*WEIGHTED, *PLAIN], [*PLAIN, *WEIGHTED, *third]) == "weighted, plain"
    assert name_groups(PLAIN, [*PLAIN, *WEIGHTED, *third]) == "plain"


def test_a_title_says_which_groups_are_leaky():
    leaky, clean = make_group("plain", "by image", {0: (LEAK,)}), make_group("plain", "by patient", {0: (SOURCE,)})
    assert name_leaky([clean]) == ""
    assert name_leaky([leaky]) == "leaky split"
    assert name_leaky([leaky, clean]) == "leaky split: by image"


def texts(*groups: Group) -> list[str]:
    return [warning.text for warning in module.warn_of(groups)]


def test_each_warning_is_given_once_and_names_the_runs_that_have_it():
    every = {0: (LEAK,), 1: (LEAK,)}
    assert texts(make_group("plain", "x", every), make_group("plain", "y", every)) == ["3 patients leak."]
    assert texts(make_group("plain", "x", every), make_group("plain", "y")) == ["x: 3 patients leak."]
    assert texts(make_group("plain", "x", {1: (LEAK,)}), make_group("plain", "y")) == ["x, seed 1: 3 patients leak."]
    some = {0: (LEAK,), 2: (LEAK,)}
    both = make_group("plain", "x", some, seeds=3), make_group("plain", "y", some, seeds=3)
    assert texts(*both) == ["seeds 0, 2: 3 patients leak."]
    uneven = make_group("plain", "x", every), make_group("plain", "y", {1: (LEAK, SOURCE)})
    assert texts(*uneven) == ["plain, x; plain, y, seed 1: 3 patients leak.", "y, seed 1: The source tells."]


def test_a_mix_of_environments_is_the_last_warning(monkeypatch):
    mix, asked = RunWarning("environments", text="mixed"), []
    monkeypatch.setattr(module, "mixed_environments", lambda runs: asked.extend(runs) or [mix])
    groups = make_group("plain", "x", {0: (LEAK,)}), make_group("plain", "y")
    assert module.warn_of(groups)[-1] == mix
    assert [run.place for run in asked] == ["plain-x-0", "plain-x-1", "plain-y-0", "plain-y-1"]


def test_a_variant_is_compared_if_both_settings_were_run_and_paired_if_they_test_the_same_images():
    first, second = make_group("plain", "by image"), make_group("plain", "by patient", tests="ba")
    other = make_group("weighted", "by image"), make_group("weighted", "by patient", tests="ac")
    alone = make_group("third", "by image")
    found = pair_groups([first, *other, second, alone])
    assert [pair[:2] for pair in found] == [(first, second), other]
    assert [pair.paired for pair in found] == [True, False]
    elsewhere = make_group("plain", "by patient", tests="ba", fold="1")  # other models predict there
    assert not pair_groups([first, elsewhere])[0].paired
    balanced = INFO._replace(test_rows="balanced")  # then the first images alone count
    both = (
        pair._replace(first=pair.first._replace(info=balanced), second=pair.second._replace(info=balanced))
        for pair in found
    )
    assert [pair_groups(pair[:2])[0].paired for pair in both] == [False, True]


def test_a_difference_is_that_of_the_measures_means():
    first, second = make_group("plain", "by image"), make_group("plain", "by patient", seeds=1)
    accuracy, auc = Measure("accuracy", "all", "accuracy"), Measure("AUC", "all", "auc")
    (pair,) = pair_groups([first, second])
    found = pair.difference(accuracy)
    assert found.mean == pytest.approx(0) and found.paired and found.first_seeds == 1
    found = pair._replace(paired=False).difference(accuracy)
    assert found.mean == pytest.approx(0.05) and (found.first_seeds, found.second_seeds) == (2, 1)
    assert pair.difference(auc).mean == 0
    assert pair.difference(Measure("ill", "ill", "accuracy")).mean == 0


def test_runs_are_grouped_by_variant_and_setting_in_the_order_of_the_variants(monkeypatch):
    minutes = {0: 1.0, 1: 4.0}

    def make_run(variant: str, setting: str, seed: int, *warnings: RunWarning) -> PaperRun:
        run = SimpleNamespace(warnings=warnings, info=INFO, minutes=lambda: minutes[seed], seed=seed)
        return PaperRun(variant, setting, seed, "cnn", run)

    monkeypatch.setattr(module, "read_metrics_table", lambda run: metrics_table(0.5 + run.seed / 10))
    monkeypatch.setattr(module, "comparable_row", lambda info: info)
    runs = [
        PaperRun("second", "x", 0, "cnn", failure="no luck"),
        make_run("first", "y", 0, SOURCE, LEAK),
        make_run("second", "x", 1),
        make_run("first", "x", 0),
        make_run("first", "y", 1, LEAK),
    ]
    groups = group_runs(runs)
    assert [(one.title, one.model, list(one.runs)) for one in groups] == [
        ("second, x", "cnn", [1]),
        ("first, y", "cnn", [0, 1]),
        ("first, x", "cnn", [0]),
    ]
    group = groups[1]
    assert group.runs[1] is runs[4].run and group.minutes == 2.5
    assert group.info == group.row == INFO._replace(warnings=(SOURCE, LEAK))
    assert group.warnings == {0: (SOURCE, LEAK), 1: (LEAK,)}
    accuracy = group.summary.query("metric == 'accuracy' and `class` == 'all'").squeeze()
    assert accuracy["mean"] == pytest.approx(0.55) and accuracy.seeds == 2
    assert sorted(group.tables) == [0, 1]


def test_with_more_than_two_classes_the_sensitivity_of_each_is_shown():
    overall = [
        ("accuracy", "all", "accuracy"),
        ("balanced", "all", "balanced_accuracy"),
        ("AUC", "all", "auc"),
    ]
    assert measures_of(("a", "b", "c")) == [*overall, *((name, name, "sensitivity") for name in ("a", "b", "c"))]
    assert measures_of(("a", "b")) == [
        *overall,
        ("prec.", "b", "precision"),
        ("recall", "b", "sensitivity"),
        ("spec.", "b", "specificity"),
    ]
