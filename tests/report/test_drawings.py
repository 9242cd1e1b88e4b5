"""Drawings of a run's models: which files, when, and in which folders."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator
from written_runs import write_run

from pxr_tf import files, rundir
from pxr_tf.explain.model_figures_file import Maps, ModelFigureData, Tiles, write_model_figures
from pxr_tf.report.drawings import (
    expected_drawings,
    feature_maps_file,
    write_drawings,
    write_feature_maps,
    write_fold,
)
from pxr_tf.report.figures import new_figure
from pxr_tf.report.tensorboard import About, Boards, undrawn_tasks
from pxr_tf.runs.directory import RunDirectory
from pxr_tf.runs.finished import open_directory

TILES = Tiles(np.random.default_rng(0).normal(size=(2, 4, 4)).astype(np.float32), 2)
MAPS = Maps(np.zeros((8, 8), np.uint8), {"convolution_1": TILES})
ABOUT = About({}, synthetic=False, warnings=(), reading="all", sheet=lambda task: np.zeros((4, 8, 8), np.uint8))
FILES = ["coefficients.png", "feature_maps-set_a.jpeg.png", "filters.png"]


@pytest.fixture
def run(tmp_path) -> RunDirectory:
    """Two folds and a hold-out with histories; only the first fold has model figures."""
    folds = ["0", "1", "holdout"]
    write_run(tmp_path, folds=2)
    files.write_csv(tmp_path / "splits.csv", pd.DataFrame({"image_id": folds, "fold": folds, "role": "test"}))
    row = {"image_id": "0", "label": "a", "fold": "0", "role": "test", "predicted": "a", "p_a": 1.0, "p_b": 0.0}
    files.write_csv(tmp_path / "fold-0" / "predictions.csv", pd.DataFrame([row]))
    for fold in folds:
        history = pd.DataFrame({"phase": ["all"], "epoch": [1], "loss": [0.5], "accuracy": [0.7]})
        files.write_csv(tmp_path / rundir.fold_name(fold) / "history.csv", history)
    figures = ModelFigureData(("filters",), TILES, {"viral": TILES.values[0]}, {"set/a.jpeg": MAPS})
    write_model_figures(tmp_path / "fold-0" / "inside.npz", figures)
    return open_directory(tmp_path)


def drawn(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.glob("*.png"))


def shown(fold: Path) -> dict[str, int]:
    """Return tag -> its number of entries in a fold's TensorBoard."""
    events = EventAccumulator(str(fold), size_guidance={TENSORS: 0})
    events.Reload()
    return {tag: len(events.Tensors(tag)) for tag in events.Tags()["tensors"]}


def test_every_fold_gets_its_model_figures_and_the_run_its_curves(run):
    expected = [run.folder / "curves.png", *(run.folder / "fold-0" / name for name in FILES)]
    assert sorted(expected_drawings(run)) == sorted(expected)
    write_drawings(run, "A run", synthetic=True)
    assert drawn(run.folder) == ["curves.png"]
    assert [drawn(run.folder / name) for name in ("fold-0", "fold-1", "holdout")] == [FILES, [], []]
    note = "(synthetic phantoms, not patients)"
    names = ("coefficients", "feature maps of set_a.jpeg", "filters")
    assert shown(run.folder / "fold-0") == {f"{name} {note}": 1 for name in names}
    assert not list((run.folder / "fold-1").glob("*tfevents*"))


@pytest.mark.parametrize(("folds", "title"), [(["0", "1"], "A run, fold-0"), (["0"], "A run")])
def test_a_title_names_the_fold_if_a_run_has_several(run, folds, title):
    files.write_csv(run.folder / "splits.csv", pd.DataFrame({"image_id": folds, "fold": folds, "role": "test"}))
    run = open_directory(run.folder)
    titles = []

    def draw(title, synthetic):
        titles.append((title, synthetic))
        return new_figure(1, 1)

    write_fold(run, run.folder / "fold-0", {"filters.png": draw}, "A run", True)
    assert titles == [(title, True)]


def test_only_missing_files_are_drawn(run):
    write_drawings(run, "A run", synthetic=False)
    before = {file: file.stat().st_mtime_ns for file in run.folder.rglob("*.png")}
    (run.folder / "fold-0" / "filters.png").unlink()
    write_drawings(run, "A run", synthetic=False)
    changed = {file.name for file in run.folder.rglob("*.png") if file.stat().st_mtime_ns != before[file]}
    assert changed == {"filters.png"}
    tags = {"coefficients": 1, "feature maps of set_a.jpeg": 1, "filters": 1}
    assert shown(run.folder / "fold-0") == tags | {"filters": 2}
    for file in (run.folder / "fold-0").glob("*tfevents*"):
        file.unlink()
    with Boards(run, ABOUT) as boards:
        boards.catch_up(undrawn_tasks(run))  # a fold's drawings are added again, too
    assert tags.items() <= shown(run.folder / "fold-0").items()


def test_a_run_without_epochs_and_arrays_has_nothing_to_draw(run):
    for file in [*run.folder.rglob("history.csv"), *run.folder.rglob("inside.npz")]:
        file.unlink()
    assert expected_drawings(run) == []
    write_drawings(run, "A run", synthetic=False)
    assert not list(run.folder.rglob("*.png"))


def test_feature_maps_of_any_picture_go_to_a_file_and_to_tensorboard(run):
    written = write_feature_maps(run, run.folder / "fold-1", {"other.png": MAPS}, "A run", False, layer="a/b")
    assert written == [run.folder / "fold-1" / "feature_maps-other.png-a_b.png"]
    assert shown(run.folder / "fold-1") == {"feature maps of other.png-a_b": 1}
    with Image.open(written[0]) as picture:
        assert picture.width > 600


@pytest.mark.parametrize("name", ["../../x", "a b\nc", "ä/ö", "x" * 400, "-"])
def test_any_picture_name_gives_a_valid_file_name(name):
    made = feature_maps_file(name)
    assert Path(made).name == made
    assert made.isascii() and made.isprintable() and " " not in made
    assert len(made) < 255


def test_two_long_names_give_two_files():
    assert feature_maps_file("x" * 400 + "1") != feature_maps_file("x" * 400 + "2")


def test_all_figures_of_folds_have_all_formats_and_go_with_the_old_model(run):
    formats = ("png", "pdf")
    write_drawings(run, "A run", synthetic=False)
    write_drawings(run, "A run", synthetic=False, formats=formats)  # only PDFs are missing
    stems = sorted(path.with_suffix("") for path in expected_drawings(run))
    for kind in formats:
        assert sorted(path.with_suffix("") for path in run.folder.rglob(f"*.{kind}")) == stems
    written = write_feature_maps(run, run.folder / "fold-1", {"x": MAPS}, "A run", False, formats=formats)
    assert [file.name for file in written] == ["feature_maps-x.png", "feature_maps-x.pdf"]
    rundir.forget_inside(run.folder / "fold-0")
    assert not [file for kind in formats for file in (run.folder / "fold-0").glob(f"*.{kind}")]
