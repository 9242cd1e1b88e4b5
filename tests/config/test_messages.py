"""Every fault of a recipe gets one line: the key, what it received and what is accepted."""

import math
import re
from copy import deepcopy

import pytest
from messages import (
    BOOLEAN,
    LIST,
    MAPPING,
    MISSING,
    NOTHING,
    NUMBER,
    TEXT,
    TWICE,
    UNKNOWN,
    WHOLE_NUMBER,
    any_of,
    assert_says,
    at_least,
    at_most,
    less_than,
    more_than,
    nearest,
    refused,
)
from recipe_files import write_recipe

from pxr_tf.config import configs_folder, load_experiment, parse_experiment, parse_override
from pxr_tf.errors import PxrError

PAPER = "bozickovic2021"
SIGNS = (any_of("letter", "letters"), any_of("digit", "digits"), ". _ + -")
AMOUNT = ("0", "1", "1000000")  # a share between 0 and 1, or a whole number of images up to 1000000
CROPS = ("'none'", "'lungs'", "'lungs_only'", "'without_lungs'")
CLASSES = ("bacterial", "covid19", "normal", "viral")
NOT_ENDS = (".lock", ".partial")
NEEDED = ("name", "classes", "image", "model", "splits")
SGD = {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.01, "name": "all", "train": "all", "max_epochs": 2}


def fault_of(overrides: dict, recipe: str = PAPER, variant: str | None = None) -> str:
    """Return the one-line message for these overrides of a recipe."""
    with pytest.raises(PxrError) as caught:
        load_experiment(recipe, overrides, variant=variant)
    message = str(caught.value)
    assert "\n" not in message
    assert "pydantic" not in message.lower()
    return message.removeprefix(f"{configs_folder() / recipe}.yaml: ")


def found(value: object) -> object:
    """Return how a message shows a value."""
    return NOTHING if value is None else repr(value)


@pytest.mark.parametrize(
    ("key", "known", "hint"),
    [
        ("sede", "name variant published classes tag duplicates merge seed image", "seed"),
        ("image.sise", "size resize", "size"),
        ("model.backbne", "kind backbone weights", "backbone"),
        ("model.head.dropuot", "hidden_units dropout output", "dropout"),
        ("splits.fold", "scheme test_rows folds", "folds"),
        ("balance.caps", "cap oversample", "cap"),
        ("augmentation.copy", "copies epochs", "copies"),
        ("augmentation.epochs.rotat", "rotate zoom shift mirror border", "rotate"),
        ("training.batch", "learning_rate batch_size class_weights", "batch_size"),
        ("phases.0.max_epoch", "name train optimizer", "max_epochs"),
    ],
)
def test_an_unknown_key_is_reported_with_the_known_keys_and_the_nearest(key, known, hint):
    given = {key: 3} if "epochs" not in key else {key.rpartition(".")[0]: {key.rpartition(".")[2]: 3}}
    assert_says(fault_of(given), UNKNOWN, repr(key), *known.split(), nearest(repr(hint)))


@pytest.mark.parametrize(
    ("key", "value", "accepted"),
    [
        ("splits.folds", 1, [at_least(2)]),
        ("splits.folds", 10**9, [at_most(1000)]),
        ("splits.folds", "five", [WHOLE_NUMBER]),
        ("splits.test_rows", "some", ["'balanced'", "'all'"]),
        ("splits.holdout_fraction", 0.5, [less_than(0.5)]),
        ("splits.nested", 1, [BOOLEAN]),
        ("splits.nested", "yes", [BOOLEAN]),
        ("splits.nested", 3, [BOOLEAN]),
        ("image.crop", "lung", [*CROPS, nearest("'lungs'", "'lungs_only'")]),
        ("image.crop", None, CROPS),
        ("image.margin", 1.5, [at_most(1)]),
        ("image.margin", -0.1, [at_least(0)]),
        ("image.size", 4096, [at_most(2048)]),
        ("image.size", 8, [at_least(32)]),
        ("image", 3, [MAPPING]),
        ("model", None, [MAPPING]),
        ("model.weights", None, [TEXT]),
        ("training.xla", "maybe", [BOOLEAN, "'auto'"]),
        ("balance.oversample", "covid19", [LIST, "'all'"]),
        ("augmentation.copies", 3, [TEXT]),
        ("classes", ["a"], [LIST, at_least(2)]),
        ("name", "a b", SIGNS),
        ("name", "a\udc80", ["UTF-8"]),
        ("name", "..", SIGNS),
        ("name", ".x", SIGNS),
        ("name", "cache", ["cache", "RUNS"]),
        ("name", "Cache", ["cache", "RUNS"]),
        ("name", "x.lock", NOT_ENDS),
        ("tag", "x.partial", NOT_ENDS),
        ("tag", "..", SIGNS),
        ("phases.0.name", "", SIGNS),
        ("phases.0.name", "../x", SIGNS),
        ("seed", True, [WHOLE_NUMBER]),
        ("seed", "5", [WHOLE_NUMBER]),
        ("splits.folds", True, [WHOLE_NUMBER]),
        ("splits.folds", 5.0, [WHOLE_NUMBER]),
        ("splits.validation", True, AMOUNT),
        ("splits.validation", 10**12, AMOUNT),
        ("image.size", True, [WHOLE_NUMBER]),
        ("model.head.dropout", False, [NUMBER]),
        ("model.head.dropout", 1, [less_than(1)]),
        ("phases.0.max_epochs", True, [WHOLE_NUMBER]),
        ("phases.0.max_epochs", 10**12, [at_most(10000)]),
        ("phases.0.patience", False, [WHOLE_NUMBER]),
        ("phases.0.patience", 10**12, [at_most(10000)]),
        ("phases.0.learning_rate", True, [NUMBER]),
        ("phases.0.learning_rate", "1e-3", [NUMBER]),
        ("phases.0.learning_rate", 1e300, [at_most(1000)]),
        ("phases.0.learning_rate", 1e-300, [at_least(1e-30)]),
        ("phases.1.learning_rate", 0, [at_least(1e-30)]),
        ("phases.1.learning_rate", math.inf, [any_of("finite")]),
        ("phases.0.epsilon", 1e300, [at_most(1000)]),
        ("training.batch_size", 10**12, [at_most(65536)]),
        ("training.mirror_predictions", 1, [BOOLEAN]),
        ("training.xla", 1, [BOOLEAN, "'auto'"]),
        ("balance.cap", 10**12, [at_most(1000000)]),
        ("balance.target", 10**12, [at_most(1000000)]),
        ("seed", -1, [at_least(0)]),
        ("phases", {}, [LIST]),
        ("model.kind", 3, [TEXT]),
        ("model.head.output", "tanh", ["'softmax'", "'sigmoid'"]),
        ("splits.validation", 0, AMOUNT),
        ("splits.options", 3, [MAPPING]),
        ("splits.unit", "pixel", ["'patient'", "'image'"]),
        ("phases.0.train", "tail", ["'head'", "'all'"]),
    ],
)
def test_an_impossible_value_is_reported_with_its_key_and_what_is_accepted(key, value, accepted):
    assert_says(fault_of({key: value}), key, found(value), *accepted)


@pytest.mark.parametrize(
    ("key", "value", "part", "received", "accepted"),
    [
        ("model.head.hidden_units", [0], "0", 0, more_than(0)),
        ("model.head.hidden_units", [True], "0", True, WHOLE_NUMBER),
        ("model.head.hidden_units", [10**9], "0", 10**9, at_most(65536)),
        ("augmentation.copies", {"rotate": 200}, "rotate", 200, at_most(180)),
        ("augmentation.epochs", {"shift": 1}, "shift", 1, less_than(1)),
        ("augmentation.epochs", {"border": "white"}, "border", "white", "'black' or 'stretch'"),
        ("training.class_weights", {"normal": "much"}, "normal", "much", NUMBER),
        ("training.class_weights", {"normal": True}, "normal", True, NUMBER),
        ("training.class_weights", {"normal": 1e300}, "normal", 1e300, at_most(1000000)),
        ("balance.oversample", [3], "0", 3, TEXT),
    ],
)
def test_a_nested_value_is_reported_with_its_place(key, value, part, received, accepted):
    assert_says(fault_of({key: value}), f"{key}.{part}", repr(received), accepted)


@pytest.mark.parametrize(
    ("key", "value", "facts"),
    [
        ("image.margin", 0.1, ["image", "margin", "crop", "lungs", "none"]),
        ("image.atlas", "x", ["image", "atlas", "crop", "none", "crop: lungs"]),
        ("image.masks", "x", ["image", "masks", "crop", "none", "crop: lungs"]),
        (
            "image",
            {"size": 64, "crop": "lungs", "atlas": "a", "masks": "b"},
            ["image", "atlas", "masks", any_of("one of", "not both")],
        ),
        ("augmentation.epochs", {"zoom": [1]}, ["'augmentation.epochs.zoom.1'", MISSING]),
        (
            "augmentation.epochs",
            {"zoom": [1.2, 0.9]},
            ["augmentation.epochs", "zoom", "[1.2, 0.9]", any_of("smaller", "lower"), "[0.9, 1.1]"],
        ),
        ("classes", ["a", "b", "a"], ["classes", TWICE, "a, b, a"]),
        ("name", "ä" * 51, ["name", "ä" * 36 + "...", at_most("100 bytes"), "102"]),
        ("variant", "strategy1", ["variant", "'strategy1'", "--variant", "VARIANT="]),
        ("tag", "t" * 201, ["tag", "t" * 36 + "...", at_most("200 bytes"), "201", "--set tag="]),
        ("classes", ["all", "normal"], ["classes", "'all'", any_of("merge", "rename")]),
        ("phases", [], ["phases", NOTHING, any_of("one", "1", "at least one")]),
        (
            "model.head.output",
            "sigmoid",
            ["model.head.output", "sigmoid", any_of("two", "2"), "4", *CLASSES, "softmax", "CLASSES=normal,ill="],
        ),
        ("splits.options.folds", 3, ["splits", "options", "'folds'", "splits.folds"]),
        ("training.class_weights", {"norml": 2}, ["training.class_weights", "'norml'", *CLASSES, nearest("'normal'")]),
        (
            "training.class_weights",
            {"normal": 2, "viral": 1},
            ["training.class_weights", "bacterial, covid19", any_of("per class", "each class", "every class")],
        ),
        ("merge", {"pneumonia": ["a", "b"]}, ["merge", "'pneumonia'", *CLASSES]),
        ("merge", {"viral": ["a"], "normal": ["a"]}, ["merge", "'a'", TWICE]),
        ("merge", {"viral": ["viral", "normal"]}, ["merge", "'normal'", any_of("class of its own", "itself a class")]),
        ("phases.0.name", "all", ["phases", TWICE, "all, all"]),
        ("balance.oversample", ["covid"], ["balance.oversample", "'covid'", *CLASSES, nearest("'covid19'")]),
        ("image.size.big", 3, ["'image.size.big'", "'size'", "224"]),
        ("phases.5.max_epochs", 3, ["'phases.5.max_epochs'", "'5'", LIST, "0 to 1"]),
        ("phases.x.max_epochs", 3, ["'phases.x.max_epochs'", "'x'", LIST, "0 to 1", "head, all"]),
        ("phases.heat.l2", 3, ["'heat'", LIST, nearest("'head'")]),
        ("balance.oversample.x", "viral", ["'x'", LIST, "0 to 0"]),
    ],
)
def test_values_that_do_not_fit_together_are_reported(key, value, facts):
    assert_says(fault_of({key: value}), *facts)


def test_only_the_value_in_question_is_explained():
    """Two faults with the same value: the message for the first does not say what the second accepts."""
    message = fault_of({"image.size": 3, "training.xla": 3})
    assert_says(message, "image.size", "3", at_least(32))
    assert "true" not in message
    assert "xla" not in message


@pytest.mark.parametrize(("number", "value"), [("epsilon", 0.1), ("weight_decay", 0.01)])
def test_numbers_that_the_optimizer_ignores_are_refused(number, value):
    assert_says(fault_of({"phases": [SGD | {number: value}]}), "phases.0", number, re.compile("adamw?"), "sgd")


def test_momentum_is_for_sgd():
    assert_says(fault_of({"phases.0.momentum": 0.9}), "momentum", "sgd", "adam")
    assert load_experiment(PAPER, {"phases": [SGD]}).phases[0].momentum == 0.9


def test_phases_of_the_head_must_come_before_phases_of_all_layers():
    phases = [SGD, SGD | {"name": "head", "train": "head"}]
    assert_says(fault_of({"phases": phases}), "head", any_of("before", "first"))
    assert load_experiment(PAPER, {"phases": phases[::-1]}).phases[0].name == "head"


def test_nested_needs_a_phase_that_can_stop_early():
    assert_says(fault_of({"splits.nested": True}, "phantom"), "splits.nested", "phase", "patience", "keep: best")
    experiment = load_experiment(PAPER, {"splits.nested": True})
    assert not experiment.chooses_epochs
    assert load_experiment(PAPER).chooses_epochs
    assert not load_experiment("phantom").chooses_epochs
    keeps = {"phases.0.keep": "best"}
    assert load_experiment("phantom", keeps).chooses_epochs
    assert not load_experiment("phantom", keeps | {"splits.nested": True}).chooses_epochs


def test_a_phase_that_stops_early_returns_to_its_best_epoch():
    assert_says(fault_of({"phases": [SGD | {"keep": "last", "patience": 2}]}), "keep: last", "patience")
    kept = [
        load_experiment(PAPER, {"phases": [SGD | {"keep": keep}]}).phases[0].keeps_best for keep in ("last", "best")
    ]
    assert kept == [False, True]


@pytest.mark.parametrize("text", ["a", "=3", "", "a=[1", "a=: :"])
def test_a_bad_override_is_refused(text):
    with refused("--set", repr(text)):
        parse_override(text)


@pytest.mark.parametrize("key", NEEDED)
def test_a_missing_key_is_named(key):
    values = load_experiment(PAPER).model_dump()
    del values[key]
    with refused("here", repr(key), MISSING):
        parse_experiment(values, "here")


@pytest.mark.parametrize("key", ["backbone", "weights"])
def test_a_missing_key_of_the_model_is_named(key):
    values = load_experiment(PAPER).model_dump()
    del values["model"][key]
    with refused("here", f"'model.{key}'", MISSING):
        parse_experiment(values, "here")


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        (b"", [NOTHING, MAPPING]),
        (b"[1]", ["[1]", MAPPING]),
        (b"a: [", ["YAML"]),
        (b"a: b: c", ["YAML"]),
        (b"\xff\xfe: 1", ["UTF-8"]),
        (b"name: x", [re.compile("key '.*'"), MISSING]),
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path, content, facts):
    file = tmp_path / "mine.yaml"
    file.write_bytes(content)
    with refused("mine.yaml", *facts):
        load_experiment(file)


def test_an_unknown_recipe_gets_the_nearest_name():
    with refused(UNKNOWN, "'bozickovic'", "phantom", nearest("'bozickovic2021'")):
        load_experiment("bozickovic")


@pytest.mark.parametrize(
    ("variants", "asked", "facts"),
    [
        ({"one": {}, "two": {}}, "tow", ["variant", "'tow'", "one, two", nearest("'two'")]),
        ({"one": {}, "two": {}}, "4", ["variant", "'4'", "one, two"]),
        (None, "one", ["variant", "'one'", "none"]),
        ({"one": {"sede": 1}}, "one", [UNKNOWN, "'sede'", "name", "variant"]),
        ({"one": 3}, "one", ["variants", "{'one': 3}", any_of("mapping"), any_of("mappings")]),
        ([{"one": {}}], "one", ["variants", "[{'one': {}}]", any_of("mapping"), any_of("mappings")]),
        ("one", "one", ["variants", "'one'", any_of("mapping"), any_of("mappings")]),
        ({"..": {}}, None, ["variant", "'..'", *SIGNS]),
        ({"v" * 101: {}}, None, ["variant", "v" * 36 + "...", at_most("100 bytes")]),
        ({"x.Lock": {}}, None, ["variant", "'x.Lock'", *NOT_ENDS]),
    ],
)
def test_a_bad_variant_is_refused_in_one_line(tmp_path, variants, asked, facts):
    with refused(str(tmp_path / "mine.yaml"), *facts):
        load_experiment(write_recipe(tmp_path, variants=variants), variant=asked)


@pytest.mark.parametrize("kind", ["other", "linear"])
def test_phases_are_for_networks(kind):
    message = fault_of({"model.kind": kind, "phases": [SGD]})
    assert_says(message, "phases", any_of("networks", "network"), kind, any_of("leave", "remove"))


@pytest.mark.parametrize(
    ("overrides", "facts"),
    [
        ({"training.learning_rate": None}, ["'all'", "learning_rate", "training"]),
        ({"phases.0.learning_rate": 0.1}, ["training.learning_rate", "0.003", "phase"]),
        ({"training.learning_rate": 0}, ["training.learning_rate", "0", at_least(1e-30)]),
        (
            {"model": {"kind": "linear"}, "training.learning_rate": 0.1},
            ["training.learning_rate", "0.1", "linear", "phases", "null"],
        ),
        ({"phases.0.l2": -1}, ["phases.0.l2", "-1", at_least(0)]),
        ({"phases.0.train": "head"}, ["phases", "head", "backbone", "small_cnn"]),
        ({"model.output": "sigmoid"}, ["model.output", "sigmoid", any_of("two", "2"), "3"]),
        ({"model.chanels": [1]}, [UNKNOWN, "'model.chanels'", "kind", "network", "output", "channels"]),
        ({"model.channels": []}, ["model.channels", "[]", LIST, at_least(1)]),
        ({"model.hidden_units": [0]}, ["model.hidden_units.0", "0", more_than(0)]),
        ({"model": {"kind": "linear", "solver": "liblinear"}}, ["model.solver", "'liblinear'", "'lbfgs'"]),
        ({"model": {"kind": "linear", "l2": 0}}, ["model.l2", "0", at_least(1e-09)]),
        ({"model": {"kind": "linear", "C": 1}}, [UNKNOWN, "'model.C'", "kind", "l2", "solver", "max_iterations"]),
    ],
)
def test_faults_of_a_papers_own_network_and_a_linear_model_are_refused(overrides, facts):
    assert_says(fault_of(overrides, "chen2021"), *facts)


def test_measured_statistics_need_a_phase_that_updates_batchnorm():
    message = fault_of({"training.batchnorm_statistics": "measured", "phases": [SGD]})
    assert_says(message, "training.batchnorm_statistics", "measured", "phase", "batchnorm: update")


ON_FEATURES = {"model": {"kind": "on_features", "of": "a/b", "hidden_units": [4]}, "phases": [SGD | {"train": "head"}]}


@pytest.mark.parametrize(
    ("overrides", "facts"),
    [
        ({"model.dropout": [0.1, 0.2]}, ["model", "dropout", "2", "1", "hidden_units"]),
        ({"model.activation": "gelu"}, ["model.activation", "'gelu'", "'relu'", "'sigmoid'", "'tanh'"]),
        ({"model.backbone": "xception"}, ["model", "backbone", "xception", "a/b"]),
        ({"model.weights": "none"}, [UNKNOWN, "'model.weights'", "kind", "of", "backbone", "hidden_units"]),
        ({"phases.0.train": "all"}, ["phases", "on_features", "head"]),
        ({"model.of": ""}, ["model.of", "''", "variants", "strategy1", "strategy2"]),
        ({"model.output": "sigmoid"}, ["model.output", "sigmoid", any_of("two", "2"), "4"]),
        ({"model.of": "strategy4"}, ["model.of", "'strategy4'", "variants", "strategy1"]),
        ({"model.of": "stratgy1"}, [nearest("'strategy1'")]),
    ],
)
def test_faults_of_a_head_on_features_are_refused(overrides, facts):
    assert_says(fault_of(deepcopy(ON_FEATURES) | overrides), *facts)


def test_stage_one_must_be_a_network_on_pictures(tmp_path):
    linear = {"model": {"kind": "linear"}, "phases": []}
    file = write_recipe(
        tmp_path, variants={"first": linear, "second": {"model": ON_FEATURES["model"] | {"of": "first"}}}
    )
    with refused("model.of", "first", "pictures", "variant"):
        load_experiment(file, variant="second")
