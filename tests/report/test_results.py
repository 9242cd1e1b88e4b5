"""A finished run's files and its table: phantoms are named everywhere, and 80 columns hold the paper's figures."""

import io
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from messages import any_of, assert_tells
from PIL import Image
from rich.console import Console
from written_runs import CLASSES, COUNT, LEAK, SOURCES, print_to_text, rows_of_table, write_run

from pxr_tf import files
from pxr_tf.evaluation import metrics
from pxr_tf.evidence.seeds import summarise_runs, write_seeds
from pxr_tf.explain.model_figures_file import ModelFigureData, Tiles, write_model_figures
from pxr_tf.report.results import is_written, mean_sd, print_seeds, write_results
from pxr_tf.runs.finished import open_run


@pytest.mark.parametrize(("test_rows", "other", "accuracy"), [("balanced", "all", 1.0), ("all", "balanced", 0.75)])
def test_both_readings_of_the_test_folds_are_written(tmp_path, test_rows, other, accuracy):
    folder = write_run(tmp_path / "run", test_rows=test_rows)
    assert not is_written(open_run(folder))
    write_results(open_run(folder))
    assert is_written(open_run(folder))
    found = {file.name for file in folder.glob("*metrics*")} | {file.name for file in folder.glob("confusion*")}
    assert found == {"metrics.csv", f"metrics_{other}.csv", "confusion_matrix.csv", "confusion_matrix.png"}
    values = [
        metrics.value_of(metrics.read_metrics(folder / name), "pooled", "all", "accuracy")
        for name in ("metrics.csv", f"metrics_{other}.csv")
    ]
    assert values == [accuracy, 1.75 - accuracy]
    counts = pd.read_csv(folder / "confusion_matrix.csv", index_col="label").drop(columns=["origin", "split"])
    assert counts.to_numpy().sum() == (30 if test_rows == "balanced" else COUNT)
    with Image.open(folder / "confusion_matrix.png") as picture:
        assert picture.width > 300


WRITTEN = ("metrics.csv", "metrics_all.csv", "confusion_matrix.csv", "confusion_matrix.png")
WRITTEN += ("roc.csv", "thresholds.csv", "roc.png")


@pytest.mark.parametrize("name", WRITTEN)
def test_a_deleted_file_is_noticed(tmp_path, name):
    folder = write_run(tmp_path / "run")
    write_results(open_run(folder))
    (folder / name).unlink()
    assert not is_written(open_run(folder))


def test_figures_in_another_format_are_written_when_asked_for(tmp_path):
    folder = write_run(tmp_path / "run")
    write_results(open_run(folder))
    assert not is_written(open_run(folder), ("png", "svg"))
    write_results(open_run(folder), ("png", "svg"))
    assert is_written(open_run(folder), ("png", "svg"))
    assert {file.stem for file in folder.glob("*.svg")} == {"confusion_matrix", "roc"}


def test_two_lines_of_accuracies_say_why_there_are_two(tmp_path):
    write_results(open_run(write_run(tmp_path / "two")))
    two = [line for line in print_to_text(tmp_path / "two", 300).splitlines() if line.startswith("Accuracy")]
    assert ["(as many of each class)" in line for line in two] == [True, False]
    assert ["as many of each class as the data have" in line for line in two] == [False, True]
    write_results(open_run(write_run(tmp_path / "one", role="test")))
    (one,) = [line for line in print_to_text(tmp_path / "one", 300).splitlines() if line.startswith("Accuracy")]
    assert "as many" not in one


def test_drawings_of_folds_are_part_of_the_results(tmp_path):
    folder = write_run(tmp_path / "run")
    write_results(open_run(folder))
    history = {"phase": ["all"], "epoch": [1], "loss": [0.5], "accuracy": [0.7]}
    files.write_csv(folder / "fold-0" / "history.csv", pd.DataFrame(history))
    filters = Tiles(np.ones((1, 3, 3), np.float32), 1)
    write_model_figures(folder / "fold-1" / "inside.npz", ModelFigureData(("filters",), filters))
    assert not is_written(open_run(folder))
    write_results(open_run(folder))
    assert is_written(open_run(folder))
    for name in ("curves.png", "fold-1/filters.png"):
        moved = (folder / name).rename(folder / "moved")
        assert not is_written(open_run(folder))
        moved.rename(folder / name)


def test_splits_without_balanced_rows_have_one_reading(tmp_path):
    folder = write_run(tmp_path / "run", role="test")
    write_results(open_run(folder))
    assert is_written(open_run(folder))
    assert [file.name for file in folder.glob("metrics*")] == ["metrics.csv"]
    assert metrics.value_of(metrics.read_metrics(folder / "metrics.csv"), "pooled", "all", "support") == COUNT
    assert "balanced test images" not in print_to_text(folder)


def test_a_run_is_described_from_its_files(tmp_path):
    info = open_run(write_run(tmp_path / "run", "synthetic", warnings=(LEAK, {"text": "Something else."}))).info
    assert info[:4] == ("bozickovic2021", "xception", "strategy2", CLASSES)
    assert (info.scheme, info.unit) == ("folds", "patient")
    assert (info.test_rows, info.published, info.origin) == ("balanced", "bozickovic2021", "synthetic")
    said = [(warning.what, warning.text) for warning in info.warnings]
    assert said == [("leak", LEAK["text"]), ("", "Something else.")]
    assert open_run(write_run(tmp_path / "other")).warnings == ()


def test_folds_that_were_trained_in_two_environments_give_a_warning(tmp_path):
    folder = write_run(tmp_path / "run", warnings=(LEAK,))
    for fold, version in enumerate(("3.14", "3.15")):
        files.write_json(folder / f"fold-{fold}" / "environment.json", [{"processor": "a", "keras": version}])
        shutil.copy(folder / "predictions.csv", folder / f"fold-{fold}")
    assert [warning.what for warning in open_run(folder).warnings] == ["leak", "environments"]
    write_results(open_run(folder))
    said = " ".join(print_to_text(folder).split())
    assert_tells(said, any_of("warning"), any_of("environment", "environments"))
    assert_tells(said, "keras 3.14 (fold-0), 3.15 (fold-1)")


def test_results_written_twice_have_the_same_bytes(tmp_path):
    folder = write_run(tmp_path / "run")
    write_results(open_run(folder))
    before = [(folder / name).read_bytes() for name in WRITTEN]
    write_results(open_run(folder))
    assert [(folder / name).read_bytes() for name in WRITTEN] == before


@pytest.mark.parametrize("images", ["real", "synthetic"])
def test_every_file_and_the_table_say_if_images_are_synthetic(tmp_path, monkeypatch, images):
    titles = []
    monkeypatch.setattr("matplotlib.axes.Axes.set_title", lambda axes, text, **options: titles.append(text))
    folder = write_run(tmp_path / "run", images)
    write_results(open_run(folder))
    for name in WRITTEN:
        if name.endswith(".csv"):
            assert set(pd.read_csv(folder / name).origin) == {images}
    text = print_to_text(folder)
    for place in (text, titles[0]):
        assert ("synthetic" in place.lower()) == (images == "synthetic")
    assert_tells(text, any_of("research use only"), any_of("not a medical device"))


def test_the_papers_columns_are_next_to_ours_in_80_columns(tmp_path):
    folder = write_run(tmp_path / "run")
    write_results(open_run(folder))
    text = print_to_text(folder)
    assert "…" not in text.replace("fold-0/ … fold-1/", "")  # nothing is cut
    assert str(folder) in text.splitlines()  # alone and never wrapped, so that it can be copied
    assert max(len(line) for line in text.splitlines() if str(folder) not in line) <= 80
    table = rows_of_table(text)
    assert table["%"] == "Precision paper Sensitivity paper F1 paper Spec. AUC n".split()
    # xception, strategy2, as the paper prints bacterial: "precision" 76.80, "sensitivity" 86.42
    assert table["bacterial"] == "100.0±0.0 86.4 100.0±0.0 76.8 100.0±0.0 81.0 100.0 100.0 10".split()
    flat = " ".join(text.split())
    assert_tells(
        flat,
        any_of("accuracy 100.00 ± 0.00 %"),
        "balanced accuracy 100.00 ± 0.00 %",
        "AUC 100.00 ± 0.00 %",
        any_of("balanced test"),
    )
    assert "the paper: 87.86 %" in flat
    assert_tells(flat, any_of("held-out images"), "± is the standard deviation over folds")
    assert_tells(flat, any_of("the other way round", "exchanged", "swapped"))
    assert_tells(flat, any_of("best cell"), "resnet50, strategy3, 89.97 %", any_of("balanced"))
    assert_tells(flat, "136 to 139 test images", "5 folds", "544 to 556", "30")


@pytest.mark.parametrize(
    "overrides",
    [
        {"model": "mobilenet_025"},
        {"published": None},
        {"classes": ("covid19", "normal")},
        {"classes": ("covid19", "normal", "pneumonia", "viral")},
        {"scheme": "official"},  # the paper cross-validated
        {"variant": "strategy4"},
    ],
)
def test_without_a_published_cell_the_paper_has_no_column(tmp_path, overrides):
    folder = write_run(tmp_path / "run", **overrides)
    write_results(open_run(folder))
    text = print_to_text(folder)
    assert rows_of_table(text)["%"] == "Precision Sensitivity F1 Spec. AUC n".split()
    assert_tells(text, any_of("no published"))
    assert "way round" not in text


def test_a_folder_with_brackets_is_printed_as_it_is(tmp_path):
    folder = write_run(tmp_path / "[bold]runs[/x]")
    write_results(open_run(folder))
    assert "[bold]runs[/x]" in print_to_text(folder, width=400)


def test_each_class_has_its_intervals_over_patients(tmp_path):
    """All balanced predictions are right: the intervals end at 100 %, and begin far below it for 10 images a class."""
    write_results(open_run(write_run(tmp_path / "run")))
    rows = rows_of_table(print_to_text(tmp_path / "run"), number=1)
    assert rows["%"] == "Precision Sensitivity F1 Spec. AUC".split()
    ends = {name: [list(map(float, cell.split("-"))) for cell in rows[name]] for name in CLASSES}
    assert all(50 < low < 95 and high == 100 for low, high in ends["bacterial"])
    assert all(len(some) == 5 for some in ends.values())


def test_one_fold_has_no_sd_on_the_screen(tmp_path):
    folder = write_run(tmp_path / "run", folds=1, model="mobilenet_025")
    write_results(open_run(folder))
    text = print_to_text(folder)
    assert "nan" not in text
    assert "±" not in text
    assert_tells(text, any_of("accuracy 75.00 %"), any_of("balanced accuracy"))
    assert rows_of_table(text)["bacterial"][0] == "100.0"


@pytest.mark.parametrize("leaky", [True, False])
def test_a_leak_is_named_with_every_figure(tmp_path, monkeypatch, leaky):
    titles = []
    monkeypatch.setattr("matplotlib.axes.Axes.set_title", lambda axes, text, **options: titles.append(text))
    folder = write_run(tmp_path / "run", warnings=(SOURCES, LEAK) if leaky else (SOURCES,))
    write_results(open_run(folder))
    lines = print_to_text(folder, width=200).splitlines()
    title = next(line for line in lines if "xception, strategy2" in line)
    accuracies = [line for line in lines if line.startswith("Accuracy")]
    assert len(accuracies) == 2
    for place in (title, titles[0], *accuracies):
        assert ("leaky split" in place) == leaky
    for name in (name for name in WRITTEN if name.endswith(".csv")):
        assert set(pd.read_csv(folder / name).split) == {"leaky split" if leaky else "by patient"}


def test_warnings_are_under_the_table(tmp_path):
    folder = write_run(tmp_path / "run", warnings=(SOURCES, LEAK))
    write_results(open_run(folder))
    lines = print_to_text(folder, width=200).splitlines()
    first = lines.index(f"Warning: {SOURCES['text']}")
    assert lines[first + 1] == f"Warning: {LEAK['text']}"
    assert first > max(number for number, line in enumerate(lines) if line.startswith("Accuracy"))


def print_seeds_to_text(folders: dict[int, Path], width: int = 80) -> str:
    """Write and print the summary of the runs over seeds."""
    console = Console(width=width, file=io.StringIO(), highlight=False)
    seeds = summarise_runs({seed: open_run(folder) for seed, folder in folders.items()})
    write_seeds(seeds, next(iter(folders.values())).parent)
    print_seeds(seeds, console)
    return console.file.getvalue()


def test_seeds_are_shown_next_to_their_mean_and_sd(tmp_path):
    folders = {}
    for seed, wrong_every in ((0, 4), (1, 5), (7, 8)):
        folders[seed] = write_run(
            tmp_path / str(seed), test_rows="all", wrong_every=wrong_every, warnings=(SOURCES,) if seed else ()
        )
        write_results(open_run(folders[seed]))
    text = print_seeds_to_text(folders)
    lines = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}
    tables = [metrics.read_metrics(folder / "metrics.csv") for folder in folders.values()]
    assert [line.strip() for line in text.splitlines()[:2]] == [
        "xception, strategy2 (bozickovic2021)",
        "3 seeds, all held-out images",
    ]
    sd = np.std([75, 80, 87.5], ddof=1)
    over_folds = [mean_sd(table, "all", "accuracy") for table in tables]
    assert [cell.split()[0] for cell in over_folds] == ["75.0", "80.0", "87.5"]
    assert all("±" in cell for cell in over_folds)
    assert lines["accuracy"] == ["80.8", "±", f"{sd:.1f}", *" ".join(over_folds).split()]
    assert lines["balanced"][0] == "accuracy"
    sensitivities = [line.split() for line in text.splitlines() if "sensitivity" in line]
    assert [words[1] for words in sensitivities] == list(CLASSES)
    assert text.count(SOURCES["text"]) == 1
    assert "leaky" not in text


def test_figures_over_seeds_are_written_to_a_file(tmp_path):
    folders = {seed: write_run(tmp_path / str(seed), wrong_every=4 + seed) for seed in (0, 1)}
    for folder in folders.values():
        write_results(open_run(folder))
    print_seeds_to_text(folders)
    table = pd.read_csv(tmp_path / "seeds.csv").set_index(["class", "metric"])
    values = [
        metrics.value_of(metrics.read_metrics(folder / "metrics.csv"), "mean", "all", "accuracy")
        for folder in folders.values()
    ]
    row = table.loc[("all", "accuracy")]
    assert (row["mean"], row["sd"]) == (pytest.approx(np.mean(values)), pytest.approx(np.std(values, ddof=1)))
    assert (row["seeds"], row["origin"], row["split"]) == (2, "real", "by patient")


def test_one_leaky_seed_makes_the_table_leaky_and_one_seed_has_no_sd(tmp_path):
    folder = write_run(tmp_path / "run", "synthetic", warnings=(LEAK,))
    write_results(open_run(folder))
    text = print_seeds_to_text({3: folder})
    assert "leaky split" in text.splitlines()[0]
    assert "1 seed," in text
    assert_tells(text, any_of("synthetic phantoms"))
    accuracy = next(line for line in text.splitlines() if line.strip().startswith("accuracy"))
    assert accuracy.count("±") == 1  # over the folds of the seed; none over seeds


def test_a_table_of_more_seeds_than_these_stays(tmp_path):
    runs = {}
    for seed in (0, 1):
        runs[seed] = open_run(write_run(tmp_path / str(seed), wrong_every=4 + seed))
        write_results(runs[seed])
    assert write_seeds(summarise_runs(runs), tmp_path)
    before = (tmp_path / "seeds.csv").read_text()
    assert not write_seeds(summarise_runs({0: runs[0]}), tmp_path)
    assert (tmp_path / "seeds.csv").read_text() == before


def test_a_mean_over_seeds_of_two_environments_gives_a_warning(tmp_path):
    runs = {}
    for seed, keras in ((0, "3.14"), (1, "3.15")):
        folder = write_run(tmp_path / str(seed))
        for fold in ("fold-0", "fold-1"):
            (folder / fold).mkdir()
            (folder / fold / "predictions.csv").touch()
            files.write_json(folder / fold / "environment.json", [{"processor": "a", "versions": {"keras": keras}}])
        runs[seed] = open_run(folder)
        write_results(runs[seed])
    (warning,) = summarise_runs(runs).info.warnings
    assert warning.what == "environments"
    assert_tells(warning.text, "keras", "3.14", "3.15")
    assert summarise_runs({0: runs[0]}).info.warnings == ()


@pytest.mark.parametrize("edited", ["three", "n/a", "2,extra"])
def test_an_edited_table_of_seeds_is_replaced(tmp_path, edited):
    runs = {}
    for seed in (0, 1):
        runs[seed] = open_run(write_run(tmp_path / str(seed), wrong_every=4 + seed))
        write_results(runs[seed])
    write_seeds(summarise_runs(runs), tmp_path)
    whole = (tmp_path / "seeds.csv").read_text()
    header, row, *rest = whole.splitlines()
    cells = row.split(",")
    cells[header.split(",").index("seeds")] = edited
    (tmp_path / "seeds.csv").write_text("\n".join([header, ",".join(cells), *rest]))
    write_seeds(summarise_runs(runs), tmp_path)
    assert (tmp_path / "seeds.csv").read_text() == whole
