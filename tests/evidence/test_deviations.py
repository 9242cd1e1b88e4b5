"""How a recipe differs from its paper's protocol: one line per key, in a file and under every table."""

import io
import shutil

import pandas as pd
import pytest
from rich.console import Console
from written_runs import PROVENANCE, print_to_text, write_run

from pxr_tf import files
from pxr_tf.config import Change, configs_folder, dump_experiment, load_experiment
from pxr_tf.config.protocol import paper_setting
from pxr_tf.evidence.deviations import find_deviations, read_deviations
from pxr_tf.report.grid import GridCell, print_cells
from pxr_tf.report.reproduced import print_paper
from pxr_tf.report.results import is_written, write_results
from pxr_tf.runs.finished import open_run
from pxr_tf.studies.paper_runs import PaperRun


def make(folder, recipe="bozickovic2021", variant="strategy2", **overrides):
    """Write a finished run of a recipe with these overrides (double underscores for dots); return it, opened."""
    values = {key.replace("__", "."): value for key, value in overrides.items()}
    experiment = load_experiment(recipe, values, variant=variant)
    write_run(folder, classes=experiment.classes)
    files.write_text(folder / "experiment.yaml", dump_experiment(experiment))
    return open_run(folder)


def words(run) -> list[str]:
    return [str(change) for change in find_deviations(run)]


ARITHMETIC = {"training__threads": 2, "training__xla": True}  # decides last digits
PAPERS = [
    ("bozickovic2021", "strategy2"),
    ("chen2021", "resnet18"),
    ("novokshanov2022", "weighted"),
    ("vazquez2021", "stage2"),
]


@pytest.mark.parametrize(("paper", "variant"), PAPERS)
def test_the_papers_own_recipe_under_its_own_setting_has_no_deviation(tmp_path, paper, variant):
    run = make(tmp_path / "run", paper, variant, **paper_setting(paper), seed=3, tag="x", show=[], **ARITHMETIC)
    assert words(run) == []
    write_results(run)
    assert (tmp_path / "run" / "deviations.csv").read_text() == "key,paper,ours\n"
    assert "protocol" not in print_to_text(run.folder)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({"phases__0__max_epochs": 1, "phases__1__max_epochs": 2}, ["epochs 100,100 -> 1,2"]),
        ({"image__size": 64}, ["size 224 -> 64"]),
        ({"splits__folds": 2}, ["folds 5 -> 2"]),
        ({"model__weights": "none"}, ["weights imagenet -> none"]),
        ({"training__class_weights": "balanced"}, ["class_weights none -> balanced"]),
        ({"image__crop": "lungs"}, ["crop none -> lungs"]),
        ({"image__crop": "lungs", "image__atlas": "pairs"}, ["crop none -> lungs"]),  # an atlas is data
        ({"image__crop": "lungs", "image__masks": "data"}, ["crop none -> lungs", "masks none -> given masks"]),
        ({"image__crop": "lungs", "image__masks": "/a/b"}, ["crop none -> lungs", "masks none -> given masks"]),
        ({"model__backbone": "resnet50"}, []),  # the paper has four backbones
        ({"model__backbone": "mobilenet_v2"}, ["backbone xception -> mobilenet_v2"]),
        ({"splits__validation": 0.3}, []),  # folds do not use it
        ({"splits__scheme": "random", "splits__test": 0.3}, ["scheme folds -> random"]),  # the paper has no such share
        ({"classes": ["viral", "normal", "covid19", "bacterial"]}, []),  # only their order
        ({"classes": ["covid19", "normal"], "balance__oversample": []}, None),
    ],
)
def test_each_option_that_changes_the_protocol_is_named(tmp_path, overrides, expected):
    found = words(make(tmp_path / "run", **overrides))
    if expected is None:
        assert "classes bacterial,covid19,normal,viral -> covid19,normal" in found
    else:
        assert found == expected


def test_a_compared_setting_that_is_not_the_papers_is_a_deviation(tmp_path):
    assert words(make(tmp_path / "whole", "vazquez2021", "stage1")) == ["crop lungs -> none"]
    assert words(make(tmp_path / "split", "novokshanov2022", "plain", splits__unit="patient")) == [
        "unit image -> patient"
    ]


def test_another_recipe_with_the_papers_name_is_compared_with_the_papers_own(tmp_path):
    found = words(make(tmp_path / "run", "practical"))
    assert any(line.startswith("epochs 100,100 -> ") for line in found)
    assert words(make(tmp_path / "none", "phantom", None)) == []
    assert words(make(tmp_path / "permuted", image__size=64, permute_labels=True)) == []  # no paper has such figures


def test_stage_two_names_the_deviations_of_stage_one(tmp_path):
    crop = {"image__crop": "lungs", "image__size": 64}
    one = make(tmp_path / "one", "vazquez2021", "stage1", **crop, phases__0__max_epochs=3, phases__1__max_epochs=4)
    two = make(tmp_path / "two", "vazquez2021", "stage2", **crop, phases__0__max_epochs=5)
    files.write_json(two.folder / "provenance.json", PROVENANCE | {"origin": "real X-rays", "first": {"run": "../one"}})
    assert words(open_run(two.folder)) == ["epochs 60 -> 5", "size 224 -> 64", "stage1 epochs 20,10 -> 3,4"]
    one.folder.rename(tmp_path / "gone")
    assert words(open_run(two.folder)) == [
        "epochs 60 -> 5",
        "size 224 -> 64",
        "stage1 known -> unknown: its folder is gone",
    ]


def test_deviations_are_in_a_file_and_under_the_tables(tmp_path):
    run = make(tmp_path / "run", splits__folds=2, image__size=64)
    assert not is_written(run)
    write_results(run)
    table = pd.read_csv(run.folder / "deviations.csv", dtype=str)
    assert table.values.tolist() == [["size", "224", "64"], ["folds", "5", "2"]]
    assert list(table) == ["key", "paper", "ours"]
    assert read_deviations(run) == [Change("size", "224", "64"), Change("folds", "5", "2")]
    (run.folder / "deviations.csv").rename(tmp_path / "moved")
    assert not is_written(open_run(run.folder))
    (tmp_path / "moved").rename(run.folder / "deviations.csv")
    consoles = [Console(width=200, file=io.StringIO(), highlight=False) for _ in range(2)]
    print_cells(consoles[0], [GridCell(run.info, run)])
    print_paper([PaperRun("strategy2", "", 0, "xception", run)], consoles[1])
    for text in (print_to_text(run.folder), *(console.file.getvalue() for console in consoles)):
        assert "size 224 -> 64; folds 5 -> 2" in " ".join(text.split())


def test_a_changed_recipe_of_the_paper_is_compared_again(tmp_path, monkeypatch):
    configs = shutil.copytree(configs_folder(), tmp_path / "configs")
    monkeypatch.setattr("pxr_tf.config.load.configs_folder", lambda: configs)
    monkeypatch.setattr("pxr_tf.evidence.deviations.configs_folder", lambda: configs)
    run = make(tmp_path / "run", image__size=64)
    write_results(run)
    recipe = configs / "bozickovic2021.yaml"
    recipe.write_text(recipe.read_text().replace("size: 224", "size: 128"))
    assert not is_written(open_run(run.folder))
    write_results(open_run(run.folder))
    assert [str(change) for change in read_deviations(run)] == ["size 128 -> 64"]
    assert is_written(open_run(run.folder))
    recipe.unlink()
    write_results(open_run(run.folder))
    assert read_deviations(run) == [] and is_written(open_run(run.folder))


def test_a_cell_of_a_grid_that_alone_differs_is_named(tmp_path):
    runs = [make(tmp_path / name, model__backbone=name, image__size=size) for name, size in TWO_CELLS.items()]
    for run in runs:
        write_results(run)
    console = Console(width=200, file=io.StringIO(), highlight=False)
    print_cells(console, [GridCell(run.info, run) for run in runs])
    (line,) = [line for line in console.file.getvalue().splitlines() if "->" in line]
    assert line.startswith("resnet50, strategy2: ") and "size 224 -> 64" in line


TWO_CELLS = {"xception": 224, "resnet50": 64}


def test_tables_of_an_older_version_are_written_again(tmp_path):
    run = make(tmp_path / "run")
    write_results(run)
    table = pd.read_csv(run.folder / "metrics.csv")
    assert is_written(run)
    files.write_csv(run.folder / "metrics.csv", table[table.metric != "mean_sensitivity_specificity"])
    assert not is_written(run)
