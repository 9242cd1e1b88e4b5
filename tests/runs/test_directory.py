"""What a run directory says of its run, and what it says if its files are missing, old or damaged."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from messages import assert_says, refused
from written_runs import CLASSES, LEAK, PROVENANCE, SOURCES, write_run

from pxr_tf import files, rundir
from pxr_tf.config import load_experiment
from pxr_tf.runs.directory import is_finished, is_run, read_history, read_provenance, spell
from pxr_tf.runs.finished import open_directory, open_run
from pxr_tf.runs.info import LEAKY, info_of, origin_and_split


def test_a_folder_is_a_run_by_its_recipe_and_finished_by_its_predictions(written, tmp_path):
    assert is_run(written) and is_finished(written) and open_directory(written).finished
    assert not is_run(tmp_path) and not is_finished(tmp_path)
    (written / "predictions.csv").rename(tmp_path / "predictions.csv")
    assert is_run(written) and not is_finished(written) and not open_directory(written).finished
    assert not is_finished(tmp_path)  # predictions without a recipe


def test_only_a_relative_path_inside_the_working_directory_stays_relative(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert spell("a/../b") == Path("b")
    assert spell(tmp_path / "here" / "a") == tmp_path / "here" / "a"
    assert spell("../a") == spell(tmp_path / "a") == tmp_path / "a"


@pytest.mark.parametrize("text", [None, "", "[1, 2]", "{"])
def test_provenance_that_cannot_be_read_is_refused(written, text):
    (written / "provenance.json").unlink()
    if text is not None:
        (written / "provenance.json").write_text(text)
    with refused(str(written), "provenance.json", "RUNS"):
        read_provenance(written)


@pytest.mark.parametrize("key", [*PROVENANCE, "origin"])
def test_provenance_of_another_version_is_refused(written, key):
    kept = files.read_json(written / "provenance.json")
    assert read_provenance(written) == kept
    files.write_json(written / "provenance.json", {name: value for name, value in kept.items() if name != key})
    with refused(str(written), f"'{key}'", "RUNS"):
        read_provenance(written)


@pytest.mark.parametrize(("images", "origin"), [("real", "real"), ("synthetic", "synthetic")])
def test_tables_say_what_the_run_is(tmp_path, images, origin):
    info = open_directory(write_run(tmp_path, images, warnings=(SOURCES, LEAK))).info
    assert (info.name, info.model, info.variant) == ("bozickovic2021", "xception", "strategy2")
    assert (info.classes, info.published, info.origin) == (CLASSES, "bozickovic2021", origin)
    assert [(one.what, one.text) for one in info.warnings] == [(one["what"], one["text"]) for one in (SOURCES, LEAK)]
    assert info.leaky and origin_and_split(info) == {"origin": origin, "split": LEAKY}
    clean = info._replace(warnings=info.warnings[:1])
    assert not clean.leaky and origin_and_split(clean) == {"origin": origin, "split": "by patient"}


def test_info_of_an_experiment_has_its_settings():
    values = {"image.crop": "lungs", "splits.scheme": "random", "splits.unit": "image", "splits.test_rows": "balanced"}
    info = info_of(load_experiment("bozickovic2021", values, variant="strategy3"))
    assert (info.scheme, info.unit, info.test_rows) == ("random", "image", "balanced")
    assert (info.crop, info.permuted, info.published) == ("lungs", False, "bozickovic2021")
    permuted = info_of(load_experiment("bozickovic2021", {"permute_labels": True}))
    assert permuted.permuted and permuted.published is None


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({}, "xception, strategy2"),
        ({"variant": "xception"}, "xception"),
        ({"scheme": "official"}, "xception, strategy2, official split"),
        ({"crop": "lungs_only", "permuted": True}, "xception, strategy2, lungs only, permuted labels"),
    ],
)
def test_a_title_has_what_must_accompany_every_figure(tmp_path, changes, title):
    info = open_directory(write_run(tmp_path)).info._replace(**changes)
    assert info.title == title
    leaky = open_directory(write_run(tmp_path, warnings=(LEAK,))).info._replace(**changes)
    assert leaky.title == f"{title}, leaky split"


@pytest.mark.parametrize("text", ["{", '["leak"]', '[{"what": "leak"}]', "5", '{"what": "leak"}'])
def test_damaged_warnings_are_refused(written, text):
    assert open_directory(written).warnings == ()
    (written / "warnings.json").write_text(text)
    with refused(str(written / "warnings.json"), "RUNS"):
        _ = open_directory(written).warnings


def test_a_mix_of_environments_is_the_last_warning(tmp_path):
    run = open_directory(write_run(tmp_path, warnings=(LEAK,)))
    for fold, threads in (("fold-0", 1), ("fold-1", 2)):
        (tmp_path / fold).mkdir()
        (tmp_path / fold / "predictions.csv").touch()
        files.write_json(tmp_path / fold / "environment.json", [{"threads": threads}])
    leak, mix = run.warnings
    assert leak.what == "leak" and mix.what == "environments"
    assert_says(mix.text, "threads 1 (fold-0)", "2 (fold-1)")
    assert {fold: one["threads"] for fold, (one,) in run.environments.items()} == {"fold-0": 1, "fold-1": 2}


def test_the_hold_out_trains_after_the_folds_and_tests_nothing(written):
    splits = pd.read_csv(written / "splits.csv", dtype=str)
    files.write_csv(written / "splits.csv", pd.concat([splits.assign(fold="holdout", role="train"), splits]))
    run = open_directory(written)
    assert run.folds == ("0", "1") and run.all_folds == ("0", "1", "holdout")
    assert run.find_fold("holdout") == "holdout" and run.find_fold("fold-1") == run.find_fold("1") == "1"
    assert run.find_fold(None) == "0"
    with refused("--fold", "'fold-2'", str(run.folder), "fold-0, fold-1, holdout"):
        run.find_fold("fold-2")
    assert run.fold_folder("0") == run.folder / "fold-0" and run.fold_folder("holdout") == run.folder / "holdout"
    assert run.model_file("1") == run.folder / "fold-1" / "model.keras" and not run.has_model("1")
    assert run.fold_predictions("1") == run.folder / "fold-1" / "predictions.csv"


def test_the_effort_of_folds_is_read_from_their_files(written):
    run = open_directory(written)
    assert np.isnan(run.minutes()) and run.histories() == {} and run.chosen_epochs("1") is None
    files.write_json(written / "fold-0" / "timing.json", {"seconds": 90})
    assert run.minutes() == pytest.approx(1.5)
    files.write_json(written / "fold-1" / "timing.json", {"seconds": 30})
    assert run.minutes() == pytest.approx(2)
    (written / "fold-1" / "history.csv").touch()
    assert run.histories() == {"fold-1": run.folder / "fold-1" / "history.csv"}
    files.write_json(written / "fold-1" / "epochs.json", {"epochs": {"head": 3}})
    assert run.chosen_epochs("1") == {"head": 3}


def test_a_fold_has_a_model_if_it_has_a_file(written):
    run = open_directory(written)
    files.write_text(run.model_file("0"), "a model")
    assert run.has_model("0") and not run.has_model("1")
    assert run.model_digest("0") == rundir.digest_model(written, "0")
    with refused("model.keras"):
        run.model_digest("1")


def test_a_model_is_loaded_once_keras_is_fixed(written, monkeypatch):
    done = []
    modules = {
        "pxr_tf.models.keras_settings": SimpleNamespace(fix_keras=lambda: done.append("fixed")),
        "pxr_tf.models.model_file": SimpleNamespace(load_classifier=lambda file: done.append(file) or "a model"),
    }
    monkeypatch.setattr("pxr_tf.runs.directory.import_module", modules.__getitem__)
    run = open_directory(written)
    assert run.load_model("1") == "a model" and done == ["fixed", run.model_file("1")]


def test_a_history_has_text_phases_and_numbers(tmp_path):
    table = pd.DataFrame({"phase": ["1", "head"], "origin": "0", "epoch": [1, 2], "loss": ["0.5", ""]})
    files.write_csv(tmp_path / "history.csv", table)
    found = read_history(tmp_path / "history.csv")
    assert found.phase.tolist() == ["1", "head"] and found.origin.tolist() == ["0", "0"]
    assert found.epoch.sum() == 3 and found.loss[0] == 0.5 and np.isnan(found.loss[1])
    for name in ("phase", "loss"):
        files.write_csv(tmp_path / "history.csv", table.drop(columns=name))
        with refused("history.csv", name):
            read_history(tmp_path / "history.csv")


def test_tables_that_are_not_those_of_the_preparation_are_named(written):
    run, names = open_directory(written), ["manifest.csv", "splits.csv", "predictions.csv"]
    digests = {name: files.digest_file(written / name) for name in names}
    files.write_json(written / "provenance.json", {**run.provenance, "files": digests})
    assert run.changed_files() == []
    (written / "manifest.csv").unlink()
    (written / "splits.csv").write_text("other")
    assert run.changed_files() == ["manifest.csv", "splits.csv"]


def test_pictures_are_prepared_as_the_run_says(tmp_path):
    whole = open_directory(write_run(tmp_path / "whole"))
    assert whole.lung_identity is None
    assert whole.preparation[:2] == (whole.recipe.image.size, whole.recipe.image.resize)
    files.write_json(tmp_path / "whole" / "provenance.json", {**whole.provenance, "lungs": "atlas 1"})
    assert open_directory(tmp_path / "whole").lung_identity == "atlas 1"


@pytest.mark.parametrize("open_it", [open_directory, open_run])
def test_a_task_on_a_run_works_in_its_cache(tmp_path, written, open_it):
    run = open_it(written, tmp_path / "elsewhere")
    cache = tmp_path / "elsewhere" / "cache"
    assert run.task_place == {"run": str(run.folder), "cache": str(cache), "logs": str(cache / "logs")}
    assert open_it(written).cache.resolve() == tmp_path / "runs" / "cache"


def test_a_phase_names_what_its_loss_adds(tmp_path):
    assert open_directory(write_run(tmp_path, model="alrelu_cnn")).losses() == {"all": ""}
    recipe = tmp_path / "experiment.yaml"
    recipe.write_text(recipe.read_text().replace("label_smoothing: 0.0", "label_smoothing: 0.1"))
    assert open_directory(tmp_path).losses() == {"all": "label smoothing 0.1"}
