"""Model figures in runs: when they are made, and that nothing is trained for them."""

import shutil

import pandas as pd
from messages import MISSING, any_of, matching, nearest, refused, tells
from tiny import RUN_DEPTH, SIZE, Never, Recorder, run_here, stopped, tiny_experiment

from pxr_tf.explain.model_figures_file import read_model_figures
from pxr_tf.runs.finished import open_run
from pxr_tf.runs.picture_choice import choose_picture, first_per_class
from pxr_tf.training.learners import LEARNERS

SHOWN = ("filters", "coefficients", "feature_maps")


def start_again(folder, data, *, executor=None, show=SHOWN) -> Recorder:
    recorder = Recorder()
    runs = folder.parents[RUN_DEPTH - 1]
    assert run_here(tiny_experiment(show=show), data, runs, executor=executor, on_event=recorder) == folder
    return recorder


def test_a_finished_run_gets_model_figures_without_training_anything(own_copy, phantoms):
    before = (own_copy / "predictions.csv").read_bytes()
    assert start_again(own_copy, phantoms, show=("filters",)).tasks == ["model-figures"]
    assert start_again(own_copy, phantoms).tasks == ["model-figures"]  # the recipe shows more than it did
    splits = pd.read_csv(own_copy / "splits.csv", dtype=str)
    for fold in ("0", "1"):
        figures = read_model_figures(own_copy / f"fold-{fold}" / "inside.npz")
        assert figures.filters.values.shape == (8, 5, 5)
        assert figures.coefficients == {}
        tested = splits.image_id[(splits.fold == fold) & (splits.role != "train")]
        assert len(figures.feature_maps) == 4  # an image per class
        assert set(figures.feature_maps) <= set(tested)
        for maps in figures.feature_maps.values():
            assert maps.picture.shape == (SIZE, SIZE)
            assert list(maps.layers) == ["convolution", "feature_map"]
    assert (own_copy / "predictions.csv").read_bytes() == before
    start_again(own_copy, phantoms, executor=Never())
    damaged = own_copy / "fold-0" / "inside.npz"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:1000])
    assert start_again(own_copy, phantoms).tasks == ["model-figures"]
    assert damaged.stat().st_size == len(whole)
    start_again(own_copy, phantoms, executor=Never(), show=())  # a recipe that shows nothing is the same experiment


def test_a_learner_that_keeps_no_model_has_no_figures_and_its_task_runs_once(phantoms, tmp_path, monkeypatch):
    monkeypatch.setitem(LEARNERS, "means", "means")
    experiment = tiny_experiment(model={"kind": "means", "temperature": 1}, phases=[], show=SHOWN)
    recorder = Recorder()
    run_here(experiment, phantoms, tmp_path, on_event=recorder)
    notes = [event["text"] for event in recorder.of("note")][-2:]
    assert all(tells([note], "model.keras", any_of("missing"), any_of("no model figures")) for note in notes)
    assert len(notes) == 2
    run_here(experiment, phantoms, tmp_path, executor=Never())


def test_a_missing_model_is_refused_and_the_remedy_works(own_copy, phantoms):
    file = own_copy / "fold-1" / "model.keras"
    kept = file.read_bytes()
    file.unlink()
    with refused(matching("fold-1/model.keras"), MISSING, any_of("original"), any_of("delete")):
        start_again(own_copy, phantoms)
    assert not (own_copy / "fold-1" / "inside.npz").exists()
    file.write_bytes(kept)
    assert start_again(own_copy, phantoms).tasks == ["model-figures"]
    shutil.rmtree(own_copy)
    with stopped():  # before it trains
        run_here(tiny_experiment(), phantoms, own_copy.parents[RUN_DEPTH - 1], on_event=Recorder(stop_before="fold-0"))


def test_the_first_test_image_of_each_class_is_chosen():
    rows = [("b", "viral", "test"), ("a", "viral", "train"), ("d", "normal", "test_balanced"), ("c", "normal", "test")]
    table = pd.DataFrame(rows, columns=["image_id", "label", "role"]).assign(path=lambda rows: "/x/" + rows.image_id)
    splits = table[["image_id", "role"]].assign(fold="0")
    assert [tuple(one) for one in first_per_class(table, splits, "0")] == [("b", "/x/b"), ("c", "/x/c")]
    assert first_per_class(table, splits, "1") == []


def test_a_fold_and_a_picture_are_found_by_name(finished_run, tmp_path):
    run = open_run(finished_run)
    assert run.find_fold(None) == run.find_fold("0") == run.find_fold("fold-0") == "0"
    assert run.find_fold("fold-1") == "1"
    with refused("--fold", "'fold-2'", "fold-0, fold-1", nearest("'fold-1'")):
        run.find_fold("fold-2")
    image_id = pd.read_csv(finished_run / "manifest.csv").image_id[0]
    assert choose_picture(run, image_id).name == image_id
    (tmp_path / "mine.png").touch()
    assert choose_picture(run, str(tmp_path / "mine.png")) == ("mine.png", str(tmp_path / "mine.png"))
