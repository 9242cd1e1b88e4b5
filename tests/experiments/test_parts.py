"""The parts of a run: which rows train and test, and that no test row is ever augmented."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from messages import MISSING, any_of, matching, refused
from tiny import RUN_DEPTH, Recorder, run_here, stopped, tiny_experiment

from pxr_tf import files, machine
from pxr_tf.data.splits import HOLDOUT, TEST_ROLES, read_splits, rows_of
from pxr_tf.executors.perform import perform
from pxr_tf.experiments.fold_tasks import predict_part
from pxr_tf.experiments.parts import (
    chosen_epochs,
    make_part,
    make_parts,
    make_settings,
    open_training,
    settings_of,
    threads_of,
)
from pxr_tf.experiments.plan import InEnvironment
from pxr_tf.models.model_file import load_classifier
from pxr_tf.pictures import inputs
from pxr_tf.runs.finished import open_directory
from pxr_tf.tasks import Task
from pxr_tf.training import network
from pxr_tf.training.part import TEST, TRAIN, VALIDATION
from pxr_tf.vocabulary.augmentation import Augmentation

EVERYWHERE = Augmentation(copies="practical", epochs="practical")


@pytest.fixture
def run(own_copy):
    return open_training(own_copy, own_copy.parents[RUN_DEPTH - 1] / "cache")


@pytest.fixture(scope="module")
def prepared_once(phantoms, tmp_path_factory):
    """A folder with a prepared run that chooses its epoch numbers; nothing is trained yet."""
    folder = tmp_path_factory.mktemp("prepared")
    with stopped():
        run_here(tiny_experiment(phases__1__patience=1), phantoms, folder, on_event=Recorder(stop_before="features"))
    return folder


@pytest.fixture
def run_with_holdout(prepared_once, two_layers, tmp_path):
    shutil.copytree(prepared_once, tmp_path, dirs_exist_ok=True)
    return open_training(tmp_path / "phantom" / "strategy2-two_layers" / "folds" / "seed-0", tmp_path / "cache")


@pytest.fixture
def no_augmentation(monkeypatch):
    """Make every augmented picture an error."""

    def refuse(*values, **options):
        raise AssertionError("a picture was augmented")

    monkeypatch.setattr(inputs, "augment_image", refuse)


def test_a_run_has_a_part_for_the_hold_out_and_for_every_fold(run_with_holdout):
    parts = make_parts(run_with_holdout)
    assert [(part.fold, part.folder.name) for part in parts] == [
        ("holdout", "holdout"),
        ("0", "fold-0"),
        ("1", "fold-1"),
    ]
    assert {part.origin for part in parts} == {"synthetic"}


def test_no_patient_is_on_two_sides_of_a_part(run_with_holdout):
    for part in make_parts(run_with_holdout):
        sides = [set(part.of(roles).patient_id) for roles in (TRAIN, VALIDATION, TEST)]
        assert sides[0] and sides[2]
        assert bool(sides[1]) == (part.fold == HOLDOUT)
        assert not sides[0] & sides[1] and not sides[0] & sides[2] and not sides[1] & sides[2]


def test_training_samples_are_training_rows_and_their_copies(run_with_holdout):
    run, splits = run_with_holdout, read_splits(run_with_holdout.folder / "splits.csv")
    for part in make_parts(run):
        samples = part.of(TRAIN)
        assert set(samples.image_id) == set(rows_of(splits, part.fold, "train"))
        assert samples["copy"].max() > 0
        assert (samples.label[samples["copy"] > 0] == "covid19").all()
        counts = samples.label.value_counts()
        assert counts.covid19 == counts.max()
        assert samples.row.tolist() == [run.pictures.rows[content] for content in samples.content]
        assert set(part.of(TEST).image_id) == set(rows_of(splits, part.fold, *TEST_ROLES))


def test_held_out_rows_are_predicted_from_their_originals(run, no_augmentation):
    model, _ = load_classifier(run.folder / "fold-0" / "model.keras")
    part, settings = replace(make_part(run, "0"), augmentation=EVERYWHERE), settings_of(run)
    device = network.set_up("auto", "float32")
    predictions = predict_part(part, lambda rows: network.predict_rows(part, settings, model, rows, device))
    splits = read_splits(run.folder / "splits.csv")
    assert predictions.image_id.tolist() == rows_of(splits, "0", *TEST_ROLES)


def test_validation_rows_are_watched_as_originals(run_with_holdout, no_augmentation):
    run = run_with_holdout
    part, settings = replace(make_part(run, HOLDOUT), augmentation=EVERYWHERE), settings_of(run)
    device = network.set_up("auto", "float32")
    validation = network.phase_data(part, settings, run.recipe.phases[1], device).validation
    held = part.of(VALIDATION)
    assert held.image_id.tolist() == rows_of(read_splits(run.folder / "splits.csv"), HOLDOUT, "val")
    seen = np.concatenate([pictures for pictures, _ in validation.as_numpy_iterator()])
    np.testing.assert_array_equal(seen[..., 0], run.pictures.pixels[held.content.map(run.pictures.rows)])


def test_training_rows_are_augmented(run, no_augmentation):
    """A control for `no_augmentation`: copies of training rows are augmented."""
    part = make_part(run, "0")
    samples = part.of(TRAIN)
    load = part.inputs(samples).load
    load(np.flatnonzero(samples["copy"] == 0), 0)
    with pytest.raises(AssertionError, match="augmented"):
        load(np.flatnonzero(samples["copy"] > 0), 0)


def test_folds_train_as_long_as_the_hold_out_chose_and_at_least_once(run_with_holdout):
    run = run_with_holdout
    assert chosen_epochs(run, HOLDOUT) is None
    with refused(matching("holdout/epochs.json"), MISSING, any_of("delete")) as fault:
        chosen_epochs(run, "0")
    assert "\n" not in str(fault.value)
    files.write_json(run.folder / "holdout" / "epochs.json", {"epochs": {"head": 0, "all": 7}})
    assert chosen_epochs(run, "0") == {"head": 1, "all": 7}
    fixed = run._replace(directory=open_directory(run.folder))
    fixed.directory.__dict__["recipe"] = tiny_experiment()
    assert chosen_epochs(fixed, "0") is None


def test_a_fold_really_trains_as_long_as_the_hold_out_chose(run_with_holdout):
    run = run_with_holdout
    files.write_json(run.folder / "holdout" / "epochs.json", {"epochs": {"head": 1, "all": 3}})
    for task in (Task("features", "features"), Task("fold-0", "fit", fold="0")):
        place = {"run": str(run.folder), "cache": str(run.directory.cache), "options": InEnvironment()}
        perform(Task(task.name, task.kind, fold=task.fold, **place), Recorder())
    history = pd.read_csv(run.folder / "fold-0" / "history.csv")
    assert history.phase.value_counts().to_dict() == {"head": 1, "all": 3}
    assert files.read_json(run.folder / "fold-0" / "epochs.json")["epochs"] == {"head": 1, "all": 3}


def test_settings_are_the_recipes_numbers_and_other_learners_get_what_their_model_says():
    experiment = tiny_experiment(variant="strategy3", training__class_weights="balanced")
    settings = make_settings(experiment, "random-0")
    model, training = settings.architecture.model, settings.training
    assert (model.backbone, model.head.dropout, model.head.hidden_units) == ("two_layers", 0.5, (8,))
    assert (training.batch_size, training.class_weights, model.output) == (8, "balanced", "softmax")
    assert settings.architecture.weights_identity == "random-0"
    linear = make_settings(tiny_experiment(model={"kind": "linear", "l2": 0.5}, phases=[]), "none", threads=3)
    assert (linear.model.l2, linear.model.solver, linear.threads) == (0.5, "lbfgs", 3)
    other = tiny_experiment(model={"kind": "neighbours", "count": 5}, phases=[])
    assert make_settings(other, "none") == {"count": 5}


def test_a_run_keeps_the_threads_that_it_began_with(run):
    """The number of processors may differ when it is continued."""
    assert settings_of(run).threads == threads_of(run.recipe) == machine.processors()
    provenance = files.read_json(run.folder / "provenance.json")
    files.write_json(run.folder / "provenance.json", provenance | {"threads": 7})
    again = open_training(run.folder, run.directory.cache)
    assert settings_of(again).threads == 7
    assert threads_of(tiny_experiment(training__threads=3)) == 3
