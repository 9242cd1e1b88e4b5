"""Runs on permuted labels: marked as such, the same when continued, and no better than guessing."""

import json

import pandas as pd
import pytest
from messages import any_of, refused
from tiny import CLASSES, SIZE, Recorder, run_here, stopped, tiny_experiment, write_tiny_phantoms

from pxr_tf import rundir
from pxr_tf.config import dump_experiment, load_experiment
from pxr_tf.data.manifest import read_manifest
from pxr_tf.data.samples import read_samples
from pxr_tf.experiments.check_run import read_tables
from pxr_tf.experiments.parts import make_settings, open_training
from pxr_tf.models.model_file import read_card
from pxr_tf.runs.finished import open_directory


def test_a_recipe_without_the_key_is_written_as_before_and_one_with_it_reads_back(tmp_path):
    plain, permuted = tiny_experiment(), tiny_experiment(permute_labels=True)
    assert "permute_labels" not in dump_experiment(plain) and "permute_labels" not in plain.model_dump(mode="json")
    assert dump_experiment(tiny_experiment(permute_labels=False)) == dump_experiment(plain)
    (tmp_path / "experiment.yaml").write_text(dump_experiment(permuted))
    assert load_experiment(tmp_path / "experiment.yaml") == permuted != plain
    with refused("permute_labels"):
        tiny_experiment(permute_labels="yes")


def test_the_model_card_says_that_labels_were_permuted():
    assert make_settings(tiny_experiment(permute_labels=True), "none").card["labels"] == "permuted"
    assert "labels" not in make_settings(tiny_experiment(), "none").card


def prepare(phantoms, runs, **overrides):
    with stopped():
        run_here(tiny_experiment(**overrides), phantoms, runs, on_event=Recorder(stop_before="features"))
    (folder,) = (file.parent for file in runs.rglob(rundir.EXPERIMENT))
    return folder


def test_a_prepared_run_has_a_name_a_warning_and_consistent_tables(phantoms, tmp_path):
    folder = prepare(phantoms, tmp_path, permute_labels=True)
    assert folder.parent.name == "folds-permuted-labels"
    read_tables(folder, load_experiment(folder / rundir.EXPERIMENT))
    (warning,) = (one for one in json.loads((folder / rundir.WARNINGS).read_text()) if one["what"] == "labels")
    info = open_directory(folder).info
    assert warning["text"] in [warning.text for warning in info.warnings] and "permuted labels" in info.title
    samples, table = read_samples(folder / rundir.SAMPLES), read_manifest(folder / rundir.MANIFEST)
    rows = open_training(folder, tmp_path / rundir.CACHE).rows
    assert rows.label.tolist() == samples.label.tolist()  # what a learner gets
    true = rows.image_id.map(table.set_index("image_id").label)
    changed = rows.role[rows.label != true]
    assert set(changed) == {"train"} and len(changed) > len(rows) / 4
    swapped = samples.assign(label=samples.label.where(samples.role != "train", "viral"))
    swapped.to_csv(folder / rundir.SAMPLES, index=False)
    with refused("samples.csv", any_of("changed", "edited")):
        read_tables(folder, load_experiment(folder / rundir.EXPERIMENT))


@pytest.mark.slow
def test_a_run_on_permuted_labels_is_no_better_than_guessing_and_continues_as_it_began(tmp_path):
    """120 test images: chance is 0.25 with a standard error of 0.04; the bound is three standard errors above."""
    shortcuts = {"covid19": frozenset({"marker"}), "normal": frozenset({"border"})}  # what a linear model can learn
    patients = dict.fromkeys(CLASSES, 30)
    data = write_tiny_phantoms(tmp_path / "data", patients=patients, images_per_patient=(1, 1), shortcuts=shortcuts)
    values = {"model.kind": "linear", "image.size": SIZE, "splits.folds": 2}
    real, permuted = (load_experiment("phantom", {**values, "permute_labels": choice}) for choice in (False, True))
    whole = run_here(permuted, data, tmp_path / "whole")
    with stopped():
        run_here(permuted, data, tmp_path / "parts", on_event=Recorder(stop_before="fold-1"))
    parts = run_here(permuted, data, tmp_path / "parts")
    for name in (rundir.SAMPLES, rundir.PREDICTIONS):
        assert (whole / name).read_bytes() == (parts / name).read_bytes()
    assert accuracy(run_here(real, data, tmp_path / "whole")) > 0.5
    assert accuracy(whole) < 0.25 + 3 * 0.04
    predictions = pd.read_csv(whole / rundir.PREDICTIONS)
    table = read_manifest(whole / rundir.MANIFEST).set_index("image_id")
    assert len(predictions) == 120 and (predictions.label == predictions.image_id.map(table.label)).all()
    assert read_card(rundir.model_file(whole, "0"))["labels"] == "permuted"


def accuracy(folder):
    predictions = pd.read_csv(folder / rundir.PREDICTIONS)
    return (predictions.label == predictions.predicted).mean()
