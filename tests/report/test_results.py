"""A finished run's files and its table: synthetic said everywhere, the paper beside, 80 letters enough."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from rich.console import Console

from pxr_tf import files
from pxr_tf.config import dump_experiment, load_experiment
from pxr_tf.evaluation import metrics
from pxr_tf.report.results import is_synthetic_run, is_written, print_results, select_rows, write_results

IMAGES = {"real": "real X-rays", "synthetic": "synthetic phantoms, not patients"}
COUNT = 40


def write_run(folder: Path, images: str = "real", **overrides) -> Path:
    """Write what two finished folds leave: every fourth prediction is wrong, and none of the balanced ones."""
    experiment = load_experiment("bozickovic2021", {"splits.folds": 2, **overrides})
    classes, rows = experiment.classes, np.arange(COUNT)
    truth = rows // 2 % len(classes)
    wrong = rows % 4 == 3
    predicted = (truth + wrong) % len(classes)
    table = pd.DataFrame({"image_id": [f"i{row:02}" for row in rows], "fold": rows % 2})
    table["label"], table["predicted"] = np.array(classes)[truth], np.array(classes)[predicted]
    for number, name in enumerate(classes):
        table[f"p_{name}"] = np.where(predicted == number, 0.7, 0.3 / (len(classes) - 1))
    files.write_csv(folder / "predictions.csv", table)
    roles = np.where(wrong, "test", "test_balanced")
    files.write_csv(folder / "splits.csv", table[["image_id", "fold"]].assign(role=roles))
    files.write_json(folder / "provenance.json", {"images": IMAGES[images]})
    files.write_text(folder / "experiment.yaml", dump_experiment(experiment))
    return folder


def print_to_text(folder: Path, width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO(), highlight=False)
    print_results(folder, console)
    return console.file.getvalue()


@pytest.mark.parametrize(("test_rows", "other", "accuracy"), [("balanced", "all", 1.0), ("all", "balanced", 0.75)])
def test_both_readings_of_the_test_folds_are_written(tmp_path, test_rows, other, accuracy):
    folder = write_run(tmp_path / "run", **{"splits.test_rows": test_rows})
    assert not is_written(folder)
    write_results(folder)
    assert is_written(folder)
    found = {file.name for file in folder.glob("*metrics*")} | {file.name for file in folder.glob("confusion*")}
    assert found == {"metrics.csv", f"metrics_{other}.csv", "confusion_matrix.csv", "confusion_matrix.png"}
    values = [
        metrics.value_of(metrics.read_metrics(folder / name), "pooled", "all", "accuracy")
        for name in ("metrics.csv", f"metrics_{other}.csv")
    ]
    assert values == [accuracy, 1.75 - accuracy]
    counts = pd.read_csv(folder / "confusion_matrix.csv", index_col="label").drop(columns="images")
    assert counts.to_numpy().sum() == (30 if test_rows == "balanced" else COUNT)
    with Image.open(folder / "confusion_matrix.png") as picture:
        assert picture.width > 300


def test_balanced_rows_are_those_of_the_numbered_folds(tmp_path):
    folder = write_run(tmp_path / "run")
    predictions = metrics.read_predictions(folder / "predictions.csv")
    splits = pd.read_csv(folder / "splits.csv", dtype=str)
    extra = pd.DataFrame({"image_id": ["i03"], "fold": ["holdout"], "role": ["test_balanced"]})
    files.write_csv(folder / "splits.csv", pd.concat([splits, extra]))
    assert "i03" not in set(select_rows(folder, predictions, "balanced").image_id)
    assert len(select_rows(folder, predictions, "balanced")) == 30
    assert len(select_rows(folder, predictions, "all")) == COUNT


def test_results_written_twice_are_the_same_bytes(tmp_path):
    folder = write_run(tmp_path / "run")
    write_results(folder)
    names = ("metrics.csv", "metrics_all.csv", "confusion_matrix.csv", "confusion_matrix.png")
    before = [(folder / name).read_bytes() for name in names]
    write_results(folder)
    assert [(folder / name).read_bytes() for name in names] == before


@pytest.mark.parametrize("images", ["real", "synthetic"])
def test_every_file_and_the_table_say_when_images_are_synthetic(tmp_path, monkeypatch, images):
    titles = []
    monkeypatch.setattr("matplotlib.axes.Axes.set_title", lambda axes, text, **options: titles.append(text))
    folder = write_run(tmp_path / "run", images)
    write_results(folder)
    assert is_synthetic_run(folder) == (images == "synthetic")
    for name in ("metrics.csv", "metrics_all.csv", "confusion_matrix.csv"):
        assert set(pd.read_csv(folder / name).images) == {images}
    text = print_to_text(folder)
    for place in (text, titles[0]):
        assert ("Synthetic phantoms, not patients" in place) == (images == "synthetic")
    assert "Research use only, not a medical device." in text


def rows_of_table(text: str) -> dict[str, list[str]]:
    """Return the table's rows: first word -> the other words."""
    lines = [line.split() for line in text.splitlines()]
    return {
        words[0]: words[1:] for words in lines if words and words[0] in ("%", "bacterial", "covid19", "normal", "viral")
    }


def test_the_papers_columns_stand_beside_ours_in_80_letters(tmp_path):
    folder = write_run(tmp_path / "run")
    write_results(folder)
    text = print_to_text(folder)
    assert "…" not in text.replace("fold-0 …", "")  # nothing is cut
    assert max(map(len, text.splitlines())) <= 80
    table = rows_of_table(text)
    assert table["%"] == "Precision paper Sensitivity paper F1 paper Spec. AUC n".split()
    # xception, strategy 2, as the paper prints bacterial: "precision" 76.80, "sensitivity" 86.42
    assert table["bacterial"] == "100.0±0.0 86.4 100.0±0.0 76.8 100.0±0.0 81.0 100.0 100.0 10".split()
    flat = " ".join(text.split())
    assert "Accuracy 100.00 ± 0.00 %, balanced accuracy 100.00 ± 0.00 % on balanced test folds (mean ± sd)" in flat
    assert "the paper: 87.86 %" in flat
    assert "on all held-out images (mean ± sd)" in flat
    assert "the other way round" in flat
    assert "The paper's best cell: resnet50, strategy 3, 89.97 % on balanced folds." in flat


@pytest.mark.parametrize(
    "overrides",
    [
        {"model.backbone": "mobilenet_025"},
        {"published": None},
        {"classes": ["covid19", "normal"]},
        {"classes": ["covid19", "normal", "pneumonia", "viral"]},
    ],
)
def test_without_a_published_cell_there_is_no_such_column(tmp_path, overrides):
    folder = write_run(tmp_path / "run", **overrides)
    write_results(folder)
    text = print_to_text(folder)
    assert rows_of_table(text)["%"] == "Precision Sensitivity F1 Spec. AUC n".split()
    assert "No published figures" in text
    assert "other way round" not in text


def test_a_folder_with_brackets_is_printed_as_it_is(tmp_path):
    folder = write_run(tmp_path / "[bold]runs[/x]")
    write_results(folder)
    assert "[bold]runs[/x]" in print_to_text(folder, width=400)
