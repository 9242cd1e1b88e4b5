"""Which class is explained, and what the files of maps say of the prediction."""

from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from tiny import SIZE

from pxr_tf.config.image import Image
from pxr_tf.explain.logits import open_logits
from pxr_tf.explain.maps_file import read_maps
from pxr_tf.explain.methods import compute_maps
from pxr_tf.galleries import maps_task
from pxr_tf.galleries.maps_task import choose_targets, explain_pictures
from pxr_tf.galleries.request import ExplainedPicture, ExplainPictures
from pxr_tf.models.classifier import end_network, scale_grey
from pxr_tf.pictures.store import Pictures
from pxr_tf.tasks import Task

CLASSES = ("normal", "viral", "bacterial")
ROWS = [
    ExplainedPicture("a", "", label="viral", predicted="bacterial", key="", file=Path("a")),
    ExplainedPicture("b", "", label="normal", predicted="", key="", file=Path("b")),
]
PROBABILITIES = np.array([[0.4, 0.3, 0.3], [0.1, 0.6, 0.3]])


@pytest.mark.parametrize(("asked", "targets"), [("predicted", [2, 1]), ("true", [1, 0]), ("normal", [0, 0])])
def test_the_predicted_class_is_from_the_run_or_for_external_pictures_from_the_network(asked, targets):
    assert choose_targets(ROWS, PROBABILITIES, CLASSES, asked).tolist() == targets


PIXELS = np.random.default_rng(0).integers(1, 256, (3, SIZE, SIZE), np.uint8)


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """A network whose weights differ on the left and on the right, so that mirror images differ."""
    keras.utils.set_random_seed(3)
    image = keras.Input((SIZE, SIZE, 1), dtype="uint8", name="image")
    x = keras.layers.Conv2D(4, 5, strides=3, activation="relu", name="convolution")(scale_grey(image))
    return keras.Model(image, end_network(keras.layers.Flatten(name="features")(x), 3, "softmax"))


def explain(monkeypatch, folder: Path, model: keras.Model, mirror: bool, target: str, labels: list[str]) -> list:
    """Return the files of maps that the task writes."""
    card = {"classes": CLASSES, "mirror_predictions": mirror}
    run = SimpleNamespace(
        cache=folder, recipe=SimpleNamespace(image=Image(size=SIZE)), load_model=lambda _: (model, card)
    )
    monkeypatch.setattr(maps_task, "RunDirectory", lambda *place: run)
    monkeypatch.setattr(maps_task, "load_pictures", lambda *_: Pictures("", PIXELS, {"0": 0, "1": 1, "2": 2}, {}))
    pictures = [ExplainedPicture(str(n), str(n), one, "", "k", folder / f"{n}.npz") for n, one in enumerate(labels)]
    options = ExplainPictures(tuple(pictures), ("saliency",), None, target, None)
    task = Task("explain", "explain", fold="0", run=str(folder), cache=str(folder), logs=str(folder), options=options)
    explain_pictures(task, options, lambda event: None)
    return [read_maps(one.file) for one in pictures]


def test_the_maps_of_a_picture_are_those_of_its_explained_class(monkeypatch, tmp_path, model):
    found = explain(monkeypatch, tmp_path, model, False, "true", ["bacterial", "normal", "viral"])
    for classes, same in (([2, 0, 1], True), ([0, 1, 0], False)):
        maps = compute_maps(open_logits(model), PIXELS, classes, "saliency")
        assert [np.allclose(one.maps["saliency"], its) for one, its in zip(found, maps, strict=True)] == [same] * 3
    assert [one.about["target"] for one in found] == [2, 0, 1]


@pytest.mark.parametrize("mirror", [False, True])
def test_the_prediction_is_the_runs_and_the_explained_pass_is_kept_next_to_it(monkeypatch, tmp_path, model, mirror):
    alone, mirrored = (np.asarray(model.predict_on_batch(one[..., None])) for one in (PIXELS, PIXELS[:, :, ::-1]))
    prediction = (alone + mirrored) / 2 if mirror else alone
    assert np.abs(alone - mirrored).max() > 0.02
    for one, own, run in zip(
        explain(monkeypatch, tmp_path, model, mirror, "predicted", [""] * 3), alone, prediction, strict=True
    ):
        np.testing.assert_allclose(one.about["probabilities"], own, atol=1e-5)
        np.testing.assert_allclose(one.about["prediction"], run, atol=1e-5)
        assert one.about["target"] == run.argmax()
