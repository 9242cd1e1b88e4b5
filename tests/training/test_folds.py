"""One fold: who trains, who tests, and that no test row is ever an augmented one."""

import keras
import numpy as np
import pandas as pd
import pytest
from tiny import CLASSES, Recorder, run_here, stopped, tiny_experiment

from pxr_tf.data.splits import HOLDOUT, TEST_ROLES, fold_names, rows_of
from pxr_tf.errors import PxrError
from pxr_tf.models.classifier import load_classifier
from pxr_tf.pictures import stream as pipeline
from pxr_tf.training import folds


@pytest.fixture
def run(own_copy):
    return folds.open_run(own_copy, own_copy.parent.parent / "cache")


@pytest.fixture
def run_with_holdout(phantoms, two_layers, tmp_path):
    """A run that chooses its epoch numbers; nothing is trained yet."""
    with stopped():
        experiment = tiny_experiment(strategies__2__phases__1__patience=1)
        run_here(experiment, phantoms, tmp_path, on_event=Recorder(stop_before="features"))
    return folds.open_run(tmp_path / "phantom" / "two_layers-strategy2", tmp_path / "cache")


@pytest.fixture
def no_augmentation(monkeypatch):
    """Make every augmented picture an error."""

    def refuse(*values, **options):
        raise AssertionError("a picture was augmented")

    monkeypatch.setattr(pipeline, "augment_image", refuse)


def test_no_patient_is_in_two_parts_of_a_fold(run_with_holdout):
    run = run_with_holdout
    for fold in [HOLDOUT, *fold_names(run.splits)]:
        patients = [set(run.table.patient_id[rows_of(run.splits, fold, *roles)]) for roles in (("train",), TEST_ROLES)]
        assert not patients[0] & patients[1]


def test_training_samples_are_training_rows_and_their_copies(run_with_holdout):
    run = run_with_holdout
    for fold in [HOLDOUT, *fold_names(run.splits)]:
        samples = folds.training_samples(run, fold)
        assert set(samples.image_id) == set(rows_of(run.splits, fold, "train"))
        assert samples["copy"].max() > 0
        assert (samples.label[samples["copy"] > 0] == "covid19").all()
        counts = samples.label.value_counts()
        assert counts.covid19 == counts.max()
        assert samples.row.tolist() == [run.store.rows[content] for content in samples.content]


def test_a_test_row_among_the_training_rows_is_caught(run, monkeypatch):
    test = rows_of(run.splits, "0", *TEST_ROLES)[0]
    planted = folds.plan_samples

    def leak(table, **options):
        return pd.concat(
            [planted(table, **options), pd.DataFrame({"image_id": [test], "copy": [0]})], ignore_index=True
        )

    monkeypatch.setattr(folds, "plan_samples", leak)
    with pytest.raises(PxrError, match=r"not in the training part"):
        folds.training_samples(run, "0")


def test_held_out_rows_are_predicted_from_their_originals(run, no_augmentation):
    model, _ = load_classifier(run.folder / "fold-0" / "model.keras")
    predictions = folds.predict_fold(run, "0", model, "float32")
    assert predictions.image_id.tolist() == rows_of(run.splits, "0", *TEST_ROLES)


def test_validation_rows_are_watched_as_originals(run_with_holdout, no_augmentation):
    run = run_with_holdout
    validation = folds.phase_data(run, HOLDOUT, run.experiment.phases[1], "float32").validation
    held = run.table.content[rows_of(run.splits, HOLDOUT, "val")].map(run.store.rows)
    seen = np.concatenate([pictures for pictures, _ in validation.as_numpy_iterator()])
    np.testing.assert_array_equal(seen[..., 0], run.store.images[held])


def test_training_rows_do_meet_the_augmentation(run, no_augmentation):
    """The fixture above would see it: copies of training rows are augmented."""
    samples = folds.training_samples(run, "0")
    load = folds.pictures_of(run, samples, every_epoch=False).load
    load(np.flatnonzero(samples["copy"] == 0), 0)
    with pytest.raises(AssertionError, match="augmented"):
        load(np.flatnonzero(samples["copy"] > 0), 0)


def test_predictions_are_those_of_the_saved_model(run):
    written = pd.read_csv(run.folder / "fold-1" / "predictions.csv")
    model = keras.models.load_model(run.folder / "fold-1" / "model.keras")
    rows = folds.describe(run, written.image_id.tolist())
    probabilities = model.predict_on_batch(run.store.images[rows.row][..., None])
    np.testing.assert_allclose(written[[f"p_{name}" for name in CLASSES]], probabilities, atol=1e-6)
    assert written.predicted.tolist() == [CLASSES[number] for number in probabilities.argmax(1)]
    assert written.label.tolist() == rows.label.tolist()
    assert set(written.fold) == {1}


def test_mirrored_predictions_are_the_mean_of_a_picture_and_its_mirror_image(run):
    model, _ = load_classifier(run.folder / "fold-0" / "model.keras")
    rows = np.arange(5)
    mirrored = run.store.images[:, :, ::-1]
    plain, turned, both = (
        folds.predict_pictures(model, images, rows, mirror=mirror)
        for images, mirror in ((run.store.images, False), (mirrored, False), (run.store.images, True))
    )
    np.testing.assert_allclose(both, (plain + turned) / 2, atol=1e-6)
    assert not np.allclose(plain, turned, atol=1e-6)


def test_the_card_tells_how_the_model_was_made(run):
    _, card = load_classifier(run.folder / "fold-1" / "model.keras")
    assert card["classes"] == list(CLASSES)
    assert card["image"] == {"size": 32, "resize": "squash", "values": "uint8 grey, 0-255"}
    assert (card["backbone"], card["strategy"], card["fold"]) == ("two_layers", 2, "1")
    assert card["trained_on"] == ["synthetic-covid-chestxray", "synthetic-kermany"]
    assert "not a medical device" in card["notice"]


def test_a_run_of_frozen_phases_predicts_from_its_cached_features(phantoms, two_layers, tmp_path, monkeypatch):
    """No picture passes through the network again, and the figures are those of the saved model."""
    monkeypatch.setattr(folds, "predict_pictures", lambda *values, **options: pytest.fail("pictures were predicted"))
    head = {"name": "head", "train": "head", "learning_rate": 0.01, "max_epochs": 2}
    folder = run_here(tiny_experiment(strategies__2__phases=[head], balance__cap=2), phantoms, tmp_path)
    run = folds.open_run(folder, tmp_path / "cache")
    written = pd.read_csv(folder / "predictions.csv")
    assert len(written) == len(run.table)
    for fold in (0, 1):
        model, _ = load_classifier(folder / f"fold-{fold}" / "model.keras")
        mine = written[written.fold == fold]
        pictures = run.store.images[folds.describe(run, mine.image_id.tolist()).row][..., None]
        expected = model.predict_on_batch(pictures)
        np.testing.assert_allclose(mine[[f"p_{name}" for name in CLASSES]], expected, atol=1e-5)


def test_mirror_images_are_predicted_from_pictures(phantoms, two_layers, tmp_path):
    head = {"name": "head", "train": "head", "learning_rate": 0.01, "max_epochs": 1}
    recipe = {"strategies__2__phases": [head]}
    plain = run_here(tiny_experiment(**recipe), phantoms, tmp_path / "plain")
    mirrored = run_here(tiny_experiment(**recipe, training__mirror_predictions=True), phantoms, tmp_path / "mirrored")
    assert (plain / "predictions.csv").read_bytes() != (mirrored / "predictions.csv").read_bytes()
