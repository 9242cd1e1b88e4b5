"""Recipes: each loads with each of its variants, overrides change one value, and dumping loses nothing."""

from pathlib import Path

import pytest
import yaml
from recipe_files import write_recipe

from pxr_tf.config import configs_folder, dump_experiment, load_experiment, parse_override, recipe_changes

PAPER = "bozickovic2021"
RECIPES = sorted(configs_folder().glob("*.yaml"))
SGD = {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.01, "name": "all", "train": "all", "max_epochs": 2}


def variants_of(file: Path) -> dict:
    return yaml.safe_load(file.read_text())["variants"]


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_every_recipe_loads_with_each_variant(file):
    assert load_experiment(file).name == file.stem
    for name, overlay in variants_of(file).items():
        experiment = load_experiment(file.stem, variant=name)
        assert experiment.variant == name
        shared, phases = experiment.training.learning_rate, overlay.get("phases", [])
        assert [phase.name for phase in experiment.phases] == [phase["name"] for phase in phases]
        rates = [float(phase.get("learning_rate", shared)) for phase in phases]
        assert [phase.learning_rate for phase in experiment.rated_phases] == rates
        for key, value in overlay.get("model", {}).items():
            assert_holds(experiment.model.model_dump(mode="json")[key], value)


def assert_holds(found, written):
    """Check a loaded value against the file; a mapping may leave out defaults."""
    if isinstance(written, dict):
        assert {key: found[key] for key in written} == written
    else:
        assert found == written


def test_the_papers_numbers():
    experiment = load_experiment(PAPER)
    head, every = experiment.phases
    assert (head.train, head.learning_rate, head.epsilon, head.patience) == ("head", 1e-3, 1e-7, 15)
    assert (every.train, every.learning_rate, every.epsilon, every.patience) == ("all", 1e-5, 0.1, 15)
    assert experiment.classes == ("bacterial", "covid19", "normal", "viral")
    assert (experiment.splits.folds, experiment.splits.holdout_fraction, experiment.image.size) == (5, 0.15, 224)
    dropouts = [load_experiment(PAPER, variant=f"strategy{number}").model.head.dropout for number in (1, 2, 3)]
    assert [dropout > 0 for dropout in dropouts] == [False, False, True]


def test_overrides_replace_one_value_and_nothing_else():
    before, changed = load_experiment(PAPER), load_experiment(PAPER, {"phases.0.max_epochs": 7, "splits.folds": 3})
    found = recipe_changes(before, changed)
    assert list(found) == ["phases.head.max_epochs", "splits.folds"]
    assert found["splits.folds"] == (5, 3)
    assert [phase.max_epochs for phase in changed.phases] == [7, 100]
    assert changed.phases[1] == before.phases[1]


@pytest.mark.parametrize(("number", "name"), [(0, "head"), (1, "all")])
def test_an_override_takes_the_name_of_a_phase(number, name):
    by_number, by_name = (load_experiment(PAPER, {f"phases.{key}.learning_rate": 0.5}) for key in (number, name))
    assert by_name == by_number != load_experiment(PAPER)
    assert by_name.phases[number].learning_rate == 0.5
    other = load_experiment(
        PAPER, {f"phases.{name}": {"name": "new", "train": name, "max_epochs": 3, "learning_rate": 1}}
    )
    assert other.phases[number].name == "new"


def test_a_number_is_the_place_of_a_phase_before_it_is_a_name():
    named = {"phases.0.name": "1", "phases.1.name": "0"}
    assert load_experiment(PAPER, named | {"phases.1.max_epochs": 7}).phases[1].max_epochs == 7
    swapped = load_experiment(PAPER, {"phases.all.name": "every", "phases.every.max_epochs": 7})
    assert swapped.phases[1].max_epochs == 7


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_an_override_applies_to_every_variant(file):
    trained = [name for name, overlay in variants_of(file).items() if "phases" in overlay]
    assert trained
    for variant in trained:
        before, after = (load_experiment(file, given, variant=variant) for given in ({}, {"phases.0.max_epochs": 77}))
        assert after.phases[0].max_epochs == 77
        assert after.phases[1:] == before.phases[1:]


def test_an_override_of_one_place_of_an_anchor_leaves_the_others(tmp_path):
    values = yaml.safe_load((configs_folder() / "phantom.yaml").read_text())
    values["balance"]["oversample"] = values["classes"]  # one list: written as an anchor and an alias
    text = yaml.safe_dump(values)
    assert "*id001" in text
    (tmp_path / "anchors.yaml").write_text(text)
    experiment = load_experiment(tmp_path / "anchors.yaml", {"balance.oversample.0": "normal"})
    assert experiment.balance.oversample == ("normal", "covid19", "normal", "viral")
    assert experiment.classes == ("bacterial", "covid19", "normal", "viral")


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
        ("a=", "a", None),
        ("a='5'", "a", "5"),
        ("a=-1_000", "a", -1000),
        ("a=+2.5e+3", "a", 2500.0),
        ("a=1.", "a", 1.0),
        ("a=017", "a", "017"),
        ("a=0x10", "a", "0x10"),
        ("a=1:30", "a", "1:30"),
        ("a=1:30.5", "a", "1:30.5"),
        ("a=2020-01-01", "a", "2020-01-01"),
        ("a=[&b {c: 1}, {<<: *b, d: 2}, *b]", "a", [{"c": 1}, {"c": 1, "d": 2}, {"c": 1}]),
    ],
)
def test_an_override_is_read_as_yaml(text, key, value):
    assert parse_override(text) == (key, value)


@pytest.mark.parametrize("recipe", [file.stem for file in RECIPES])
@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"seed": 3, "model.output": "softmax"},
        {"phases": [SGD], "training.learning_rate": None},
        {"published": None},
        {"name": "1e5", "tag": "017"},
    ],
)
def test_dump_and_load_give_an_equal_experiment(tmp_path, recipe, overrides):
    if "model.output" in overrides and load_experiment(recipe).backbone:
        overrides = {"seed": 3, "model.head.hidden_units": []}
    experiment = load_experiment(recipe, overrides)
    file = tmp_path / "experiment.yaml"
    file.write_text(dump_experiment(experiment))
    assert load_experiment(file) == experiment
    assert load_experiment(file, variant=experiment.variant) == experiment  # a dumped file has one variant
    again = load_experiment(file, {"phases.0.max_epochs": 3})  # and accepts overrides too
    assert again.phases[0].max_epochs == 3
    assert dump_experiment(load_experiment(file)) == dump_experiment(experiment)


def test_an_experiment_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        load_experiment(PAPER).seed = 1


def test_an_overlay_merges_mappings_and_replaces_everything_else(tmp_path):
    small = {"model": {"head": {"dropout": 0.5}}, "classes": ["normal", "covid19"], "splits": {"folds": 3}}
    file = write_recipe(tmp_path, variants={"plain": {}, "small": small})
    plain, changed = load_experiment(file), load_experiment(file, variant="small")
    found = recipe_changes(plain, changed)
    assert found == {
        "classes": (["bacterial", "covid19", "normal", "viral"], ["normal", "covid19"]),
        "model.head.dropout": (0.0, 0.5),
        "splits.folds": (5, 3),
        "variant": ("plain", "small"),
    }


def test_the_variant_is_the_requested_one_else_the_files_own_else_the_first(tmp_path):
    variants = {"one": {"seed": 1}, "two": {"seed": 2}}
    file = write_recipe(tmp_path, variants=variants)
    assert load_experiment(file).variant == "one"
    assert load_experiment(file, variant="two").seed == 2
    file = write_recipe(tmp_path, variants=variants, variant="two")
    assert (load_experiment(file).variant, load_experiment(file).seed) == ("two", 2)
    assert load_experiment(write_recipe(tmp_path)).variant == "base"


def test_another_kind_of_model_replaces_the_whole_network_of_the_recipe():
    for overrides in ({"model.kind": "other", "model.depth": 3}, {"model": {"kind": "other", "depth": 3}}):
        experiment = load_experiment(PAPER, overrides)
        assert experiment.model.model_dump() == {"kind": "other", "depth": 3}
        assert experiment.phases == ()
        assert (experiment.backbone, experiment.chooses_epochs) == ("", False)
    assert load_experiment(PAPER, {"model.kind": "transfer"}) == load_experiment(PAPER)


def test_phases_may_share_a_learning_rate():
    own, shared = SGD, {key: value for key, value in SGD.items() if key != "learning_rate"} | {"name": "shared"}
    experiment = load_experiment(PAPER, {"phases": [own, shared], "training.learning_rate": 0.5})
    assert [phase.learning_rate for phase in experiment.phases] == [0.01, None]  # as in the file
    assert [phase.learning_rate for phase in experiment.rated_phases] == [0.01, 0.5]
    assert experiment.rated_phases[1].model_copy(update={"learning_rate": None}) == experiment.phases[1]


def test_both_kinds_of_networks_are_trained_by_the_same_phases():
    """A backbone in a recipe for a paper's own network, and the other way round."""
    small = load_experiment("chen2021")
    model = {"kind": "transfer", "backbone": "xception", "weights": "none"}
    experiment = load_experiment("chen2021", {"model": model})
    assert (experiment.backbone, experiment.stem) == ("xception", "small_cnn-xception")
    assert (experiment.phases, experiment.training) == (small.phases, small.training)
    other = load_experiment(PAPER, {"model": {"kind": "scratch", "network": "small_cnn"}}, variant="strategy1")
    assert other.phases == load_experiment(PAPER, variant="strategy1").phases
    assert other.stem == "strategy1-small_cnn"


def test_a_learner_without_phases_gets_no_learning_rate():
    experiment = load_experiment("chen2021", {"model.kind": "linear"})
    assert (experiment.training.learning_rate, experiment.phases) == (None, ())
    assert experiment.training.batch_size == 32
    assert load_experiment("chen2021", variant="logistic_regression").stem == "logistic_regression-linear"


def test_a_variant_may_have_another_kind_of_model(tmp_path):
    file = write_recipe(tmp_path, variants={"network": {}, "other": {"model": {"kind": "other", "depth": 3}}})
    assert load_experiment(file).backbone == "xception"
    experiment = load_experiment(file, variant="other")
    assert experiment.model.model_dump() == {"kind": "other", "depth": 3}
    (tmp_path / "dumped.yaml").write_text(dump_experiment(experiment))
    assert load_experiment(tmp_path / "dumped.yaml") == experiment


def test_options_of_an_added_scheme_are_part_of_the_experiment(tmp_path):
    experiment = load_experiment(PAPER, {"splits.scheme": "mine", "splits.options.repeats": 3})
    assert experiment.splits.options == {"repeats": 3}
    (tmp_path / "dumped.yaml").write_text(dump_experiment(experiment))
    assert load_experiment(tmp_path / "dumped.yaml") == experiment


def test_a_head_on_features_knows_the_backbone_of_stage_one(tmp_path):
    """It is the named variant's own, or the requested backbone; a dumped experiment needs no recipe."""
    on_first = {"kind": "on_features", "of": "first", "hidden_units": [4]}
    phases = [SGD | {"train": "head"}]
    file = write_recipe(tmp_path, variants={"first": {}, "second": {"model": on_first, "phases": phases}})
    experiment = load_experiment(file, variant="second")
    assert (experiment.model.backbone, experiment.stem) == ("xception", "second-xception")
    other = load_experiment(file, {"model.backbone": "resnet50"}, variant="second")
    assert (other.stem, other.backbone) == ("second-resnet50", "")
    (tmp_path / "dumped.yaml").write_text(dump_experiment(experiment))
    assert load_experiment(tmp_path / "dumped.yaml") == experiment
    by_path = load_experiment(file, {"model.of": "runs/a/b/official/seed-0"}, variant="second")
    assert (by_path.model.backbone, by_path.stem) == (None, "second-on_features")
