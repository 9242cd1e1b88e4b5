"""``pxr train``: one split, official or random; its output, and its refusals."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from messages import EITHER, NOTHING, TWICE, UNKNOWN, WHOLE_NUMBER, any_of, assert_tells, matching, nearest, tells

REFUSED = [
    ("--scheme offical", [UNKNOWN, "scheme", "'offical'", nearest("'official'")]),
    ("--variant strateg2", [UNKNOWN, "variant", "'strateg2'", nearest("'strategy2'")]),
    ("--strategy 4", [UNKNOWN, "variant", "'strategy4'"]),
    ("--strategy 2 --variant strategy2", [EITHER]),
    ("--set model.kind=transfr", [UNKNOWN, "learner", "'transfr'", nearest("'transfer'")]),
    ("--set model.kind=transfr --model xcepton --validation 7", [UNKNOWN, "learner", "'transfr'"]),
    ("--seeds 0,x", ["--seeds", "'0,x'"]),
    ("--seed 1 --seeds 0,1", [EITHER]),
    ("--validation 0", ["--validation", "0", "share", "0", "1", WHOLE_NUMBER, "image"]),
    ("--validation -0.1", ["--validation", "-0.1"]),
    ("--validation 1.5", ["--validation", "1.5"]),
    ("--validation nan", ["--validation", "nan"]),
    ("--validation 10000", ["splits.validation=10000", any_of("smaller", "fewer", "lower")]),
    ("--scheme folds --validation 0.1", ["--validation", "0.1", "folds"]),
    ("--unit image", ["--unit", "image", "official", "--scheme", "random"]),
    ("--unit patient", ["--unit", "patient", "official"]),
    ("--scheme random --unit pixel", ["splits.unit", "'pixel'", "'patient'", "'image'"]),
    ("--scheme random --validation 0.9", ["splits.validation=0.9", NOTHING, any_of("train", "training")]),
    ("--classes a=bacterial+viral,b=viral", ["viral", TWICE]),
    ("--classes normal,pneumonia=bacteria+viral", ["'bacteria'", nearest("'bacterial'")]),
    ("--classes normal,bacterial=viral", ["bacterial", any_of("merged", "merge")]),
    ("--set model.head.output=sigmoid", [any_of("two", "2"), "3", "bacterial, normal, viral"]),
    ("--set|training.class_weights={norml: 2}", ["'norml'", nearest("'normal'")]),
    (
        "--set|training.class_weights={normal: 2}",
        ["bacterial, viral", any_of("per class", "each class", "every class")],
    ),
]


@pytest.fixture
def own_phantoms(official_phantoms, phantoms, monkeypatch):
    """Make commands without DATA use the tiny phantoms."""
    monkeypatch.setattr("pxr_tf.phantoms.sets.default_phantoms", lambda cache: [official_phantoms, phantoms[1]])


@pytest.mark.parametrize(("words", "expected"), REFUSED, ids=[words for words, _ in REFUSED])
def test_train_refuses_in_one_line(refuse, own_phantoms, recipe, words, expected):
    said = refuse("train", "--config", recipe, *(words.split("|") if "|" in words else words.split()))
    assert_tells(said, *expected)
    assert not list(Path().glob("runs/*/*/*/seed-0"))


def test_data_without_a_test_part_are_refused(refuse, phantoms, recipe):
    said = refuse("train", "--config", recipe, "--data", phantoms[0], "--classes", "bacterial,normal")
    assert_tells(said, any_of("test"))
    assert_tells(said, "--scheme folds", "random")


def test_a_share_that_leaves_a_class_without_validation_is_refused(refuse, official_phantoms, recipe, tmp_path):
    data = shutil.copytree(official_phantoms, tmp_path / "chest_xray")
    training = sorted((data / "train").rglob("*virus*"))
    for file in training:
        if patient_of(file) != patient_of(training[0]):
            file.unlink()
    said = refuse("train", "--config", recipe, "--data", data, "--classes", "bacterial,normal,viral")
    assert_tells(said, "--scheme official", matching("splits.validation.*0.15"), "viral")
    assert_tells(said, "validation")


def patient_of(file: Path) -> str:
    return file.name.split("_")[0]


def test_without_data_it_trains_on_the_official_part_of_the_phantoms(pxr, own_phantoms, recipe):
    words = ["train", "--config", recipe, "--runs", "runs", "--epochs", 1]
    code, said, wrong = pxr(*words)
    assert (code, wrong) == (0, "")
    assert_tells(said.splitlines()[0], "DATA", "synthetic", "phantoms")
    assert_tells(said, "phantom", "two_layers", "strategy2", "official", "none", "seed 0")
    assert_tells(said, "synthetic phantoms")
    folder = Path("runs/phantom/strategy2-two_layers/official-bacterial-normal-viral/seed-0")
    assert str(folder) in said.splitlines()
    assert_tells(said, "confusion_matrix.png", "official/")
    assert "fold-0" not in said
    splits = pd.read_csv(folder / "splits.csv")
    assert set(splits.fold) == {"official"}
    manifest = pd.read_csv(folder / "manifest.csv", dtype=str).set_index("image_id")
    tested = splits[splits.role.isin(["test", "test_balanced"])].image_id
    assert set(manifest.official_split[tested]) == {"test"}
    predictions = pd.read_csv(folder / "predictions.csv")
    assert set(predictions.role) == {"test", "val"}
    assert set(predictions.label) == {"bacterial", "normal", "viral"}
    code, again, _ = pxr(*words)
    assert code == 0
    assert_tells(again, any_of("nothing to do"), str(folder), "finished")
    assert said.split("Accuracy")[-1] == again.split("Accuracy")[-1]


@pytest.mark.slow
def test_two_seeds_are_shown_with_mean_and_sd(pxr, own_phantoms, recipe):
    code, said, wrong = pxr("train", "--config", recipe, "--runs", "runs", "--epochs", 1, "--seeds", "0,1")
    assert (code, wrong) == (0, "")
    table = said.rpartition("2 seeds, ")[2]
    assert "mean ± sd" in table
    assert table.index("seed 0") < table.index("seed 1")
    values = {
        seed: json.loads(Path(place, "provenance.json").read_text())["seed"]
        for seed in (0, 1)
        for place in Path("runs/phantom/strategy2-two_layers").glob(f"*/seed-{seed}")
    }
    assert values == {0: 0, 1: 1}
    accuracies = [
        metrics[(metrics.fold == "mean") & (metrics["class"] == "all") & (metrics.metric == "accuracy")].value.iloc[0]
        for metrics in map(pd.read_csv, sorted(Path("runs").glob("phantom/*/*/seed-*/metrics.csv")))
    ]
    row = next(line for line in table.splitlines() if line.strip().startswith("accuracy")).split()
    assert row[1] == f"{50 * sum(accuracies):.1f}"
    assert row[4:] == [f"{100 * accuracy:.1f}" for accuracy in accuracies]


def test_a_split_by_image_is_marked_next_to_every_figure(pxr, own_phantoms, recipe):
    code, said, wrong = pxr(
        "train", "--config", recipe, "--runs", "runs", "--epochs", 1, "--scheme", "random", "--unit", "image"
    )
    assert (code, wrong) == (0, "")
    assert_tells(said, "random", "by image")
    lines = said.splitlines()
    assert tells(lines, "two_layers, strategy2", "random", "leaky split", "(phantom)")
    accuracies = [line for line in lines if line.startswith("Accuracy")]
    assert len(accuracies) == 2
    marked = [text.partition(")")[0] for text in " ".join(lines).split("Accuracy")[1:]]  # lines may wrap
    assert all("leaky split" in text for text in marked)
    warnings = [number for number, line in enumerate(lines) if line.startswith("Warning: ")]
    assert_tells(lines[warnings[0]], any_of("both sides", "two sides", "sides"))
    assert warnings[0] > lines.index(accuracies[-1])  # below the table
    metrics = pd.read_csv(next(Path("runs").glob("phantom/*/random-by-image/seed-0/metrics.csv")))
    assert set(metrics.split) == {"leaky split"}


@pytest.mark.slow
def test_validation_may_be_a_number_of_images(pxr, own_phantoms, recipe):
    code, _, wrong = pxr("train", "--config", recipe, "--runs", "runs", "--epochs", 1, "--validation", 6)
    assert (code, wrong) == (0, "")
    splits = pd.read_csv(next(Path("runs").glob("phantom/*/*/seed-0/splits.csv")))
    assert 4 <= (splits.role == "val").sum() <= 8
