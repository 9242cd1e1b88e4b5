"""The twin of a run, which learned permuted labels: found in `Request`'s folder, refused if it does not match."""

import shlex
import shutil
from pathlib import Path

import pytest
from messages import any_of, assert_says, assert_tells
from tiny import request_of, run_here, tiny_experiment

from pxr_tf import rundir
from pxr_tf.config import load_experiment
from pxr_tf.galleries.permuted import find_permuted
from pxr_tf.runs.finished import open_run


def experiment_of(run: Path):
    return load_experiment(run / rundir.EXPERIMENT)


def find(run: Path):
    return find_permuted(open_run(run), ["0", "1"])


def with_twin(run: Path, *edit: str) -> Path:
    """Copy the run to the folder of its run on permuted labels, replace a word of its file, and return the folder."""
    twin = request_of(tiny_experiment(permute_labels=True), [], run.parents[3]).folder
    shutil.copytree(run, twin)
    text = (run / rundir.EXPERIMENT).read_text() + "permute_labels: true\n"
    assert not edit or edit[0] in text
    (twin / rundir.EXPERIMENT).write_text(text.replace(*edit) if edit else text)
    return twin


def test_without_a_twin_the_note_has_the_command_that_trains_it(own_copy, phantoms):
    found = find(own_copy)
    assert (found.run, found.identity) == (None, "")
    start, command = found.note.split("Train it with: ")
    assert_says(start, any_of("not measured"), any_of("permuted labels"))
    data = ",".join(map(str, phantoms))
    variables = [f"CONFIG={own_copy / 'experiment.yaml'}", f"DATA={data}", f"RUNS={own_copy.parents[3]}"]
    assert shlex.split(command.rstrip(".")) == ["make", "cv", *variables, "ARGS=--set permute_labels=true"]


def test_a_run_that_was_moved_away_has_no_twin_next_to_it(own_copy, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(own_copy, moved)
    found = find(moved)
    assert (found.run, found.identity) == (None, "")
    assert_says(found.note, any_of("not measured"), any_of("moved"), "'moved'")


def test_a_finished_twin_is_found_and_identified_by_its_models(own_copy):
    twin = with_twin(own_copy)
    found = find(own_copy)
    assert (found.run.folder, found.note) == (twin, "")
    rundir.model_file(twin, "1").write_bytes(b"another")
    assert find(own_copy).identity != found.identity
    rundir.model_file(twin, "1").unlink()
    assert_says(find(own_copy).note, "folds-permuted-labels", any_of("model"), "fold-1")
    (twin / rundir.PREDICTIONS).unlink()
    assert_tells(find(own_copy).note, any_of("no finished run", "no run"), any_of("permuted labels"))


def test_a_twin_with_other_settings_or_splits_is_refused(own_copy):
    twin = with_twin(own_copy, "size: 32", "size: 40")
    assert_says(find(own_copy).note, any_of("settings", "setting"), "image")
    shutil.rmtree(twin)
    twin = with_twin(own_copy)
    text = (twin / rundir.SPLITS).read_text()
    (twin / rundir.SPLITS).write_text(text.replace(",train", ",val", 1))
    assert_says(find(own_copy).note, any_of("splits"))


def test_a_run_on_permuted_labels_has_no_twin(own_copy):
    twin = with_twin(own_copy)
    assert_says(find(twin).note, any_of("not measured"), any_of("this run"), any_of("permuted labels"))


@pytest.mark.slow
def test_a_run_that_learned_permuted_labels_is_found_as_the_twin(own_copy, phantoms):
    twin = run_here(experiment_of(own_copy).model_copy(update={"permute_labels": True}), phantoms, own_copy.parents[3])
    assert find(own_copy).run.folder == twin
