"""What Python calls does what the commands do, and takes and returns data frames, in a process without TensorFlow."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from messages import any_of, refused
from tiny import write_tiny_phantoms
from typer.testing import CliRunner

import pxr_tf
from pxr_tf.cli import app
from pxr_tf.commands.from_python import LEFT_OUT, CrossValidation, OneSplit
from pxr_tf.commands.option_table import options_taken_by
from pxr_tf.data.findings import GRADES
from pxr_tf.deploy.bundle import BundleRequest, write_bundle
from pxr_tf.executors.choose import choose_executor
from pxr_tf.executors.inline import Inline
from pxr_tf.inference.predict import PredictRequest, predict_pictures
from pxr_tf.inference.predictions_file import write_predictions
from pxr_tf.runs.finished import open_run


@pytest.fixture
def inline(monkeypatch):
    monkeypatch.setattr("pxr_tf.executors.choose.LocalProcess", Inline)


def test_a_frame_has_what_the_file_has(own_copy, inline, tmp_path):
    folder, _ = write_tiny_phantoms(tmp_path / "others", seed=5)
    found = pxr_tf.predict(own_copy, folder)
    run = open_run(own_copy)
    write_predictions(predict_pictures(PredictRequest(run, (str(folder),)), Inline()), run, tmp_path / "file.csv")
    pd.testing.assert_frame_equal(
        found, pd.read_csv(tmp_path / "file.csv", keep_default_na=False), check_dtype=False, rtol=1e-6
    )


def test_one_picture_or_several_of_an_opened_run_by_one_fold(own_copy, inline):
    run = pxr_tf.open_run(own_copy)
    first, second = run.manifest.image_id[:2]
    assert list(pxr_tf.predict(run, first).image_id) == [first]
    both = pxr_tf.predict(run, [second, first], fold="1")
    assert list(both.image_id) == [second, first] and set(both.models) == {1}


def test_a_word_that_names_nothing_is_refused(own_copy):
    with refused("PICTURE", "'nowhere'", any_of("accepted")):
        pxr_tf.predict(own_copy, "nowhere")


def test_calling_it_loads_no_tensorflow():
    code = "import sys, pxr_tf; pxr_tf.predict; sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_an_opened_run_predicts_and_evaluates_frames(own_copy, inline, tmp_path):
    run = pxr_tf.open_run(own_copy)
    folder, covid = write_tiny_phantoms(tmp_path / "others", seed=5)
    images = pxr_tf.read_data([folder, covid], quiet=True)
    some = images.groupby("label").head(2)
    predicted = run.predict(some)
    assert sorted(predicted.path) == sorted(some.path)
    found = run.evaluate(some)
    assert found.about["images"] == len(some) and set(found.called["class"]) == set(run.recipe.classes)
    assert set(found.beside.metric) >= {"accuracy", "auc"}
    named = run.evaluate(folder, "0", out=tmp_path / "evaluation")
    assert named.about["folds"] == ["0"] and (tmp_path / "evaluation" / "called.csv").exists()


def test_an_opened_run_explains_named_pictures_with_tables(own_copy, inline, tmp_path):
    run = pxr_tf.open_run(own_copy)
    name = run.tested.image_id[0]
    gallery = run.explain(name, methods=["saliency"], checks=False, out=tmp_path / "gallery")
    assert list(gallery.table.image_id) == [name] and gallery.page.is_file()
    assert (gallery.page.parent / gallery.table.sheet[0]).is_file()
    assert gallery.table.p_predicted.between(0, 1).all()


def test_an_audit_has_a_row_per_finding_the_worst_first(own_copy, inline):
    found = pxr_tf.open_run(own_copy).audit(["leaks"])
    assert set(found.check) == {"leaks"} and list(found.columns[:3]) == ["check", "grade", "subject"]
    ranks = [GRADES.index(grade) for grade in found.grade]
    assert ranks == sorted(ranks)
    with refused("'leeks'", any_of("accepted")):
        pxr_tf.open_run(own_copy).audit(["leeks"])


def test_metrics_are_written_if_they_are_missing(own_copy):
    run = pxr_tf.open_run(own_copy)
    (own_copy / "metrics.csv").unlink(missing_ok=True)
    found = run.metrics
    assert {"mean", "sd", "pooled"} <= set(found.fold) and (own_copy / "metrics.csv").is_file()


def test_a_function_trains_what_the_command_trains(phantoms, two_layers, inline, tmp_path, monkeypatch):
    """A frame of the same images gives the same predictions as the folders, but for where they came from."""
    options = {"model": two_layers, "strategy": 2, "folds": 2, "epochs": (1, 1)}
    changes = {"image.size": 32, "model.head.hidden_units": [8], "training.batch_size": 8}
    images = pxr_tf.read_data(phantoms, quiet=True)
    made = pxr_tf.cross_validate(
        images, config="phantom", runs=tmp_path / "api", overrides=changes, quiet=True, **options
    )
    words = ["--config", "phantom", "--data", ",".join(map(str, phantoms)), "--runs", str(tmp_path / "command")]
    words += ["--model", two_layers, "--strategy", "2", "--folds", "2", "--epochs", "1,1"]
    words += [word for key, value in changes.items() for word in ("--set", f"{key}={value}")]
    result = CliRunner().invoke(app, ["cv", *words])
    assert result.exit_code == 0, result.output
    assert made.place.startswith("phantom/strategy2-two_layers")
    pd.testing.assert_frame_equal(made.predictions, pxr_tf.open_run(tmp_path / "command").predictions)
    assert made.provenance["command"].startswith("pxr_tf.cross_validate(model='two_layers', strategy=2")
    assert set(made.metrics.fold) >= {"0", "1", "mean"} and (made.folder / "roc.png").is_file()


def test_one_split_is_trained_on_chosen_rows(official_phantoms, two_layers, inline, tmp_path):
    run = pxr_tf.train(
        official_phantoms,
        config="phantom",
        model=two_layers,
        strategy=1,
        classes=["bacterial", "normal", "viral"],
        epochs=1,
        runs=tmp_path,
        overrides={"image.size": 32, "model.head.hidden_units": [8]},
        quiet=True,
    )
    assert run.folds == ("official",) and set(run.predictions.label) == {"bacterial", "normal", "viral"}


def test_runs_are_compared_as_a_frame(own_copy, finished_run):
    found = pxr_tf.compare(pxr_tf.open_run(own_copy), finished_run)
    assert set(found.metric) >= {"accuracy", "auc"} and (found.difference.dropna() == 0).all()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"modle": "xception"}, ("'modle'", "model")),
        ({"seeds": "0,1"}, ("'seeds'", "accepted")),
        ({"seed": "abc"}, ("'abc'", "whole number")),
        ({"folds": 1}, ("--folds", "2 to 1000")),
        ({"folds": 2.5}, ("--folds", "2.5", "2 to 1000")),
        ({"folds": float("nan")}, ("--folds", "nan", "2 to 1000")),
        ({"folds": [2]}, ("--folds", "[2]", "2 to 1000")),
        ({"seed": True}, ("--seed", "True")),
        ({"overrides": {"image.size": {1}}}, ("overrides", "image.size")),
        ({"nested": "yes"}, ("'yes'", "True or False")),
        ({"strategy": 1, "variant": "strategy2"}, ("--strategy 1", "one of the two")),
    ],
)
def test_a_wrong_argument_is_refused_before_any_work(arguments, told, tmp_path):
    with refused(*told):
        pxr_tf.cross_validate(runs=tmp_path, quiet=True, **arguments)
    assert not list(tmp_path.iterdir())


def test_one_name_may_be_given_as_text(own_copy):
    run = pxr_tf.open_run(own_copy)
    with refused("'grad_camm'", "grad_cam"):
        run.explain(methods="grad_camm")
    with refused("'leeks'", "leaks"):
        run.audit("leeks")


def test_phantoms_are_drawn_into_a_folder_given_as_text(tmp_path):
    pxr_tf.write_phantoms(str(tmp_path / "drawn"), patients={"normal": 1}, size=32)
    assert list((tmp_path / "drawn").iterdir())


@pytest.mark.parametrize("columns", [["image_id"], ["path"]])
def test_a_frame_without_a_needed_column_is_refused(columns, own_copy, tmp_path):
    frame = pd.DataFrame({name: ["a"] for name in columns})
    with refused("data frame", any_of("accepted"), "label" if columns == ["path"] else "path"):
        pxr_tf.train(frame, runs=tmp_path)
    if columns != ["path"]:
        with refused("data frame", "path"):
            pxr_tf.open_run(own_copy).predict(frame)


@pytest.mark.parametrize(("command", "arguments"), [("cv", CrossValidation), ("train", OneSplit)])
def test_a_function_takes_the_options_of_its_command(command, arguments):
    assert set(arguments.__annotations__) | {"data", *LEFT_OUT} == set(options_taken_by(command))


def test_every_public_name_exists_and_is_listed():
    assert {getattr(pxr_tf, name).__name__ for name in pxr_tf.__all__} == set(pxr_tf.__all__)
    assert set(pxr_tf.__all__) <= set(dir(pxr_tf))
    with pytest.raises(AttributeError, match="has no attribute 'trian'"):
        _ = pxr_tf.trian


def test_the_package_is_typed():
    assert (Path(pxr_tf.__file__).parent / "py.typed").is_file()


@pytest.mark.parametrize("name", ["pandas", "numpy", "typer", "rich", "pydantic"])
def test_importing_it_loads_no_library(name):
    code = f"import sys, pxr_tf; sys.exit({name!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_bundle_is_opened_and_used_like_a_run_but_not_audited(own_copy, inline, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    monkeypatch.chdir(tmp_path)
    run = pxr_tf.open_run(own_copy)
    metrics, some = run.metrics, list(run.manifest.path[:3])
    write_bundle(BundleRequest(run, tmp_path / "mine.zip"), Inline())
    packed = pxr_tf.open_bundle("mine.zip")
    assert packed.packed and packed.place == run.place
    pd.testing.assert_frame_equal(packed.metrics, metrics)
    shares = [f"p_{name}" for name in run.recipe.classes]
    pd.testing.assert_frame_equal(packed.predict(some)[shares], run.predict(some)[shares], rtol=1e-5)
    with refused("bundle", any_of("accepted")):
        packed.audit()
    with refused("run directory", any_of("accepted")):
        pxr_tf.open_bundle(own_copy)


def test_work_goes_to_a_cluster_only_inside_the_block():
    pytest.importorskip("ray", reason="Ray is not installed: make setup RAY=1")
    with pxr_tf.on_cluster("10.0.0.1:6379"):
        assert type(choose_executor()).__name__ == "Cluster"
    assert type(choose_executor()).__name__ == "LocalProcess"
