"""Whole runs with two classes, merged from more, and one sigmoid output."""

import shutil

import cv2
import numpy as np
import pandas as pd
import pytest
from messages import any_of, tells
from tiny import RUN_DEPTH, Recorder, run_here, stopped, tiny_experiment

from pxr_tf.experiments.parts import make_part, open_training, settings_of
from pxr_tf.models.model_file import load_classifier
from pxr_tf.training import network
from pxr_tf.training.part import TRAIN

MERGED = {"classes": ["normal", "ill"], "merge": {"ill": ["bacterial", "viral"]}, "balance__oversample": []}
HEAD = {"name": "head", "train": "head", "learning_rate": 0.05, "max_epochs": 8}


def of_output(output: str, **options):
    return tiny_experiment(**MERGED, model__head__output=output, tag=output, **options)


def opened(folder):
    return open_training(folder, folder.parents[RUN_DEPTH - 1] / "cache")


@pytest.fixture
def sigmoid_run(phantoms, two_layers, tmp_path):
    return run_here(of_output("sigmoid", phases=[HEAD | {"max_epochs": 1}]), phantoms, tmp_path)


def test_predictions_are_of_the_merged_classes(sigmoid_run):
    manifest = pd.read_csv(sigmoid_run / "manifest.csv").set_index("image_id")
    predictions = pd.read_csv(sigmoid_run / "predictions.csv")
    assert predictions.image_id.tolist() == sorted(manifest.index)
    assert list(predictions.columns[-3:]) == ["predicted", "p_normal", "p_ill"]
    ill = manifest.path[predictions.image_id].str.contains("PNEUMONIA").to_numpy()
    assert 0 < ill.sum() < len(ill)
    assert predictions.label.tolist() == np.where(ill, "ill", "normal").tolist()


def test_one_output_gives_two_probabilities_whose_sum_is_1(sigmoid_run):
    predictions = pd.read_csv(sigmoid_run / "predictions.csv")
    np.testing.assert_allclose(predictions.p_normal + predictions.p_ill, 1, atol=1e-6)
    assert (predictions.predicted == np.where(predictions.p_ill > 0.5, "ill", "normal")).all()
    model, card = load_classifier(sigmoid_run / "fold-0" / "model.keras")
    assert model.output_shape == (None, 1)
    assert (card["output"], card["classes"]) == ("sigmoid", ["normal", "ill"])
    run = opened(sigmoid_run)
    mine = predictions[predictions.fold == 0]
    rows = run.rows.drop_duplicates("image_id").set_index("image_id").row[mine.image_id]
    outputs = model.predict_on_batch(run.pictures.pixels[rows][..., None])
    np.testing.assert_allclose(mine.p_ill, outputs[:, 0], atol=1e-5)  # the output is the second class's


@pytest.mark.parametrize("phase", [0, 1])
def test_the_target_of_the_second_class_is_1(phantoms, two_layers, tmp_path, phase):
    with stopped():
        run_here(of_output("sigmoid"), phantoms, tmp_path, on_event=Recorder(stop_before="fold-0"))
    (file,) = tmp_path.rglob("experiment.yaml")
    run = opened(file.parent)
    part, settings = make_part(run, "0"), settings_of(run)
    data = network.phase_data(part, settings, run.recipe.phases[phase], network.set_up("auto", "float32"))
    batches = data.stream(0).as_numpy_iterator()
    epoch = [next(batches) for _ in range(data.steps)]
    targets = np.concatenate([batch[1] for batch in epoch])
    assert targets.shape == (len(part.of(TRAIN)), 1)
    assert targets.sum() == (part.of(TRAIN).label == "ill").sum()
    if phase == 1:  # pictures are recognised: the stream's order does not matter
        pictures = np.concatenate([batch[0] for batch in epoch])[..., 0]
        labels = {part.pixels[row].tobytes(): label for row, label in zip(part.rows.row, part.rows.label, strict=True)}
        assert [labels[picture.tobytes()] == "ill" for picture in pictures] == (targets[:, 0] == 1).tolist()


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
@pytest.mark.parametrize("bright", ["normal", "bacterial"])
def test_a_network_that_learns_ranks_the_classes_the_right_way_round(two_layers, tmp_path, output, bright):
    """One class is white, the other black: a network that ranks them wrongly has swapped targets."""
    data = make_black_and_white(tmp_path / "data", bright)
    experiment = tiny_experiment(
        classes=["normal", "bacterial"],
        balance__oversample=[],
        model__head__output=output,
        phases=[HEAD],
    )
    predictions = pd.read_csv(run_here(experiment, data, tmp_path / "runs") / "predictions.csv")
    of_normal, of_bacterial = (predictions.p_bacterial[predictions.label == name] for name in ("normal", "bacterial"))
    assert of_normal.max() < of_bacterial.min()
    assert (predictions.predicted == predictions.label).all()


def make_black_and_white(folder, bright: str) -> list:
    """Write twelve pictures, half of them nearly white, as a data set with our own table."""
    folder.mkdir()
    lines = ["path,label,patient_id"]
    for number in range(12):
        label = ("normal", "bacterial")[number % 2]
        picture = np.random.default_rng(number).integers(0, 40, (40, 40)).astype(np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), picture + 210 * np.uint8(label == bright))
        lines.append(f"{number}.png,{label},p{number}")
    (folder / "images.csv").write_text("\n".join(lines) + "\n")
    return [folder / "images.csv"]


def patients_of(experiment, data, runs) -> list[int]:
    """Return the number of images of each patient of a prepared run, sorted."""
    with stopped():
        run_here(experiment, data, runs, on_event=Recorder(stop_before="features"))
    (manifest,) = runs.rglob("manifest.csv")
    return sorted(pd.read_csv(manifest).patient_id.value_counts())


def test_patients_are_merged_before_classes_are_chosen(phantoms, two_layers, tmp_path):
    """Two patients share a picture of a class that is left out: they still become one patient."""
    data = make_black_and_white(tmp_path / "data", "normal")
    table = tmp_path / "data" / "images.csv"
    for name in ("shared.png", "again.png"):
        shutil.copy(next(phantoms[0].rglob("*virus*.jpeg")), tmp_path / "data" / name)
    plain = {"classes": ["normal", "bacterial"], "balance__oversample": []}
    assert patients_of(tiny_experiment(**plain), data, tmp_path / "before") == [1] * 12
    table.write_text(table.read_text() + "shared.png,viral,p0\nagain.png,viral,p1\n")
    assert patients_of(tiny_experiment(**plain), data, tmp_path / "after") == [1] * 10 + [2]


def test_labels_that_were_merged_into_one_class_do_not_contradict_each_other(phantoms, two_layers, tmp_path):
    """A picture with the labels bacterial and viral is dropped, unless both are merged into one class."""
    data = [tmp_path / folder.name for folder in phantoms]
    for old, new in zip(phantoms, data, strict=True):
        shutil.copytree(old, new)
    picture = min((data[0] / "train" / "PNEUMONIA").glob("*virus*.jpeg"))
    shutil.copy(picture, picture.with_name("person99_bacteria_999.jpeg"))
    counts = []
    for experiment in (tiny_experiment(), of_output("sigmoid")):
        recorder = Recorder(stop_before="features")
        with stopped():
            run_here(experiment, data, tmp_path / "runs", on_event=recorder)
        counts.append(
            tells(
                [note["text"] for note in recorder.of("note")],
                any_of("more than one label", "two labels", "contradict"),
            )
        )
    assert counts == [True, False]
