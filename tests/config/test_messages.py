"""Every fault of a recipe gets one line that names the key and what is accepted."""

import math
from copy import deepcopy

import pytest
from recipe_files import write_recipe

from pxr_tf.config import configs_folder, load_experiment, parse_experiment, parse_override
from pxr_tf.errors import PxrError

PAPER = "bozickovic2021"
SIGNS = "a letter or digit, then letters, digits and the signs . _ + -"
AMOUNT = "a share between 0 and 1, or a whole number of images up to 1000000"
NEEDED = ("name", "classes", "image", "model", "splits")
SGD = {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.01, "name": "all", "train": "all", "max_epochs": 2}


def fault_of(overrides: dict, recipe: str = PAPER, variant: str | None = None) -> str:
    """Return the one line that these overrides of a recipe get."""
    with pytest.raises(PxrError) as caught:
        load_experiment(recipe, overrides, variant=variant)
    message = str(caught.value)
    assert "\n" not in message
    assert "pydantic" not in message.lower()
    return message.removeprefix(f"{configs_folder() / recipe}.yaml: ")


@pytest.mark.parametrize(
    ("key", "known", "hint"),
    [
        ("sede", "name, variant, published, classes, tag, duplicates, merge, seed, image", "seed"),
        ("image.sise", "size, resize", "size"),
        ("model.backbne", "kind, backbone, weights", "backbone"),
        ("model.head.dropuot", "hidden_units, dropout, output", "dropout"),
        ("splits.fold", "scheme, test_rows, folds", "folds"),
        ("balance.caps", "cap, oversample", "cap"),
        ("augmentation.copy", "copies, epochs", "copies"),
        ("augmentation.epochs.rotat", "rotate, zoom, shift, mirror, border", "rotate"),
        ("training.batch", "learning_rate, batch_size, class_weights", "batch_size"),
        ("phases.0.max_epoch", "name, train, optimizer", "max_epochs"),
    ],
)
def test_an_unknown_key_is_told_with_the_known_ones_and_the_nearest(key, known, hint):
    given = {key: 3} if "epochs" not in key else {key.rpartition(".")[0]: {key.rpartition(".")[2]: 3}}
    message = fault_of(given)
    assert message.startswith(f"unknown key {key!r}. Known here: {known}")
    assert "Did you mean" in message
    assert repr(hint) in message.partition("Did you mean")[2]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("splits.folds", 1, "splits.folds received 1; accepted: 2 or more."),
        ("splits.folds", 10**9, "splits.folds received 1000000000; accepted: 1000 or less."),
        ("splits.folds", "five", "splits.folds received 'five'; accepted: a whole number."),
        ("splits.test_rows", "some", "splits.test_rows received 'some'; accepted: 'balanced' or 'all'."),
        ("splits.holdout_fraction", 0.5, "splits.holdout_fraction received 0.5; accepted: less than 0.5."),
        ("splits.nested", 1, "splits.nested received 1; accepted: true or false."),
        ("splits.nested", "yes", "splits.nested received 'yes'; accepted: true or false."),
        ("splits.nested", 3, "splits.nested received 3; accepted: true or false."),
        (
            "image.crop",
            "lung",
            "image.crop received 'lung'; accepted: 'none', 'lungs', 'lungs_only' or 'without_lungs'. Did you mean "
            "'lungs' or 'lungs_only'?",
        ),
        (
            "image.crop",
            None,
            "image.crop received nothing; accepted: 'none', 'lungs', 'lungs_only' or 'without_lungs'.",
        ),
        ("image.margin", 1.5, "image.margin received 1.5; accepted: 1 or less."),
        ("image.margin", -0.1, "image.margin received -0.1; accepted: 0 or more."),
        ("image.margin", 0.1, "image: margin is used with crop: lungs only; here crop is none. Leave margin out."),
        (
            "image.atlas",
            "x",
            "image: atlas is used with a crop only; here crop is none. Leave it out, or set crop: lungs.",
        ),
        (
            "image.masks",
            "x",
            "image: masks is used with a crop only; here crop is none. Leave it out, or set crop: lungs.",
        ),
        (
            "image",
            {"size": 64, "crop": "lungs", "atlas": "a", "masks": "b"},
            "image: atlas and masks are both given; accepted: one of the two, as masks are read, not found.",
        ),
        ("image.size", 4096, "image.size received 4096; accepted: 2048 or less."),
        ("image.size", 8, "image.size received 8; accepted: 32 or more."),
        ("image", 3, "image received 3; accepted: a mapping of keys to values."),
        ("model", None, "model received nothing; accepted: a mapping of keys to values."),
        ("model.head.hidden_units", [0], "model.head.hidden_units.0 received 0; accepted: more than 0."),
        ("model.weights", None, "model.weights received nothing; accepted: text."),
        ("training.xla", "maybe", "training.xla received 'maybe'; accepted: true or false, or 'auto'."),
        ("balance.oversample", "covid19", "balance.oversample received 'covid19'; accepted: a list, or 'all'."),
        ("augmentation.copies", 3, "augmentation.copies received 3; accepted: text."),
        ("augmentation.copies", {"rotate": 200}, "augmentation.copies.rotate received 200; accepted: 180 or less."),
        ("augmentation.epochs", {"zoom": [1]}, "the key 'augmentation.epochs.zoom.1' is missing."),
        (
            "augmentation.epochs",
            {"zoom": [1.2, 0.9]},
            "augmentation.epochs: zoom received [1.2, 0.9]; accepted: the smaller number first, such as [0.9, 1.1].",
        ),
        ("augmentation.epochs", {"shift": 1}, "augmentation.epochs.shift received 1; accepted: less than 1."),
        (
            "augmentation.epochs",
            {"border": "white"},
            "augmentation.epochs.border received 'white'; accepted: 'black' or 'stretch'.",
        ),
        ("classes", ["a"], "classes received ['a']; accepted: a list of 2 or more."),
        ("classes", ["a", "b", "a"], "classes need different names; received a, b, a."),
        ("name", "a b", f"name received 'a b'; accepted: {SIGNS}."),
        ("name", "a\udc80", "name received 'a\\udc80'; accepted: UTF-8 text."),
        ("name", "..", f"name received '..'; accepted: {SIGNS}."),
        ("name", ".x", f"name received '.x'; accepted: {SIGNS}."),
        ("name", "cache", "name received 'cache'; accepted: any name but cache, the folder in RUNS that runs share."),
        ("name", "Cache", "name received 'Cache'; accepted: any name but cache, the folder in RUNS that runs share."),
        ("name", "x.lock", "name received 'x.lock'; accepted: a name that does not end in .lock or .partial."),
        ("name", "ä" * 51, f"name received '{'ä' * 36}...; accepted: a name of up to 100 bytes; this one has 102."),
        (
            "variant",
            "strategy1",
            "Received variant='strategy1' as an override, which would change its name alone. Choose it with --variant "
            "(VARIANT=...).",
        ),
        (
            "tag",
            "x.partial",
            "tag received 'x.partial'; accepted: a name that does not end in .lock or .partial.",
        ),
        ("tag", "..", f"tag received '..'; accepted: {SIGNS}."),
        (
            "tag",
            "t" * 201,
            f"tag received '{'t' * 36}...; accepted: a name of up to 200 bytes; this one has 201. Give a shorter one "
            "(--set tag=...).",
        ),
        ("phases.0.name", "", f"phases.0.name received ''; accepted: {SIGNS}."),
        ("phases.0.name", "../x", f"phases.0.name received '../x'; accepted: {SIGNS}."),
        (
            "classes",
            ["all", "normal"],
            "classes received 'all', which is a word of the tables; merge it under another name.",
        ),
        ("seed", True, "seed received True; accepted: a whole number."),
        ("seed", "5", "seed received '5'; accepted: a whole number."),
        ("splits.folds", True, "splits.folds received True; accepted: a whole number."),
        ("splits.folds", 5.0, "splits.folds received 5.0; accepted: a whole number."),
        ("splits.validation", True, f"splits.validation received True; accepted: {AMOUNT}."),
        (
            "splits.validation",
            10**12,
            f"splits.validation received 1000000000000; accepted: {AMOUNT}.",
        ),
        ("image.size", True, "image.size received True; accepted: a whole number."),
        ("model.head.dropout", False, "model.head.dropout received False; accepted: a number."),
        ("model.head.dropout", 1, "model.head.dropout received 1; accepted: less than 1."),
        ("model.head.hidden_units", [True], "model.head.hidden_units.0 received True; accepted: a whole number."),
        ("model.head.hidden_units", [10**9], "model.head.hidden_units.0 received 1000000000; accepted: 65536 or less."),
        ("phases.0.max_epochs", True, "phases.0.max_epochs received True; accepted: a whole number."),
        ("phases.0.max_epochs", 10**12, "phases.0.max_epochs received 1000000000000; accepted: 10000 or less."),
        ("phases.0.patience", False, "phases.0.patience received False; accepted: a whole number."),
        ("phases.0.patience", 10**12, "phases.0.patience received 1000000000000; accepted: 10000 or less."),
        ("phases.0.learning_rate", True, "phases.0.learning_rate received True; accepted: a number."),
        ("phases.0.learning_rate", "1e-3", "phases.0.learning_rate received '1e-3'; accepted: a number."),
        ("phases.0.learning_rate", 1e300, "phases.0.learning_rate received 1e+300; accepted: 1000 or less."),
        ("phases.0.learning_rate", 1e-300, "phases.0.learning_rate received 1e-300; accepted: 1e-30 or more."),
        ("phases.0.epsilon", 1e300, "phases.0.epsilon received 1e+300; accepted: 1000 or less."),
        ("training.batch_size", 10**12, "training.batch_size received 1000000000000; accepted: 65536 or less."),
        ("training.mirror_predictions", 1, "training.mirror_predictions received 1; accepted: true or false."),
        ("training.xla", 1, "training.xla received 1; accepted: true or false, or 'auto'."),
        ("balance.cap", 10**12, "balance.cap received 1000000000000; accepted: 1000000 or less."),
        ("balance.target", 10**12, "balance.target received 1000000000000; accepted: 1000000 or less."),
        ("seed", -1, "seed received -1; accepted: 0 or more."),
        ("phases", [], "phases received an empty list; a network needs one phase or more."),
        ("phases", {}, "phases received {}; accepted: a list."),
        ("model.kind", 3, "model.kind received 3; accepted: text."),
        ("model.head.output", "tanh", "model.head.output received 'tanh'; accepted: 'softmax' or 'sigmoid'."),
        (
            "model.head.output",
            "sigmoid",
            "model.head.output received sigmoid, which is for two classes; here are 4 (bacterial, covid19, normal, "
            "viral). Set it to softmax, or merge classes: CLASSES=normal,ill=bacterial+viral.",
        ),
        ("splits.validation", 0, f"splits.validation received 0; accepted: {AMOUNT}."),
        (
            "splits.options.folds",
            3,
            "splits: options names 'folds', which all schemes share; use splits.folds.",
        ),
        ("splits.options", 3, "splits.options received 3; accepted: a mapping of keys to values."),
        ("splits.unit", "pixel", "splits.unit received 'pixel'; accepted: 'patient' or 'image'."),
        (
            "training.class_weights",
            {"norml": 2},
            "training.class_weights names 'norml'; the classes are bacterial, covid19, normal, viral. Did you mean "
            "'normal'?",
        ),
        (
            "training.class_weights",
            {"normal": "much"},
            "training.class_weights.normal received 'much'; accepted: a number.",
        ),
        (
            "training.class_weights",
            {"normal": True},
            "training.class_weights.normal received True; accepted: a number.",
        ),
        (
            "training.class_weights",
            {"normal": 1e300},
            "training.class_weights.normal received 1e+300; accepted: 1000000 or less.",
        ),
        ("balance.oversample", [3], "balance.oversample.0 received 3; accepted: text."),
        (
            "training.class_weights",
            {"normal": 2, "viral": 1},
            "training.class_weights has no number for bacterial, covid19; give one per class.",
        ),
        (
            "merge",
            {"pneumonia": ["a", "b"]},
            "merge names 'pneumonia'; the classes are bacterial, covid19, normal, viral.",
        ),
        (
            "merge",
            {"viral": ["a"], "normal": ["a"]},
            "merge puts 'a' into a class twice; each label goes into one.",
        ),
        (
            "merge",
            {"viral": ["viral", "normal"]},
            "merge puts 'normal' into another class, but it is a class of its own; leave one out.",
        ),
        (
            "phases.1.learning_rate",
            0,
            "phases.1.learning_rate received 0; accepted: 1e-30 or more.",
        ),
        (
            "phases.1.learning_rate",
            math.inf,
            "phases.1.learning_rate received inf; accepted: a finite number.",
        ),
        (
            "phases.0.train",
            "tail",
            "phases.0.train received 'tail'; accepted: 'head' or 'all'.",
        ),
        ("phases.0.name", "all", "phases need different names; received all, all."),
        (
            "balance.oversample",
            ["covid"],
            "balance.oversample names 'covid'; the classes are bacterial, covid19, normal, viral. Did you mean "
            "'covid19'?",
        ),
        ("image.size.big", 3, "The key 'image.size.big' goes through 'size', which is the single value 224."),
        (
            "phases.5.max_epochs",
            3,
            "The key 'phases.5.max_epochs' names the item '5' of a list; accepted: 0 to 1.",
        ),
        (
            "phases.x.max_epochs",
            3,
            "The key 'phases.x.max_epochs' names the item 'x' of a list; accepted: 0 to 1.",
        ),
    ],
)
def test_an_impossible_value_is_told_in_one_line(key, value, message):
    assert fault_of({key: value}) == message


def test_only_the_value_in_question_is_explained():
    """Two faults with the same value: what the second accepts is not mixed into the first."""
    assert fault_of({"image.size": 3, "training.xla": 3}) == "image.size received 3; accepted: 32 or more."


@pytest.mark.parametrize(("number", "value"), [("epsilon", 0.1), ("weight_decay", 0.01)])
def test_numbers_that_the_optimizer_ignores_are_refused(number, value):
    message = fault_of({"phases": [SGD | {number: value}]})
    assert message.startswith(f"phases.0: {number} is used by adam")
    assert message.endswith("only, not by sgd.")


def test_momentum_is_for_sgd():
    assert "momentum is used by sgd only, not by adam" in fault_of({"phases.0.momentum": 0.9})
    assert load_experiment(PAPER, {"phases": [SGD]}).phases[0].momentum == 0.9


def test_phases_of_the_head_come_before_those_of_all_layers():
    phases = [SGD, SGD | {"name": "head", "train": "head"}]
    assert "train the head only come before" in fault_of({"phases": phases})
    assert load_experiment(PAPER, {"phases": phases[::-1]}).phases[0].name == "head"


def test_nested_needs_a_phase_that_can_stop_early():
    assert "splits.nested needs a phase with patience or keep: best" in fault_of({"splits.nested": True}, "phantom")
    experiment = load_experiment(PAPER, {"splits.nested": True})
    assert not experiment.chooses_epochs
    assert load_experiment(PAPER).chooses_epochs
    assert not load_experiment("phantom").chooses_epochs
    keeps = {"phases.0.keep": "best"}
    assert load_experiment("phantom", keeps).chooses_epochs
    assert not load_experiment("phantom", keeps | {"splits.nested": True}).chooses_epochs


def test_a_phase_that_stops_early_goes_back_to_its_best_epoch():
    assert "keep: last is for phases without patience" in fault_of({"phases": [SGD | {"keep": "last", "patience": 2}]})
    kept = [
        load_experiment(PAPER, {"phases": [SGD | {"keep": keep}]}).phases[0].keeps_best for keep in ("last", "best")
    ]
    assert kept == [False, True]


@pytest.mark.parametrize("text", ["a", "=3", "", "a=[1", "a=: :"])
def test_a_bad_override_is_told(text):
    with pytest.raises(PxrError, match=r"^--set received .*") as caught:
        parse_override(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", NEEDED)
def test_a_missing_key_is_named(key):
    values = load_experiment(PAPER).model_dump()
    del values[key]
    with pytest.raises(PxrError, match=rf"^here: the key '{key}' is missing\.$"):
        parse_experiment(values, "here")


@pytest.mark.parametrize("key", ["backbone", "weights"])
def test_a_missing_key_of_the_model_is_named(key):
    values = load_experiment(PAPER).model_dump()
    del values["model"][key]
    with pytest.raises(PxrError, match=rf"^here: the key 'model\.{key}' is missing\.$"):
        parse_experiment(values, "here")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds nothing; an experiment is a mapping"),
        (b"[1]", r"holds \[1\]; an experiment is a mapping"),
        (b"a: [", "not valid YAML"),
        (b"a: b: c", "not valid YAML"),
        (b"\xff\xfe: 1", "is not UTF-8 text"),
        (b"name: x", "the key '.*' is missing"),
    ],
)
def test_a_bad_file_is_told_in_one_line(tmp_path, content, message):
    file = tmp_path / "mine.yaml"
    file.write_bytes(content)
    with pytest.raises(PxrError, match=rf"mine\.yaml.*{message}") as caught:
        load_experiment(file)
    assert "\n" not in str(caught.value)


def test_an_unknown_recipe_gets_the_nearest_names():
    with pytest.raises(PxrError, match=r"No experiment 'bozickovic'.*phantom.*Did you mean 'bozickovic2021'\?"):
        load_experiment("bozickovic")


@pytest.mark.parametrize(
    ("variants", "asked", "message"),
    [
        ({"one": {}, "two": {}}, "tow", "unknown variant 'tow'. Known: one, two. Did you mean 'two'?"),
        ({"one": {}, "two": {}}, "4", "unknown variant '4'. Known: one, two."),
        (None, "one", "unknown variant 'one'. Known: none."),
        ({"one": {"sede": 1}}, "one", "unknown key 'sede'. Known here: name, variant"),
        ({"one": 3}, "one", "variants received {'one': 3}; accepted: a mapping of names to mappings."),
        ([{"one": {}}], "one", "variants received [{'one': {}}]; accepted: a mapping of names to mappings."),
        ("one", "one", "variants received 'one'; accepted: a mapping of names to mappings."),
        ({"..": {}}, None, f"variant received '..'; accepted: {SIGNS}."),
        ({"v" * 101: {}}, None, f"variant received '{'v' * 36}...; accepted: a name of up to 100 bytes"),
        ({"x.Lock": {}}, None, "variant received 'x.Lock'; accepted: a name that does not end in .lock or .partial."),
    ],
)
def test_a_bad_variant_is_told_in_one_line(tmp_path, variants, asked, message):
    with pytest.raises(PxrError) as caught:
        load_experiment(write_recipe(tmp_path, variants=variants), variant=asked)
    assert str(caught.value).startswith(f"{tmp_path / 'mine.yaml'}: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["other", "linear"])
def test_phases_are_for_networks(kind):
    message = fault_of({"model.kind": kind, "phases": [SGD]})
    assert message == f"phases are for networks, not for the model {kind}; leave them out."


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"training.learning_rate": None}, "phase 'all' has no learning_rate; give it one, or all: training."),
        ({"phases.0.learning_rate": 0.1}, "training.learning_rate received 0.003, but every phase has its own; set it"),
        ({"training.learning_rate": 0}, "training.learning_rate received 0; accepted: 1e-30 or more."),
        (
            {"model": {"kind": "linear"}, "training.learning_rate": 0.1},
            "training.learning_rate received 0.1, but the model linear has no phases; set it to null.",
        ),
        ({"phases.0.l2": -1}, "phases.0.l2 received -1; accepted: 0 or more."),
        ({"phases.0.train": "head"}, "phases that train the head only need a backbone; the network small_cnn has none"),
        ({"model.output": "sigmoid"}, "model.output received sigmoid, which is for two classes; here are 3"),
        ({"model.chanels": [1]}, "unknown key 'model.chanels'. Known here: kind, network, output, channels"),
        ({"model.channels": []}, "model.channels received []; accepted: a list of 1 or more"),
        ({"model.hidden_units": [0]}, "model.hidden_units.0 received 0; accepted: more than 0"),
        ({"model": {"kind": "linear", "solver": "liblinear"}}, "model.solver received 'liblinear'; accepted: 'lbfgs'"),
        ({"model": {"kind": "linear", "l2": 0}}, "model.l2 received 0; accepted: 1e-09 or more"),
        ({"model": {"kind": "linear", "C": 1}}, "unknown key 'model.C'. Known here: kind, l2, solver, max_iterations"),
    ],
)
def test_faults_of_a_papers_own_network_and_of_a_linear_model(overrides, message):
    assert fault_of(overrides, "chen2021").startswith(message)


def test_statistics_that_nothing_moves_are_not_measured():
    message = fault_of({"training.batchnorm_statistics": "measured", "phases": [SGD]})
    assert message == "training.batchnorm_statistics: measured needs a phase with batchnorm: update."


ON_FEATURES = {"model": {"kind": "on_features", "of": "a/b", "hidden_units": [4]}, "phases": [SGD | {"train": "head"}]}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"model.dropout": [0.1, 0.2]}, "model: dropout received 2 numbers for 1 layer (hidden_units); accepted: one"),
        ({"model.activation": "gelu"}, "model.activation received 'gelu'; accepted: 'relu', 'sigmoid' or 'tanh'."),
        ({"model.backbone": "xception"}, "model: backbone received xception, but the first run is a folder (a/b)"),
        ({"model.weights": "none"}, "unknown key 'model.weights'. Known here: kind, of, backbone, hidden_units"),
        ({"phases.0.train": "all"}, "phases of the model on_features train the head only"),
        ({"model.of": ""}, "model.of received ''; accepted: one of the recipe's variants (strategy1, strategy2"),
        ({"model.output": "sigmoid"}, "model.output received sigmoid, which is for two classes; here are 4"),
        (
            {"model.of": "strategy4"},
            "model.of received 'strategy4'; accepted: one of the recipe's variants (strategy1, ",
        ),
        ({"model.of": "stratgy1"}, "Did you mean 'strategy1'?"),
    ],
)
def test_faults_of_a_head_on_features(overrides, message):
    assert message in fault_of(deepcopy(ON_FEATURES) | overrides)


def test_a_first_stage_sees_pictures(tmp_path):
    linear = {"model": {"kind": "linear"}, "phases": []}
    file = write_recipe(
        tmp_path, variants={"first": linear, "second": {"model": ON_FEATURES["model"] | {"of": "first"}}}
    )
    with pytest.raises(PxrError, match="model.of names first, whose model sees no pictures; accepted: a variant with"):
        load_experiment(file, variant="second")
