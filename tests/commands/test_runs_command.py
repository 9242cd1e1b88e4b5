"""``pxr runs``: finished and unfinished runs and their state; a run that cannot be opened does not hide others."""

import shutil

import pytest
from messages import any_of, assert_says
from tiny import Recorder, request_of, run_here, stopped, tiny_experiment

from pxr_tf import files
from pxr_tf.evidence.summary import summarise_folder
from pxr_tf.report.results import write_results
from pxr_tf.runs.finished import open_run


@pytest.fixture
def runs(own_copy, phantoms, tmp_path):
    """Three runs: a finished run, a run with one trained fold, and a run of another version."""
    files.write_json(own_copy / "warnings.json", [{"what": "shortcut", "text": "A marker distinguishes the classes."}])
    write_results(open_run(own_copy))
    experiment = tiny_experiment(seed=1)
    with stopped():
        run_here(experiment, phantoms, tmp_path / "runs", on_event=Recorder(stop_before="fold-1"))
    old = shutil.copytree(own_copy, own_copy.with_name("seed-2"))
    (old / "experiment.yaml").write_text("strategies: {}\n")
    return [own_copy, request_of(experiment, phantoms, tmp_path / "runs").folder, old]


def test_each_run_is_listed_with_its_state(pxr, runs, tmp_path):
    code, said, _ = pxr("runs", tmp_path / "runs")
    assert code == 0
    assert all(
        str(folder) in said.splitlines()[number].strip() or str(folder) in said for number, folder in enumerate(runs)
    )
    finished, begun, old = summarise_folder(tmp_path / "runs")
    assert f"accuracy {100 * finished.accuracy:.1f} ± {100 * finished.sd:.1f} %" in said
    assert "finished, begun 20" in said and "1 of 2 folds trained" in said and "3 runs, 1 finished" in said
    assert (begun.folds_done, begun.folds, begun.seed) == (1, 2, 1)
    assert "another version" in old.fault and "another version" in said
    assert [warning.what for warning in finished.warnings] == ["shortcut"]
    assert "Warning: A marker distinguishes the classes." in said


def test_a_cache_is_not_searched(runs, tmp_path):
    shutil.copytree(runs[0], tmp_path / "runs" / "cache" / "seed-9")
    assert len(summarise_folder(tmp_path / "runs")) == 3


def test_a_run_without_tables_has_no_accuracy(own_copy):
    (summary,) = summarise_folder(own_copy)
    assert summary.accuracy != summary.accuracy
    assert summary.folds_done == 2


@pytest.mark.parametrize(("made", "facts"), [(False, any_of("not a folder", "not exist")), (True, any_of("no run"))])
def test_a_folder_without_runs_is_refused(pxr, tmp_path, made, facts):
    if made:
        (tmp_path / "empty").mkdir()
    code, _, said = pxr("runs", tmp_path / "empty")
    assert code == 2
    assert_says(said, str(tmp_path / "empty"), facts)


@pytest.mark.parametrize("content", ['["x"]', '{"a": 1}', "{"])
def test_damaged_warnings_affect_no_other_run(runs, tmp_path, content):
    (runs[1] / "warnings.json").write_text(content)
    finished, begun, _ = summarise_folder(tmp_path / "runs")
    assert finished.finished and "warnings.json" in begun.fault
