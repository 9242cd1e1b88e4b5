"""Recipes with a paper's own network or a linear model: each variant from recipe to table, shrunk."""

from pathlib import Path

import pandas as pd
import pytest
from messages import any_of, assert_tells

from pxr_tf.config import load_experiment
from pxr_tf.models.model_file import load_classifier
from pxr_tf.studies.experiments import ExperimentOptions

SHRUNK = {"image.size": 32, "training.batch_size": 16}
SMALL = {  # variant -> overrides that make its network small
    "logistic_regression": {"model.max_iterations": 5},
    "feed_forward": {"model.hidden_units": [8, 4]},
    "small_cnn": {"model.channels": [2, 2], "model.hidden_units": [4]},
    "alrelu_cnn": {"model.channels": [2, 2, 2, 2, 4], "model.hidden_units": [4]},
    "plain": {"model.channels": [2, 2, 4], "model.hidden_units": [4]},
}


@pytest.fixture
def train(pxr, official_phantoms):
    """Run a variant of a recipe on one split or in folds; return (run directory, output)."""

    def run(command: str, recipe: str, variant: str, *words: object, backbone: bool = False) -> tuple[Path, str]:
        values = {**SHRUNK, **({} if backbone else SMALL[variant])}
        given = [word for key, value in values.items() for word in ("--set", f"{key}={value}")]
        given += [] if variant == "logistic_regression" else ["--epochs", 1]
        shared = ["--config", recipe, "--variant", variant, "--data", official_phantoms, "--runs", "runs"]
        code, said, wrong = pxr(command, *shared, *given, *words)
        assert (code, wrong) == (0, "")
        (folder,) = Path("runs").glob(f"{recipe}/*/*/seed-0")
        return folder, said

    return run


def check_results(folder: Path, place: str, classes: list[str]) -> dict:
    """Check the files of a run; return the card of its model."""
    metrics = pd.read_csv(folder / "metrics.csv")
    assert set(metrics["class"]) == {"all", *classes}
    predictions = pd.read_csv(folder / "predictions.csv")
    assert list(predictions.columns[-len(classes) :]) == [f"p_{name}" for name in classes]
    model, card = load_classifier(folder / place / "model.keras")
    assert model.input_shape == (None, 32, 32, 1)
    assert card["classes"] == classes
    return card


@pytest.mark.parametrize("variant", ["logistic_regression", "feed_forward", "small_cnn", "alrelu_cnn"])
def test_variants_of_chen2021_run_on_the_official_split(train, variant):
    folder, said = train("train", "chen2021", variant, "--validation", 0.2)
    name = "linear" if variant == "logistic_regression" else variant
    assert folder.parts[-4:-1] == ("chen2021", variant if name == variant else f"{variant}-{name}", "official")
    assert "official split" in said
    card = check_results(folder, "official", ["normal", "viral", "bacterial"])
    assert (card["model"], card["experiment"], card["variant"]) == (name, "chen2021", variant)
    assert card.get("custom_layers", []) == (["pxr_tf>ALReLU"] if variant == "alrelu_cnn" else [])


@pytest.mark.slow
def test_a_variant_of_chen2021_runs_in_two_folds(train):
    folder, said = train("cv", "chen2021", "small_cnn", "--folds", 2)
    assert_tells(said, "small_cnn", "2 folds")
    assert {file.name for file in folder.iterdir() if file.is_dir()} == {"fold-0", "fold-1"}
    check_results(folder, "fold-1", ["normal", "viral", "bacterial"])


def test_novokshanov2022_splits_images_and_says_so(train):
    folder, said = train("train", "novokshanov2022", "plain", "--validation", 0.2)
    assert folder.parts[-4:-1] == ("novokshanov2022", "plain-leaky_cnn", "random-by-image")
    assert "leaky split" in said
    assert check_results(folder, "random", ["normal", "pneumonia"])["output"] == "sigmoid"
    drawn = {file.name.partition("-")[0].removesuffix(".png") for file in (folder / "random").glob("*.png")}
    assert drawn == {"filters", "feature_maps"}


def test_a_backbone_runs_in_the_recipe_of_a_network(train, two_layers):
    """The optimizer, the split and the classes stay; the head of the backbone is only an output layer."""
    folder, said = train(
        "train", "novokshanov2022", "weighted", "--model", two_layers, "--weights", "none", backbone=True
    )
    assert folder.parts[-4:-1] == ("novokshanov2022", "weighted-two_layers", "random-by-image")
    assert_tells(said, "novokshanov2022", "two_layers", "weighted", "random", "by image", "none")
    check_results(folder, "random", ["normal", "pneumonia"])
    ran, recipe = load_experiment(folder / "experiment.yaml"), load_experiment("novokshanov2022", variant="weighted")
    assert (ran.model.backbone, ran.model.head.hidden_units, ran.model.output) == (two_layers, (), "sigmoid")
    assert [phase.model_copy(update={"max_epochs": 15}) for phase in ran.phases] == list(recipe.phases)
    assert ran.training.learning_rate == recipe.training.learning_rate
    assert ran.splits == recipe.splits
    assert (ran.training.class_weights, recipe.training.class_weights) == ("balanced", "balanced")


def test_stage_1_of_vazquez2021_balances_by_copies_and_chooses_a_threshold(train, two_layers):
    folder, said = train("train", "vazquez2021", "stage1", "--model", two_layers, "--weights", "none", backbone=True)
    assert folder.parts[-4:-1] == ("vazquez2021", "stage1-two_layers", "official")
    assert check_results(folder, "official", ["normal", "pneumonia"])["output"] == "softmax"
    assert pd.read_csv(folder / "official" / "history.csv").phase.tolist() == ["head", "all"]
    labels = pd.read_csv(folder / "manifest.csv").set_index("image_id").label
    samples = pd.read_csv(folder / "samples.csv")
    trained = samples[samples.role == "train"]
    assert labels[trained.image_id].value_counts().nunique() == 1  # the same number of both
    assert set(labels[trained.image_id[trained["copy"] > 0]]) == {"normal"}
    points = pd.read_csv(folder / "thresholds.csv")
    assert set(points.rule) == {"validation", "test_optimistic", "as_predicted"}
    assert set(pd.read_csv(folder / "roc.csv").role) == {"val", "test"}
    assert_tells(said, any_of("thresholds"), "pneumonia")
    assert_tells(said, any_of("optimistic"))


@pytest.mark.parametrize("variant", ["feed_forward", "small_cnn", "alrelu_cnn"])
def test_the_option_equals_the_same_overrides(two_layers, variant):
    asked = ExperimentOptions(data="chest_xray", config="chen2021", runs=Path("runs"))
    given = {"model.backbone": two_layers, "model.weights": "none"}
    model = {"kind": "transfer", "backbone": two_layers, "weights": "none", "head": {"hidden_units": []}}
    experiment = asked.experiment(given, variant)
    assert experiment == load_experiment("chen2021", {"model": model}, variant=variant)
    one_by_one = {"model.kind": "transfer", **given, "model.head.hidden_units": []}
    assert experiment == load_experiment("chen2021", one_by_one, variant=variant)
    assert experiment.stem == f"{variant}-two_layers"


def test_a_backbone_starts_from_imagenet_unless_weights_are_named(refuse, official_phantoms, offline):
    words = ["--config", "chen2021", "--data", official_phantoms, "--model", "mobilenet_025"]
    said = refuse("train", *words, "--set", "image.size=32", "--set", "splits.validation=0.2")
    assert_tells(said, "ImageNet", "weights", "MobileNet")
