"""Grids from a recipe, a variant or the command line; every fault gets one line."""

import pytest
from messages import NOTHING, UNKNOWN, any_of, nearest, refused
from recipe_files import write_recipe

from pxr_tf.config import dump_experiment, load_experiment, load_grid
from pxr_tf.config.tuning import make_points, parse_over

RATES = {"over": {"phases.0.learning_rate": [0.1, 0.2]}}


@pytest.mark.parametrize(
    ("text", "grid"),
    [
        ("training.learning_rate=0.003,1e-2", {"training.learning_rate": [0.003, 0.01]}),
        (" model.l2 = 1, 2 ", {"model.l2": [1, 2]}),
        ("model.hidden_units=[512,128],[256],[]", {"model.hidden_units": [[512, 128], [256], []]}),
        ("model.backbone=xception,resnet50", {"model.backbone": ["xception", "resnet50"]}),
        ("training.xla=true,false,auto", {"training.xla": [True, False, "auto"]}),
        ("phases.0.patience=null,5", {"phases.0.patience": [None, 5]}),
        ("training.class_weights={a: 1, b: 2},balanced", {"training.class_weights": [{"a": 1, "b": 2}, "balanced"]}),
        ("model.l2=1,2,1", {"model.l2": [1, 2]}),
    ],
)
def test_values_between_commas_are_yaml(text, grid):
    assert parse_over([text]) == grid


def test_points_are_all_combinations_in_the_given_order():
    points = make_points(parse_over(["model.l2=2,1", "image.size=64,32"]))
    assert [tuple(point.values()) for point in points] == [(2, 64), (2, 32), (1, 64), (1, 32)]
    assert all(list(point) == ["model.l2", "image.size"] for point in points)


def test_a_recipes_grid_is_not_part_of_its_experiment(tmp_path):
    without = load_experiment(write_recipe(tmp_path))
    file = write_recipe(tmp_path, tuning=RATES)
    assert load_grid(file) == RATES["over"]
    assert load_experiment(file) == without
    assert "tuning" not in dump_experiment(without)


def test_a_variant_may_have_its_own_grid_and_another_learner_inherits_none(tmp_path):
    variants = {
        "same": {},
        "own": {"tuning": {"over": {"image.size": [32, 64]}}},
        "linear": {"model": {"kind": "linear", "l2": 1}},
    }
    file = write_recipe(tmp_path, tuning=RATES, variants=variants, variant="same")
    assert load_grid(file) == RATES["over"]
    assert load_grid(file, variant="own") == RATES["over"] | {"image.size": [32, 64]}
    assert load_grid(file, variant="linear") == {}


@pytest.mark.parametrize(
    ("tuning", "facts"),
    [
        (5, ["tuning", "5", "over: {training.learning_rate: [0.003, 0.01, 0.03]}"]),
        ({}, ["tuning.over", NOTHING, "over: {"]),
        ({"over": {}}, ["tuning.over", "{}", "over: {"]),
        ({"ovr": {"model.l2": [1]}}, [UNKNOWN, "'tuning.ovr'", nearest("'over'")]),
        ({"over": {"model.l2": []}}, ["tuning.over", "model.l2", "[]", any_of("one value", "1 value")]),
        ({"over": {"model.l2": 1}}, ["tuning.over", "model.l2", "1", any_of("one value", "1 value")]),
        ({"over": {"splits.validation": [0.1]}}, ["tuning.over", "'splits.validation'", any_of("tuned", "tune")]),
        ({"over": {"trainig.l2": [1]}}, [nearest("'training'")]),
    ],
)
def test_a_bad_grid_is_refused_even_if_only_the_experiment_is_read(tmp_path, tuning, facts):
    file = write_recipe(tmp_path, tuning=tuning)
    for read in (load_grid, load_experiment):
        with refused(str(file), *facts):
            read(file)
