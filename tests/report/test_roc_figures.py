"""Figures of ROC curves and printed operating points, with and without chosen thresholds."""

import io
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from written_runs import print_to_text, write_run, write_validated

from pxr_tf import files
from pxr_tf.evaluation import roc
from pxr_tf.evidence.seeds import summarise_runs
from pxr_tf.report.results import print_seeds, write_results
from pxr_tf.report.roc import NOTHING_CHOSEN, draw_roc
from pxr_tf.runs.finished import open_run

TWO = ("normal", "pneumonia")
THREE = ("normal", "viral", "bacterial")


def lines_after(text: str, title: str) -> list[list[str]]:
    """Return the words of each row of the table under a title of two lines; the first row is the header."""
    lines = [line.strip() for line in text.splitlines()]
    first, second = title.splitlines()
    start = next(number for number, pair in enumerate(pairwise(lines)) if pair == (first, second))
    table = lines[start + 3 :]  # after the title and an empty line
    header, _, *rows = table[: table.index("")]
    return [header.split(), *(row.split() for row in rows)]


def test_two_classes_have_their_operating_points_under_the_table(tmp_path):
    folder = write_validated(tmp_path / "run", folds=1)
    text = print_to_text(folder)
    assert max(len(line) for line in text.splitlines() if str(folder) not in line) <= 80
    header, *rows = lines_after(text, "Thresholds of pneumonia\nthat balance both error rates")
    assert header == "% chosen on images threshold Sens. Spec. Prec. Acc.".split()
    read = roc.read_points(folder / "thresholds.csv")
    found = read[read.fold == "0"].set_index(["rule", "role"])
    expected = {
        ("validation", "test"): ["validation", "test"],
        ("validation", "val"): ["validation", "val"],
        ("test_optimistic", "test"): ["test:", "optimistic", "test"],
        ("as_predicted", "test"): ["as", "predicted", "test"],
        ("as_predicted", "val"): ["as", "predicted", "val"],
    }
    said = [[*words, f"{found.threshold[key]:.4f}", *_percent(found.loc[key])] for key, words in expected.items()]
    assert rows == said
    assert NOTHING_CHOSEN not in text
    assert "nan" not in text


def _percent(row) -> list[str]:
    return [f"{100 * row[rate]:.1f}" for rate in roc.RATES]


def test_several_folds_have_a_mean_and_sd_and_fit_in_80_columns(tmp_path):
    text = print_to_text(write_validated(tmp_path / "run", folds=3))
    assert max(len(line) for line in text.splitlines() if "runs" not in line and str(tmp_path) not in line) <= 80
    assert "…" not in text.replace("fold-0/ … fold-2/", "")
    rows = lines_after(text, "Thresholds of pneumonia\nthat balance both error rates, mean ± sd over folds")[1:]
    assert rows[0][:2] == ["validation", "test"]
    assert all("±" in cell for cell in rows[0][2:])
    assert rows[3][2:4] == ["test", "0.50±0.00"]


def test_with_more_classes_each_has_the_threshold_from_its_validation_rows(tmp_path):
    text = print_to_text(write_validated(tmp_path / "run", THREE, folds=1))
    _, *rows = lines_after(text, "Thresholds of each class against the rest\nthat balance both error rates")
    assert [words[:2] for words in rows] == [[name, "test"] for name in THREE]


@pytest.mark.parametrize("classes", [TWO, THREE])
def test_without_validation_rows_no_threshold_is_chosen_and_a_note_says_so(tmp_path, classes):
    folder = write_run(tmp_path / "run", classes=classes, test_rows="all")
    write_results(open_run(folder))
    text = print_to_text(folder)
    assert NOTHING_CHOSEN in " ".join(text.split())
    assert "optimistic" not in text
    assert set(pd.read_csv(folder / "thresholds.csv").rule) == {"as_predicted"}
    assert set(pd.read_csv(folder / "roc.csv").role) == {"test"}


def test_mean_and_sd_over_seeds_are_of_each_seeds_mean(tmp_path):
    folders = {seed: write_validated(tmp_path / str(seed), seed=seed, folds=2) for seed in (0, 1, 2)}
    console = Console(width=80, file=io.StringIO(), highlight=False)
    print_seeds(summarise_runs({seed: open_run(folder) for seed, folder in folders.items()}), console)
    text = console.file.getvalue()
    rows = lines_after(text, "Thresholds of pneumonia\nthat balance both error rates, mean ± sd over seeds")[1:]
    tables = [roc.read_points(folder / "thresholds.csv") for folder in folders.values()]
    values = [
        table[(table.fold == "mean") & (table.rule == "validation") & (table.role == "test")].sensitivity.item()
        for table in tables
    ]
    assert rows[0][3] == f"{100 * np.mean(values):.1f}±{100 * np.std(values, ddof=1):.1f}"
    assert max(map(len, text.splitlines())) <= 80


def draw(folder, synthetic=False):
    curves = pd.read_csv(folder / "roc.csv", dtype={"fold": str})
    return curves, draw_roc(curves, roc.read_points(folder / "thresholds.csv"), "A title", synthetic)


def test_the_figure_has_a_panel_per_class_a_colour_per_fold_and_marks_on_the_test_curve(tmp_path):
    folder = write_validated(tmp_path / "run", THREE, folds=2)
    curves, figure = draw(folder, synthetic=True)
    assert [axes.get_title().split(",")[0] for axes in figure.axes] == list(THREE)
    assert "Synthetic phantoms" in figure.get_suptitle()
    lines = figure.axes[0].get_lines()
    through = [line for line in lines if line.get_linestyle() == "-" and len(line.get_xdata()) > 2]
    dashed = [line for line in lines if line.get_linestyle() == "--"]
    assert [line.get_color() for line in through] == [line.get_color() for line in dashed] == ["C0", "C1"]
    one = curves[(curves["class"] == "normal") & (curves.fold == "0") & (curves.role == "test")]
    np.testing.assert_allclose(through[0].get_xdata(), 1 - one.specificity)
    np.testing.assert_allclose(through[0].get_ydata(), one.sensitivity)
    marks = [line for line in lines if line.get_marker() == "o" and line.get_color() == "C0"]
    assert len(marks) == 2
    corners = set(zip(through[0].get_xdata().round(6), through[0].get_ydata().round(6), strict=True))
    assert all((mark.get_xdata()[0].round(6), mark.get_ydata()[0].round(6)) in corners for mark in marks)
    metrics = pd.read_csv(folder / "metrics.csv").set_index(["fold", "class", "metric"]).value
    area = f"AUC {100 * metrics['mean', 'viral', 'auc']:.1f}±{100 * metrics['sd', 'viral', 'auc']:.1f}"
    assert figure.axes[1].get_title() == f"viral, {area} %"
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {"test", "validation", "threshold chosen on test: optimistic", "fold 0", "fold 1"} <= set(said)


def test_a_test_part_with_one_class_has_an_empty_panel(tmp_path):
    folder = write_run(tmp_path / "run", classes=TWO, test_rows="all")
    table = pd.read_csv(folder / "predictions.csv")
    files.write_csv(folder / "predictions.csv", table[table.label == "normal"])
    write_results(open_run(folder))
    assert pd.read_csv(folder / "roc.csv").empty
    _, figure = draw(folder)
    assert [axes.get_title() for axes in figure.axes] == ["pneumonia"]
    assert NOTHING_CHOSEN in " ".join(print_to_text(folder).split())
