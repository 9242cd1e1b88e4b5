"""``pxr reproduce``: one command runs all of a paper and writes one table; a failed run does not stop the others."""

from pathlib import Path

import pandas as pd
import pytest
import yaml
from messages import EITHER, MISSING, WHOLE_NUMBER, any_of, assert_says, assert_tells, matching, nearest, tells
from tiny import SIZE, TWO_LAYERS
from two_stages import write_stages

from pxr_tf.config import configs_folder
from pxr_tf.models.backbones import BACKBONES
from pxr_tf.models.model_file import load_classifier
from pxr_tf.studies.experiments import ExperimentOptions, phantom_words

LINEAR = {"kind": "linear", "l2": 0.1, "max_iterations": 5}


@pytest.fixture
def lacking(monkeypatch) -> str:
    """A backbone whose library is not installed."""
    monkeypatch.setitem(BACKBONES, "far_net", TWO_LAYERS._replace(library="no_such_library"))
    return "far_net"


def add_variant(values, name, backbone) -> None:
    """Add a variant with a network to a recipe's values and to its protocol."""
    model = {"kind": "transfer", "backbone": backbone, "weights": "none", "head": {"hidden_units": [8]}}
    phases = [{"name": "all", "train": "all", "optimizer": "sgd", "max_epochs": 2}]
    values["variants"][name] = {"model": model, "training": {"learning_rate": 0.01}, "phases": phases}
    values["reproduce"]["variants"].append(name)


@pytest.fixture
def paper(tmp_path) -> Path:
    """The recipe novokshanov2022 with linear models, which fit in a moment."""
    values = yaml.safe_load((configs_folder() / "novokshanov2022.yaml").read_text())
    values["image"]["size"] = SIZE
    values["splits"] |= {"test": 0.3, "validation": 0.3}
    values["training"].pop("learning_rate")
    values |= {"model": LINEAR, "variants": {"plain": {}, "weighted": {"training": {"class_weights": "balanced"}}}}
    (tmp_path / "paper.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    return tmp_path / "paper.yaml"


def test_all_runs_of_a_paper_are_run_and_continued(pxr, paper, official_phantoms):
    words = ["reproduce", paper, "--data", official_phantoms, "--runs", "runs", "--seeds", "0,1"]
    code, said, _ = pxr(*words)
    assert code == 0
    assert_tells(said, "8 runs", "plain, weighted")
    assert_tells(said, matching("plain, by image, seed 1.*accuracy"))
    assert_tells(said, "plain", matching("by image (minus|-) by patient"), any_of("not paired", "unpaired"))
    assert_tells(said, "runs/novokshanov2022/reproduced.csv", "runs/novokshanov2022/differences.csv")
    assert_tells(said, "runs/novokshanov2022/paper/report.html")
    page = Path("runs/novokshanov2022/paper/report.html").read_text()
    assert all(title in page for title in ("plain, by image", "weighted, by patient", "asked for 8 runs; 8 finished"))
    assert_tells(said, "synthetic phantoms")
    folder = Path("runs/novokshanov2022")
    table = pd.read_csv(folder / "reproduced.csv")
    assert set(table.setting) == {"by image", "by patient"}
    assert (table.seeds == 2).all()
    assert set(table[table.setting == "by image"].split) == {"leaky split"}
    differences = pd.read_csv(folder / "differences.csv")
    ours = table[(table.metric == "accuracy") & (table.variant == "plain")].set_index("setting")["mean"]
    found = differences[(differences.metric == "accuracy") & (differences.variant == "plain")]
    assert found["mean"].item() == pytest.approx(ours["by image"] - ours["by patient"])
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("predictions.csv")}
    code, again, _ = pxr(*words)
    assert (code, again.count("Nothing to do")) == (0, 8)
    assert before == {file: file.stat().st_mtime_ns for file in folder.rglob("predictions.csv")}


def test_a_run_that_fails_does_not_stop_the_others(pxr, paper, official_phantoms, lacking):
    values = yaml.safe_load(paper.read_text())
    values["reproduce"] |= {"seeds": [0], "compare": {}}
    values["variants"]["plain"] = {"splits": {"validation": 5000}}
    add_variant(values, "far", lacking)
    paper.write_text(yaml.safe_dump(values))
    code, said, _ = pxr("reproduce", paper, "--data", official_phantoms, "--runs", "runs")
    assert code == 1
    assert_tells(said, "plain, seed 0", any_of("failed"), matching("splits.validation.*5000"))
    assert_tells(said, "2 runs", "plain, weighted")
    (line,) = (line for line in said.splitlines() if line.startswith("far failed"))
    assert_says(line, "two_layers", "no_such_library", any_of("installed"))
    assert said.index("far failed") < said.index("plain, seed 0 failed")
    end = said[said.index("2 of 3 runs failed") :]
    assert_tells(end, "plain, seed 0", "far, seed 0")
    assert (said.count("5000"), said.count("no_such_library")) == (1, 1)  # why is printed once, when a run fails
    assert_tells(said, matching("Run 2 of 2: "), "2 of 2 runs done.")
    assert_tells(said, "weighted, seed 0: accuracy")
    assert set(pd.read_csv("runs/novokshanov2022/reproduced.csv").variant) == {"weighted"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            "reproduce novokshanov2022 --model plian",
            ["plain, weighted", matching("comma"), nearest("'plain'")],
        ),
        ("reproduce novokshanov2022 --model ,", ["--model", "','"]),
        (
            "reproduce novokshanov2022 --model xception",
            ["'xception'", "plain, weighted", "novokshanov2022", "backbone"],
        ),
        (
            "reproduce novokshanov2022 --model xception,resnet50",
            ["--model", "'resnet50'", "plain, weighted"],
        ),
        (
            "reproduce chen2021 --model resnet50",
            ["'resnet50'", matching("logistic_regression, feed_forward, small_cnn, alrelu")],
        ),
        ("reproduce novokshanov", [nearest("'novokshanov2022'")]),
        ("reproduce phantom", ["phantom", "reproduce"]),
        ("reproduce novokshanov2022 --seeds x", ["--seeds", "'x'"]),
        ("reproduce novokshanov2022 --set splits.unit=image", ["splits.unit", EITHER]),
        ("reproduce novokshanov2022 --weights imagenet", ["plain, weighted", "novokshanov2022", "backbone"]),
        ("reproduce chen2021 --model logistic_regression --epochs 1", ["'linear'", matching("no epochs")]),
    ],
)
def test_unknown_names_are_refused_before_anything_runs(refuse, words, expected):
    assert_says(refuse(*words.split()), *expected)
    assert not Path("runs").exists()


def test_settings_that_would_share_a_run_directory_are_refused(refuse, paper):
    values = yaml.safe_load(paper.read_text())
    values["reproduce"]["compare"] = {"even": {"training.class_weights": "balanced"}, "as it is": {}}
    paper.write_text(yaml.safe_dump(values))
    said = refuse("reproduce", paper, "--data", "data")
    assert_tells(said, "'as it is'", "'even'", "runs/novokshanov2022/plain-linear/random-by-image")
    values["reproduce"]["compare"]["even"]["tag"] = "even"
    paper.write_text(yaml.safe_dump(values))
    assert "random-by-image" not in refuse("reproduce", paper, "--data", "no_such_folder")


def test_a_fault_of_all_runs_is_reported_once(pxr, paper):
    code, said, wrong = pxr("reproduce", paper, "--data", "no_such_folder", "--runs", "runs")
    assert code == 2
    assert wrong.startswith("pxr: ")
    assert_tells(wrong, "no_such_folder")
    assert wrong.count("\n") == 1
    assert "failed" not in said and "no_such_folder" not in said
    code, said, _ = pxr("reproduce", paper, "--data", "x", "--model", "plain", "--seeds", "0", "--runs", "runs")
    assert code == 2


def test_epochs_apply_to_the_variants_that_have_epochs(refuse, paper, two_layers):
    values = yaml.safe_load(paper.read_text())
    add_variant(values, "near", two_layers)
    paper.write_text(yaml.safe_dump(values))
    words = ("reproduce", paper, "--data", "no_such_folder", "--epochs")
    assert_tells(refuse(*words, "1"), "no_such_folder")
    assert_tells(refuse(*words, "1,2"), "--epochs", "'1,2'", WHOLE_NUMBER, "0")
    assert_tells(refuse(*words, "1", "--model", "plain"), "learner", "'linear'", "epoch")


def test_a_missing_library_is_an_error_if_no_other_variant_is_requested(refuse, paper, lacking):
    values = yaml.safe_load(paper.read_text())
    add_variant(values, "far", lacking)
    paper.write_text(yaml.safe_dump(values))
    assert_tells(refuse("reproduce", paper, "--data", "x", "--model", "far"), "no_such_library")


@pytest.mark.parametrize(
    ("data", "given", "overrides", "expected"),
    [
        (None, {}, [], 0.15),
        ("x", {}, [], 800),
        (None, {"splits.validation": 40}, [], 40),
        (None, {}, ["splits.validation=50"], 50),
        (None, {"splits.scheme": "folds"}, [], 800),  # which does not use it
    ],
)
def test_without_data_a_share_replaces_the_recipes_number_of_validation_images(data, given, overrides, expected):
    asked = ExperimentOptions(data, "chen2021", Path("runs"), overrides=overrides)
    experiment = asked.experiment(given, "small_cnn")
    assert experiment.splits.validation == expected
    mentioned = tells([phantom_words([(experiment, asked.recipe("small_cnn"))])], "15 %", "800")
    assert mentioned == (expected == 0.15)


def test_stages_run_in_order_with_the_requested_backbone(pxr, tmp_path, official_phantoms, two_layers, monkeypatch):
    monkeypatch.setitem(BACKBONES, "other_layers", TWO_LAYERS)
    recipe = write_stages(tmp_path)
    words = ["reproduce", recipe, "--data", official_phantoms, "--runs", "runs", "--model"]
    code, _, said = pxr(*words, "stage2")
    assert code == 2
    assert_tells(said, matching("stage1-two_layers/official/seed-0"), MISSING, "pxr train --config stages --variant")
    assert not Path("runs/stages/stage2-two_layers/official/seed-0/experiment.yaml").exists()
    code, said, _ = pxr(*words, "stage2,other_layers,stage1")
    assert code == 0
    assert_tells(said, "2 runs", "stage1, stage2")
    assert said.index("stage1, seed 0: accuracy") < said.index("stage2, seed 0: accuracy")
    for number in (1, 2):
        assert Path(f"runs/stages/stage{number}-other_layers/official/seed-0/predictions.csv").exists()
    card = load_classifier(Path("runs/stages/stage2-other_layers/official/seed-0/official/model.keras"))[1]
    assert (card["kind"], card["model"]) == ("on_features", "other_layers")


def test_a_crop_is_compared_as_two_settings_of_one_paper(pxr, refuse, paper, official_phantoms):
    values = yaml.safe_load(paper.read_text())
    crop = {"image.crop": "lungs", "image.masks": str(official_phantoms.parent / "masks")}
    values["reproduce"] = {"variants": ["plain"], "seeds": [0, 1], "compare": {"lungs": crop, "whole": {}}}
    paper.write_text(yaml.safe_dump(values))
    said = refuse("reproduce", paper, "--data", official_phantoms, "--crop", "lungs")
    assert_tells(said, "image.crop=lungs", any_of("compares", "compare"))
    code, said, wrong = pxr("reproduce", paper, "--data", official_phantoms, "--runs", "runs")
    assert code == 0, wrong
    assert_tells(said, any_of("cropped"))
    assert_tells(said, "plain", matching("lungs (minus|-) whole"), any_of("paired"))
    folder = Path("runs/novokshanov2022")
    assert {place.name for place in (folder / "plain-linear").iterdir()} == {"random-by-image", "random-by-image-lungs"}
    differences = pd.read_csv(folder / "differences.csv")
    assert set(differences.paired) == {True}
    digests = {file.read_bytes() for file in folder.rglob("splits.csv") if "seed-0" in str(file)}
    assert len(digests) == 1  # the same images in the same parts


def test_an_atlas_applies_to_the_setting_that_crops(pxr, paper, official_phantoms, tmp_path):
    values = yaml.safe_load(paper.read_text())
    compared = {"lungs": {"image.crop": "lungs"}, "whole": {"image.crop": "none"}}
    values["reproduce"] = {"variants": ["plain"], "seeds": [0], "compare": compared}
    paper.write_text(yaml.safe_dump(values))
    (tmp_path / "empty").mkdir()
    code, said, _ = pxr("reproduce", paper, "--data", official_phantoms, "--runs", "runs", "--atlas", "empty")
    assert code == 1
    assert_tells(said, "plain, lungs, seed 0", any_of("failed"))
    assert_tells(said, matching("plain, whole, seed 0.*accuracy"))
