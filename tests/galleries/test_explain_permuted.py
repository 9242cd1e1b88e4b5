"""The twin of a run, which learned permuted labels: found in `Request`'s folder, refused if it does not match."""

import shlex
import shutil
from pathlib import Path

import pytest
from messages import any_of, assert_says, assert_tells
from tiny import request_of, run_here, tiny_experiment

from pxr_tf import files, rundir
from pxr_tf.config import Experiment, dump_experiment, load_experiment
from pxr_tf.galleries.permuted import find_permuted
from pxr_tf.runs.finished import open_run


def experiment_of(run: Path):
    return load_experiment(run / rundir.EXPERIMENT)


def find(run: Path):
    return find_permuted(open_run(run), ["0", "1"])


def with_twin(run: Path) -> Path:
    """Copy the run to the folder of its run on permuted labels, and return the folder."""
    twin = request_of(tiny_experiment(permute_labels=True), [], run.parents[3]).folder
    shutil.copytree(run, twin)
    text = (run / rundir.EXPERIMENT).read_text() + "permute_labels: true\n"
    (twin / rundir.EXPERIMENT).write_text(text)
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


PROVENANCE = {"origin": "real", "weights": "w", "data": ["d"], "data_digest": "0", "duplicates": "drop", "files": {}}


def write_light(runs: Path, experiment: Experiment, roles: str = "train", **provenance: str) -> Path:
    """Write the files of a finished run that `find_permuted` reads; nothing is trained."""
    folder = request_of(experiment, [], runs).folder
    files.write_text(folder / rundir.EXPERIMENT, dump_experiment(experiment))
    files.write_json(folder / rundir.PROVENANCE, PROVENANCE | provenance)
    (folder / rundir.PREDICTIONS).touch()
    rows = [f"{name},{fold},{'test' if name == fold else roles}" for fold in "01" for name in "01"]
    files.write_text(folder / rundir.SPLITS, "\n".join(["image_id,fold,role", *rows, ""]))
    for fold in "01":
        files.write_text(rundir.model_file(folder, fold), "a model")
    return folder


OTHER_TRAINING = [
    ({"training.batch_size": 4}, "training.batch_size: 4 instead of 8"),
    ({"training.mirror_predictions": True}, "training.mirror_predictions: True instead of False"),
    ({"training.class_weights": "balanced"}, "training.class_weights: balanced"),
    ({"balance.cap": 3}, "balance.cap: 3 instead of none"),
    ({"balance.oversample": []}, "balance.oversample: none"),
    ({"augmentation.copies": "none"}, "augmentation.copies: none"),
    ({"augmentation.epochs": {"rotate": 5}}, "augmentation.epochs"),
    ({"merge": {"viral": ["viral", "rsv"]}}, "merge.viral: viral,rsv instead of none"),
    ({"duplicates": "keep"}, "duplicates: keep instead of drop"),
    ({"phases.0.max_epochs": 5}, "phases.head.max_epochs: 5 instead of 2"),
    ({"phases.1.learning_rate": 0.5}, "phases.all.learning_rate: 0.5"),
    ({"image.size": 40}, "image.size: 40 instead of 32"),
    ({"image.resize": "pad"}, "image.resize: pad instead of squash"),
    ({"model.head.hidden_units": [4]}, "model.head.hidden_units: 4 instead of 8"),
    ({"splits.holdout_fraction": 0.2}, "splits.holdout_fraction: 0.2"),
]


@pytest.mark.parametrize(("overrides", "words"), OTHER_TRAINING, ids=[next(iter(one)) for one, _ in OTHER_TRAINING])
def test_a_twin_that_was_trained_otherwise_is_refused_and_the_note_names_the_difference(tmp_path, overrides, words):
    run = write_light(tmp_path, tiny_experiment())
    twin = write_light(tmp_path, tiny_experiment(permute_labels=True))
    assert (find(run).run.folder, find(run).note) == (twin, "")
    others = {key.replace(".", "__"): value for key, value in overrides.items()}
    assert write_light(tmp_path, tiny_experiment(**others, permute_labels=True)) == twin
    found = find(run)
    assert found.run is None
    assert_says(found.note, any_of("not measured"), "folds-permuted-labels", any_of("recipe"), words)


@pytest.mark.parametrize(
    ("changed", "words"),
    [({"roles": "val"}, "splits"), ({"data_digest": "1"}, "images"), ({"weights": "v"}, "weights"),
     ({"lungs": "atlas 1"}, "lungs")],
)  # fmt: skip
def test_a_twin_on_other_splits_images_weights_or_lungs_is_refused(tmp_path, changed, words):
    run = write_light(tmp_path, tiny_experiment())
    write_light(tmp_path, tiny_experiment(permute_labels=True), **changed)
    assert_says(find(run).note, any_of("not measured"), any_of("other"), words)


@pytest.mark.parametrize("same", [{"show": ["filters"]}, {"published": "bozickovic2021"}, {"model__weights": "w.h5"}])
def test_what_decides_no_training_may_differ(tmp_path, same):
    """A weights file may have moved: its identity counts."""
    run = write_light(tmp_path, tiny_experiment())
    twin = write_light(tmp_path, tiny_experiment(**same, permute_labels=True))
    assert find(run).run.folder == twin


def test_a_run_on_permuted_labels_has_no_twin(own_copy):
    twin = with_twin(own_copy)
    assert_says(find(twin).note, any_of("not measured"), any_of("this run"), any_of("permuted labels"))


@pytest.mark.slow
def test_a_run_that_learned_permuted_labels_is_found_as_the_twin(own_copy, phantoms):
    twin = run_here(experiment_of(own_copy).model_copy(update={"permute_labels": True}), phantoms, own_copy.parents[3])
    assert find(own_copy).run.folder == twin
