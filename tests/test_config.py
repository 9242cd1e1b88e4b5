"""The experiment: every recipe loads, every fault gets one line that names the key and what is accepted."""

import math

import pytest
import yaml

from pxr_tf.config import (
    configs_folder,
    differences,
    dump_experiment,
    load_experiment,
    parse_experiment,
    parse_override,
)
from pxr_tf.errors import PxrError

PAPER = "bozickovic2021"
RECIPES = sorted(configs_folder().glob("*.yaml"))
SECTIONS = ("image", "model", "splits", "balance", "augmentation", "training")
SGD = {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.01, "name": "all", "train": "all", "max_epochs": 2}


def fault_of(overrides: dict, recipe: str = PAPER) -> str:
    """Return the one line that these overrides of a recipe get."""
    with pytest.raises(PxrError) as caught:
        load_experiment(recipe, overrides)
    message = str(caught.value)
    assert "\n" not in message
    assert "pydantic" not in message.lower()
    return message.removeprefix(f"{configs_folder() / recipe}.yaml: ")


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_every_recipe_loads_under_each_strategy(file):
    assert load_experiment(file).name == file.stem
    for strategy in load_experiment(file).strategies:
        experiment = load_experiment(file.stem, {"strategy": strategy})
        assert experiment.phases == experiment.strategies[strategy].phases
        assert experiment.dropout == experiment.strategies[strategy].dropout


def test_the_papers_numbers():
    experiment = load_experiment(PAPER)
    head, every = experiment.phases
    assert (head.train, head.learning_rate, head.epsilon, head.patience) == ("head", 1e-3, 1e-7, 15)
    assert (every.train, every.learning_rate, every.epsilon, every.patience) == ("all", 1e-5, 0.1, 15)
    assert experiment.classes == ("bacterial", "covid19", "normal", "viral")
    assert (experiment.splits.folds, experiment.splits.holdout_fraction, experiment.image.size) == (5, 0.15, 224)
    assert [load_experiment(PAPER, {"strategy": number}).dropout > 0 for number in (1, 2, 3)] == [False, False, True]


@pytest.mark.parametrize(
    ("key", "known", "hint"),
    [
        ("sede", "name, published, classes, seed, strategy, image", "seed"),
        ("image.sise", "size, resize", "size"),
        ("model.backbne", "backbone, weights", "backbone"),
        ("splits.fold", "folds, test_rows", "folds"),
        ("balance.caps", "cap, oversample", "cap"),
        ("augmentation.copy", "copies, epochs", "copies"),
        ("training.batch", "batch_size, xla", "batch_size"),
        ("strategies.2.dropuot", "dropout, phases", "dropout"),
        ("strategies.2.phases.0.max_epoch", "name, train, optimizer", "max_epochs"),
    ],
)
def test_an_unknown_key_is_told_with_the_known_ones_and_the_nearest(key, known, hint):
    message = fault_of({key: 3})
    assert message.startswith(f"unknown key {key!r}. Known here: {known}")
    assert "Did you mean" in message
    assert repr(hint) in message.partition("Did you mean")[2]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("strategy", 4, "unknown strategy 4; known: 1, 2, 3."),
        ("splits.folds", 1, "splits.folds received 1; accepted: 2 or more."),
        ("splits.folds", "five", "splits.folds received 'five'; accepted: a whole number."),
        ("splits.test_rows", "some", "splits.test_rows received 'some'; accepted: 'balanced' or 'all'."),
        ("splits.holdout_fraction", 0.5, "splits.holdout_fraction received 0.5; accepted: less than 0.5."),
        ("splits.nested", 3, "splits.nested received 3; accepted: true or false."),
        ("image.size", 8, "image.size received 8; accepted: 32 or more."),
        ("image", 3, "image received 3; accepted: a mapping of keys to values."),
        ("model", None, "model received nothing; accepted: a mapping of keys to values."),
        ("model.hidden_units", [0], "model.hidden_units.0 received 0; accepted: more than 0."),
        ("model.weights", None, "model.weights received nothing; accepted: text."),
        ("training.xla", "maybe", "training.xla received 'maybe'; accepted: true or false, or 'auto'."),
        ("balance.oversample", "covid19", "balance.oversample received 'covid19'; accepted: a list, or 'all'."),
        ("classes", ["a"], "classes received ['a']; accepted: a list of 2 or more."),
        ("classes", ["a", "b", "a"], "classes need different names; received a, b, a."),
        ("name", "a b", "name received 'a b'; accepted: letters, digits and the signs . _ -."),
        ("seed", -1, "seed received -1; accepted: 0 or more."),
        ("strategies.2.phases", [], "strategies.2.phases received []; accepted: a list of 1 or more."),
        ("strategies.two", {}, "strategies.two received 'two'; accepted: a whole number."),
        (
            "strategies.2.phases.1.learning_rate",
            0,
            "strategies.2.phases.1.learning_rate received 0; accepted: more than 0.",
        ),
        (
            "strategies.2.phases.1.learning_rate",
            math.inf,
            "strategies.2.phases.1.learning_rate received inf; accepted: a finite number.",
        ),
        (
            "strategies.2.phases.0.train",
            "tail",
            "strategies.2.phases.0.train received 'tail'; accepted: 'head' or 'all'.",
        ),
        ("strategies.2.phases.0.name", "all", "strategies.2: phases need different names; received all, all."),
        (
            "balance.oversample",
            ["covid"],
            "balance.oversample names 'covid'; the classes are bacterial, covid19, normal, viral.",
        ),
        ("image.size.big", 3, "The key 'image.size.big' goes through 'size', which is the single value 224."),
        (
            "strategies.2.phases.5.max_epochs",
            3,
            "The key 'strategies.2.phases.5.max_epochs' names the item '5' of a list; accepted: 0 to 1.",
        ),
        (
            "strategies.2.phases.x.max_epochs",
            3,
            "The key 'strategies.2.phases.x.max_epochs' names the item 'x' of a list; accepted: 0 to 1.",
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
    message = fault_of({"strategies.1.phases": [SGD | {number: value}]})
    assert message.startswith(f"strategies.1.phases.0: {number} is used by adam")
    assert message.endswith("only, not by sgd.")


def test_momentum_is_for_sgd():
    assert "momentum is used by sgd only, not by adam" in fault_of({"strategies.2.phases.0.momentum": 0.9})
    assert load_experiment(PAPER, {"strategies.1.phases": [SGD]}).strategies[1].phases[0].momentum == 0.9


def test_phases_of_the_head_come_before_those_of_all_layers():
    phases = [SGD, SGD | {"name": "head", "train": "head"}]
    assert "train the head only come before" in fault_of({"strategies.2.phases": phases})
    assert load_experiment(PAPER, {"strategies.2.phases": phases[::-1]}).phases[0].name == "head"


def test_nested_needs_a_phase_that_can_stop_early():
    assert "splits.nested needs a phase with patience" in fault_of({"splits.nested": True}, "phantom")
    experiment = load_experiment(PAPER, {"splits.nested": True})
    assert not experiment.chooses_epochs
    assert load_experiment(PAPER).chooses_epochs
    assert not load_experiment("phantom").chooses_epochs


def test_overrides_replace_one_value_and_nothing_else():
    changed = load_experiment(PAPER, {"strategies.2.phases.0.max_epochs": 7, "splits.folds": 3})
    lines = differences(changed.model_dump(mode="json"), load_experiment(PAPER).model_dump(mode="json"))
    assert lines == ["splits.folds: 5, now 3", "strategies.2.phases: " + lines[1].partition(": ")[2]]
    assert [phase.max_epochs for phase in changed.phases] == [7, 100]


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_overriding_one_strategy_leaves_the_others_even_where_the_file_uses_anchors(file):
    before, after = load_experiment(file), load_experiment(file, {"strategies.2.phases.1.max_epochs": 77})
    assert after.strategies[2].phases[1].max_epochs == 77
    assert (after.strategies[1], after.strategies[3]) == (before.strategies[1], before.strategies[3])


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("a.b=1e-3", "a.b", 0.001),
        ("a=.5E1", "a", 5.0),
        ("a=16", "a", 16),
        ("a = x=y", "a", "x=y"),
        ("a=null", "a", None),
        ("a=[covid19, viral]", "a", ["covid19", "viral"]),
        ("a=true", "a", True),
    ],
)
def test_an_override_is_read_as_yaml(text, key, value):
    assert parse_override(text) == (key, value)


@pytest.mark.parametrize("text", ["a", "=3", "", "a=[1", "a=: :"])
def test_a_bad_override_is_told(text):
    with pytest.raises(PxrError, match=r"^--set received .*") as caught:
        parse_override(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("recipe", [file.stem for file in RECIPES])
@pytest.mark.parametrize(
    "overrides", [{}, {"seed": 3, "model.hidden_units": []}, {"strategies.1.phases": [SGD]}, {"published": None}]
)
def test_dump_and_load_give_an_equal_experiment(tmp_path, recipe, overrides):
    experiment = load_experiment(recipe, overrides)
    file = tmp_path / "experiment.yaml"
    file.write_text(dump_experiment(experiment))
    assert load_experiment(file) == experiment
    again = load_experiment(file, {"strategies.2.phases.0.max_epochs": 3})  # a dumped file takes overrides too
    assert again.strategies[2].phases[0].max_epochs == 3
    assert dump_experiment(load_experiment(file)) == dump_experiment(experiment)


def test_differences_name_dotted_keys_with_both_values():
    ours, theirs = {"a": {"b": 1, "c": 2}, "d": 3, "e": 4}, {"a": {"b": 1, "c": 5}, "d": 3}
    assert differences(ours, theirs) == ["a.c: 5, now 2", "e: None, now 4"]
    assert differences(ours, ours) == []


def test_an_experiment_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        load_experiment(PAPER).seed = 1


@pytest.mark.parametrize("section", SECTIONS)
def test_a_missing_section_is_named(section):
    values = yaml.safe_load((configs_folder() / "bozickovic2021.yaml").read_text())
    del values[section]
    with pytest.raises(PxrError, match=rf"^here: the key '{section}' is missing\.$"):
        parse_experiment(values, "here")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds nothing; an experiment is a mapping"),
        (b"[1]", r"holds \[1\]; an experiment is a mapping"),
        (b"a: [", "is not valid YAML"),
        (b"a: b: c", "is not valid YAML"),
        (b"\xff\xfe: 1", "is not valid YAML"),
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
