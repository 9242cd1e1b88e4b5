"""A run compared with a paper: the columns of printed figures, and the notes of the shown row only."""

import numpy as np
import pytest
from messages import assert_tells, at_least, matching
from written_runs import CLASSES, COUNT, print_to_text, rows_of_table, write_run

from pxr_tf.evidence.paper import comparable_row, paper_notes
from pxr_tf.report.results import write_results
from pxr_tf.runs.finished import open_run
from pxr_tf.runs.info import RunInfo

THREE, TWO = ("normal", "viral", "bacterial"), ("normal", "pneumonia")
CHEN = {"published": "chen2021", "classes": THREE, "scheme": "official", "test_rows": "all", "folds": 1}
BANJO = {
    "model": "leaky_cnn",
    "published": "novokshanov2022",
    "classes": TWO,
    "scheme": "random",
    "test_rows": "all",
    "folds": 1,
}
VAZQUEZ = {"published": "vazquez2021", "scheme": "official", "test_rows": "all", "folds": 1}
OURS = "Precision {} Sensitivity {} F1 {} Spec. {} AUC n"
BOZICKOVIC = {"published": "bozickovic2021", "classes": CLASSES, "variant": "strategy2", "model": "xception"}
BEST = "resnet50, strategy3, 89.97 %"


def make_info(**overrides) -> RunInfo:
    values = {"name": "recipe", "model": "cnn", "test_rows": "all"} | overrides
    return RunInfo(**{key: value for key, value in values.items() if key != "folds"})


@pytest.mark.parametrize(
    ("overrides", "shown", "hidden"),
    [
        (BOZICKOVIC, ["the other way round", "136 to 139 test images", BEST], ["The paper splits"]),
        ({**BOZICKOVIC, "origin": "synthetic"}, ["the other way round"], ["best cell"]),
        ({**BOZICKOVIC, "model": "mobilenet_025"}, ["No published", "mobilenet_025", BEST], ["round"]),
        (
            {**BOZICKOVIC, "model": "mobilenet_025", "origin": "synthetic"},
            [],
            ["No published", "best cell", "round"],
        ),
        ({**BOZICKOVIC, "scheme": "official"}, ["No published"], ["best cell", "round"]),
        (
            {**CHEN, "variant": "small_cnn", "model": "small_cnn"},
            [
                "624 test images",
                "234 normal, 148 viral, 242 bacterial",
                "40",
                "best cell",
                "alrelu_cnn, 81.57 %",
            ],
            ["cannot come from", "other way round", "The paper splits"],
        ),
        (
            {**CHEN, "variant": "resnet18", "model": "resnet18"},
            [
                "624 test images",
                "156 normal, 85 viral, 78 bacterial",
                at_least(575),  # from the accuracy; the classes imply 319
                "624",
                "40",
            ],
            ["imply 624"],
        ),
        (
            {**CHEN, "variant": "resnet18", "model": "mobilenet_025"},
            ["No published", "mobilenet_025", "resnet18"],
            ["cannot come from", "98.4"],
        ),
        (
            {**BANJO, "variant": "plain", "unit": "image"},
            ["93.15 %", "balanced accuracy", "94.9 %", matching("paper splits by image")],
            ["98.65", "best cell", "other way round"],
        ),
        (
            {**BANJO, "variant": "weighted"},
            ["98.65 %", "balanced accuracy", "90.7 %", matching("paper splits by image"), "by patient"],
            ["93.15"],
        ),
        (
            {**BANJO, "variant": "plain", "scheme": "official"},
            ["No published"],
            ["contradict", "The paper splits"],
        ),
        (
            {**VAZQUEZ, "variant": "stage1", "model": "resnet50", "classes": TWO},
            ["threshold", "0.9823", "test images", "624 test images"],
            ["contradict", "cannot come from", "best cell"],
        ),
        (
            {**VAZQUEZ, "variant": "stage1", "model": "mobilenet_v2", "classes": TWO},
            ["No published", "mobilenet_v2", "best cell", "resnet50, stage1, 92.30 %, AUC 97.81 %"],
            ["threshold"],
        ),
    ],
)
def test_only_the_notes_of_the_shown_row_are_printed(overrides, shown, hidden):
    info = make_info(**overrides)
    text = " ".join(paper_notes(info, comparable_row(info), 40))
    assert_tells(text or "nothing", *(shown or ["nothing"]))
    for words in hidden:
        assert words not in text


@pytest.mark.parametrize(
    ("overrides", "header", "rows", "accuracy"),
    [
        (
            {**CHEN, "variant": "alrelu_cnn", "model": "alrelu_cnn"},
            ("", "paper", "", ""),
            {"normal": [(2, "83.3")], "viral": [(2, "66.9")], "bacterial": [(2, "88.8")]},
            "81.57 %",
        ),
        (
            {**CHEN, "variant": "resnet18", "model": "resnet18"},
            ("", "paper", "", ""),
            {"normal": [(2, "99.4")]},
            "98.435 %",
        ),
        (
            {**BANJO, "variant": "weighted"},
            ("paper", "paper", "", "paper"),
            {"pneumonia": [(1, "92.0"), (3, "99.2"), (6, "98.1")], "normal": [(1, "-"), (3, "-"), (6, "-")]},
            "balanced accuracy 90.7 %",
        ),
        (
            {**VAZQUEZ, "variant": "stage1", "model": "resnet50", "classes": TWO},
            ("paper", "paper", "paper", ""),
            {"normal": [(1, "97.5"), (3, "81.6"), (5, "88.8")], "pneumonia": [(1, "90.0"), (3, "98.7"), (5, "94.1")]},
            "92.30 %, AUC 97.81 %",
        ),
        (
            {**VAZQUEZ, "variant": "stage2", "model": "features", "classes": THREE},
            ("paper", "paper", "paper", ""),
            {"bacterial": [(1, "81.8"), (3, "98.3"), (5, "89.3")]},
            "83.65 %, (sens. + spec.) / 2 87.15 %",
        ),
    ],
)
def test_each_papers_figures_are_printed_next_to_ours_in_80_columns(tmp_path, overrides, header, rows, accuracy):
    folder = write_run(tmp_path / "run", **overrides)
    write_results(open_run(folder))
    text = print_to_text(folder)
    assert "…" not in text
    assert max(len(line) for line in text.splitlines() if str(folder) not in line) <= 80
    table = rows_of_table(text)
    assert table["%"] == OURS.format(*header).split()
    for name, places in rows.items():
        for place, figure in places:
            assert table[name][place] == figure
    flat = " ".join(text.split())
    assert f"the paper: {accuracy} Accuracy" in flat  # not with the other reading
    assert_tells(flat, str(COUNT))
    assert "No published" not in flat


def test_the_mean_of_sensitivity_and_specificity_is_never_next_to_an_area(tmp_path):
    folder = write_run(tmp_path / "run", **VAZQUEZ, variant="stage2", model="features", classes=THREE)
    write_results(open_run(folder))
    flat = " ".join(print_to_text(folder).split())
    line = flat[flat.index("Accuracy") : flat.index("87.15 %")]
    assert "AUC" not in line
    rows = open_run(folder).predictions
    sides = [(rows.label == name, rows.predicted == name) for name in THREE]
    ours = np.mean([((is_it & said)[is_it].mean() + (~is_it & ~said)[~is_it].mean()) / 2 for is_it, said in sides])
    assert f"(sens. + spec.) / 2 {100 * ours:.2f} % [" in line
    assert_tells(flat, "not an area", "87.15 %")


@pytest.mark.parametrize(("unit", "ours"), [("image", "so do we"), ("patient", "we split by patient")])
def test_the_note_on_units_fits_one_run_and_many(unit, ours):
    info = make_info(**BANJO, variant="plain", unit=unit)
    assert f"The paper splits by image, {'and ' * (unit == 'image')}{ours}." in paper_notes(
        info, comparable_row(info), 40
    )
