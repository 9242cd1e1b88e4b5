"""Open a finished run: by any spelling of its path, reading each file once, or with a refusal in one line."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from tiny import Recorder, run_here, stopped, tiny_experiment
from written_runs import LEAK

import pxr_tf
from pxr_tf import files
from pxr_tf.errors import PxrError
from pxr_tf.runs.finished import find_runs, open_directory, open_run


def test_a_run_is_the_same_however_its_path_is_spelled(written, tmp_path, monkeypatch):
    link = tmp_path / "link"
    link.symlink_to(written.parent)
    monkeypatch.chdir(tmp_path)
    relative = written.relative_to(tmp_path)
    spelled = [written, relative, f"./{relative}/", relative / ".." / written.name, link / written.name]
    runs = [open_run(path) for path in spelled]
    assert {run.folder.resolve() for run in runs} == {written}
    assert open_run(f"./{relative}/").folder == relative  # still relative
    assert {run.place for run in runs} == {"phantom/strategy2-xception/folds/seed-0"}
    assert {run.cache.resolve() for run in runs} == {tmp_path / "runs" / "cache"}


def test_a_path_may_begin_with_the_home_folder(written, monkeypatch):
    monkeypatch.setenv("HOME", str(written.parent))
    assert open_run("~/seed-0").folder.resolve() == written


@pytest.mark.parametrize("levels", [1, 2, 4])
def test_a_folder_above_the_only_finished_run_opens_it(written, levels):
    assert open_run(written.parents[levels - 1]).folder.resolve() == written


def test_the_message_lists_each_of_several_runs_below_a_folder(written):
    other = shutil.copytree(written, written.with_name("seed-1"))
    with pytest.raises(PxrError) as fault:
        open_run(written.parent)
    assert all(fact in str(fault.value) for fact in ("2 finished runs", str(written), str(other)))
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(("made", "facts"), [(False, ["does not exist"]), (True, ["experiment.yaml is missing"])])
def test_what_is_not_a_run_directory_is_refused(tmp_path, made, facts):
    if made:
        (tmp_path / "x").mkdir()
    with pytest.raises(PxrError) as fault:
        open_run(tmp_path / "x")
    assert all(fact in str(fault.value) for fact in [str(tmp_path / "x"), "seed-0", *facts])


def test_runs_are_found_in_order_and_caches_are_skipped(written):
    other = shutil.copytree(written, written.with_name("a-seed"))
    shutil.copytree(written, written.parents[3] / "cache" / "left-over")
    shutil.copytree(written, written / "inside")  # a run holds no other run
    assert find_runs(written.parents[3]) == [other, written]
    assert find_runs(written) == [written]


def test_the_first_fold_that_tests_an_image_counts(written):
    table = pd.read_csv(written / "predictions.csv", dtype=str)
    assert open_run(written).tested.equals(open_run(written).predictions)
    again = table[:3].assign(fold="2")
    validated = table.assign(role="val", image_id="v" + table.image_id)
    rows = pd.concat([validated, table.assign(role="test"), again.assign(role="test")])
    rows.to_csv(written / "predictions.csv", index=False)
    run = open_run(written)
    assert list(run.tested.index) == list(range(len(table)))
    assert run.tested[["image_id", "fold"]].equals(table[["image_id", "fold"]])
    assert list(run.tested_by("2").image_id) == list(again.image_id)
    assert list(run.tested_by("1").image_id) == list(table.image_id[table.fold == "1"])


def test_a_run_has_its_warnings_and_one_for_each_fold_that_predicts_one_class(written):
    table = pd.read_csv(written / "predictions.csv", dtype=str)
    table.loc[table.fold == "1", "predicted"] = "normal"
    table.to_csv(written / "predictions.csv", index=False)
    files.write_json(written / "warnings.json", [LEAK])
    leak, one = open_run(written).warnings
    assert (leak.what, one.what, one.label) == ("leak", "one class", "normal")


def test_a_stopped_run_is_not_finished_but_can_be_opened(phantoms, two_layers, tmp_path):
    with stopped():
        run_here(tiny_experiment(), phantoms, tmp_path, on_event=Recorder(stop_before="fold-1"))
    (folder,) = find_runs(tmp_path)
    with pytest.raises(PxrError, match=r"not finished .*predictions.csv"):
        open_run(folder)
    begun = open_directory(folder)
    assert not begun.finished
    assert begun.fold_predictions("0").exists() and not begun.fold_predictions("1").exists()
    assert begun.folds == ("0", "1") and begun.recipe.name == "phantom"


def test_a_run_of_another_version_is_refused_in_one_line(written):
    (written / "experiment.yaml").write_text("name: phantom\nstrategies: {}\n")
    with pytest.raises(PxrError, match="another version") as fault:
        _ = open_run(written).recipe
    assert "\n" not in str(fault.value)


def test_each_file_is_read_once(finished_run, monkeypatch):
    run, read = open_run(finished_run), []
    original = json.loads
    monkeypatch.setattr("json.loads", lambda text, **options: read.append(text) or original(text, **options))
    assert [run.provenance["seed"] for _ in range(3)] == [0, 0, 0]
    assert len(read) == 1
    assert run.splits is run.splits and run.manifest is run.manifest and run.predictions is run.predictions


def test_each_image_has_one_test_row_and_each_fold_has_its_model(finished_run):
    run = open_run(finished_run)
    assert run.tested.image_id.is_unique
    assert set(run.tested.image_id) == set(run.manifest.image_id)
    model, card = run.load_model("1")
    assert card["classes"] == list(run.recipe.classes)
    assert (model.input_shape, model.output_shape) == ((None, 32, 32, 1), (None, 4))
    assert run.model_digest("0") != run.model_digest("1")


def test_a_model_that_was_changed_is_refused(own_copy):
    run = open_run(own_copy)
    run.model_file("0").write_bytes(run.model_file("0").read_bytes()[:-200])
    with pytest.raises(PxrError, match=r"model\.keras"):
        run.load_model("0")


def test_the_package_loads_no_library_until_it_is_used(finished_run):
    assert pxr_tf.open_run(finished_run).folds == ("0", "1")
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = pxr_tf.no_such_name
    code = "import sys, pxr_tf; print([name for name in ('pandas', 'numpy', 'pydantic') if name in sys.modules])"
    place = {**os.environ, "PYTHONPATH": str(Path(pxr_tf.__file__).parents[1])}
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=place)
    assert said.stdout.strip() == "[]"
