"""The linear learner: scikit-learn's own coefficients, saved as a network that predicts the same."""

import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from messages import any_of, assert_says, matching, refused
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_info
from tiny import CLASSES, RUN_DEPTH, Recorder, run_here, tiny_experiment

from pxr_tf.errors import PxrError
from pxr_tf.experiments.parts import make_part, open_training
from pxr_tf.models.classifier import both_columns, predict_pictures
from pxr_tf.models.model_file import load_classifier
from pxr_tf.models.scratch import build_linear, scale_pixels
from pxr_tf.report.results import write_results
from pxr_tf.runs.finished import open_run
from pxr_tf.training import linear
from pxr_tf.training.part import TRAIN
from pxr_tf.training.settings import LinearSettings
from pxr_tf.vocabulary.model import Linear

L2 = 0.1
MODEL = {"kind": "linear", "l2": L2, "max_iterations": 500, "tolerance": 1e-6}
SETTINGS = LinearSettings(
    Linear(l2=L2, max_iterations=2000, tolerance=1e-7), class_weights=None, threads=1, card={"variant": "v"}
)
RANDOM = {"splits__scheme": "random", "splits__test": 0.3, "splits__validation": 0.2}


def settings(class_weights=None, **changes) -> LinearSettings:
    return replace(SETTINGS, model=SETTINGS.model.model_copy(update=changes), class_weights=class_weights)


def some_pixels(classes: tuple[str, ...], size: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Return uint8 [60, size, size] and their labels; each class has its own mean and its own number of pictures."""
    random = np.random.default_rng(0)
    shares = np.arange(1, len(classes) + 1) / np.arange(1, len(classes) + 1).sum()
    labels = random.choice(np.array(sorted(classes)), 60, p=shares)
    means = {name: random.integers(90, 160, (size, size)) for name in sorted(classes)}
    pixels = [np.clip(random.normal(means[label], 40), 0, 255) for label in labels]
    return np.array(pixels).astype(np.uint8), labels


def theirs(pixels: np.ndarray, labels: np.ndarray, **options) -> LogisticRegression:
    """Return scikit-learn's own fit, with classes in alphabetical order and C from `model.l2`."""
    fitted = LogisticRegression(C=1 / (L2 * len(labels)), max_iter=5000, tol=1e-9, **options)
    return fitted.fit(scale_pixels(pixels).reshape(len(pixels), -1).astype(np.float64), labels)


CLASS_LISTS = [("a", "b"), ("b", "a"), ("a", "b", "c"), ("c", "a", "b")]


@pytest.mark.parametrize("classes", CLASS_LISTS, ids="".join)
@pytest.mark.parametrize("weights", [None, "balanced"])
def test_the_saved_network_predicts_the_same_as_scikit_learns_own_fit(classes, weights):
    pixels, labels = some_pixels(classes)
    values = scale_pixels(pixels).reshape(len(pixels), -1)
    ours = linear.fit_regression(values, labels, classes, settings(class_weights=weights))
    expected = theirs(pixels, labels, class_weight=weights)
    order = [list(expected.classes_).index(name) for name in classes]
    sign = -1 if len(classes) == 2 and order[0] else 1  # two classes: one row, for the second class
    rows = [0] if len(classes) == 2 else order
    np.testing.assert_allclose(ours.coef_, sign * expected.coef_[rows], atol=2e-4)
    np.testing.assert_allclose(ours.intercept_, sign * expected.intercept_[rows], atol=2e-3)
    model = build_linear(ours.coef_, ours.intercept_, pixels.shape[1])
    said = both_columns(predict_pictures(model, pixels, np.arange(len(pixels))))
    np.testing.assert_allclose(said, ours.predict_proba(values), atol=1e-5)
    np.testing.assert_allclose(said, expected.predict_proba(values.astype(np.float64))[:, order], atol=1e-3)


@pytest.mark.parametrize("weights", [{"a": 2.0, "b": 1.0, "c": 0.5}, {"a": 40.0, "b": 20.0, "c": 10.0}])
def test_given_class_weights_are_shares_of_a_mean_loss(weights):
    pixels, labels = some_pixels(("a", "b", "c"))
    values = scale_pixels(pixels).reshape(len(pixels), -1)
    ours = linear.fit_regression(values, labels, ("a", "b", "c"), settings(class_weights=weights))
    total = sum(weights[label] for label in labels)  # model.l2 is relative to the mean loss, for weights of any size
    expected = LogisticRegression(C=1 / (L2 * total), max_iter=5000, tol=1e-9, class_weight=weights)
    expected.fit(values.astype(np.float64), labels)
    np.testing.assert_allclose(ours.coef_, expected.coef_, atol=2e-4)


@pytest.mark.parametrize("solver", ["newton-cg", "sag", "saga"])
def test_every_solver_finds_the_same_minimum(solver):
    pixels, labels = some_pixels(("a", "b", "c"))
    values = scale_pixels(pixels).reshape(len(pixels), -1)
    lbfgs, other = (
        linear.fit_regression(values, labels, ("a", "b", "c"), settings(solver=name)) for name in ("lbfgs", solver)
    )
    np.testing.assert_allclose(other.coef_, lbfgs.coef_, atol=1e-3)


@pytest.fixture(scope="module")
def folds_run(phantoms, tmp_path_factory):
    """A finished cross-validation and its events. Do not change it."""
    recorder = Recorder()
    folder = run_here(
        tiny_experiment(model=MODEL, phases=[], augmentation__copies="bozickovic2021"),
        phantoms,
        tmp_path_factory.mktemp("linear"),
        on_event=recorder,
    )
    return folder, recorder


def part_of(folder, fold):
    return make_part(open_training(folder, folder.parents[RUN_DEPTH - 1] / "cache"), fold)


def test_a_run_ends_in_predictions_that_its_model_files_repeat(folds_run):
    folder, recorder = folds_run
    assert folder.parts[-4:] == ("phantom", "strategy2-linear", "folds", "seed-0")
    assert recorder.tasks == ["fold-0", "fold-1"]
    predictions, part = pd.read_csv(folder / "fold-1" / "predictions.csv"), part_of(folder, "1")
    model, card = load_classifier(folder / "fold-1" / "model.keras")
    rows = part.rows[part.rows["copy"] == 0].drop_duplicates("image_id").set_index("image_id").row
    said = model.predict_on_batch(part.pixels[rows[predictions.image_id]][..., None])
    np.testing.assert_allclose(predictions[[f"p_{name}" for name in CLASSES]], said, atol=1e-6)
    assert (card["kind"], card["output"], card["classes"]) == ("linear", "softmax", list(CLASSES))
    assert card["fit"].keys() == {"l2", "solver", "iterations"}
    assert 0 < card["fit"]["iterations"] < 500
    write_results(open_run(folder))
    assert (folder / "metrics.csv").exists()


def test_the_learner_uses_augmented_copies(folds_run):
    part = part_of(folds_run[0], "0")
    samples = part.of(TRAIN)
    copies = samples["copy"] > 0
    assert copies.any()
    values = linear.read_pixels(part, samples)
    originals = scale_pixels(part.pixels[samples.row]).reshape(len(samples), -1)
    same = np.isclose(values, originals).all(axis=1)
    assert same[~copies].all()
    assert not same[copies].any()
    model, _ = load_classifier(folds_run[0] / "fold-0" / "model.keras")
    fitted = linear.fit_regression(
        values, samples.label.to_numpy(), CLASSES, settings(max_iterations=500, tolerance=1e-6)
    )
    np.testing.assert_allclose(model.get_layer("logits").get_weights()[0], fitted.coef_.T, atol=1e-5)


def test_small_blocks_give_the_same_pixels(folds_run, monkeypatch):
    part = part_of(folds_run[0], "0")
    whole = linear.read_pixels(part, part.of(TRAIN))
    monkeypatch.setattr(linear, "BLOCK", 3)
    np.testing.assert_array_equal(linear.read_pixels(part, part.of(TRAIN)), whole)


@pytest.mark.parametrize(
    "splits", [RANDOM, {"splits__scheme": "official", "splits__validation": 0.2}], ids=["random", "official"]
)
def test_two_classes_with_one_split_and_a_fit_that_does_not_converge(official_phantoms, tmp_path, monkeypatch, splits):
    """One sigmoid output; scikit-learn gets only the run's threads, and its warning appears in our own words."""
    threads, fit = [], LogisticRegression.fit

    def record(*values, **options):
        threads.extend(pool["num_threads"] for pool in threadpool_info())
        return fit(*values, **options)

    monkeypatch.setattr(LogisticRegression, "fit", record)
    merged = {"classes": ["normal", "ill"], "merge": {"ill": ["bacterial", "viral"]}, "balance__oversample": []}
    recorder = Recorder()
    folder = run_here(
        tiny_experiment(model=MODEL | {"max_iterations": 1}, phases=[], training__threads=1, **merged, **splits),
        [official_phantoms],
        tmp_path,
        on_event=recorder,
    )
    (note,) = notes_of_fits(recorder)
    assert_says(note, "lbfgs", "model.max_iterations=1", "1e-06")
    assert set(threads) == {1}
    predictions = pd.read_csv(folder / "predictions.csv")
    assert set(predictions.role) == {"test", "val"}
    np.testing.assert_allclose(predictions.p_normal + predictions.p_ill, 1, atol=1e-6)
    assert (predictions.predicted == np.where(predictions.p_ill > 0.5, "ill", "normal")).all()
    fold = splits["splits__scheme"]
    assert load_classifier(folder / fold / "model.keras")[0].output_shape == (None, 1)


def test_a_fit_that_converged_has_no_note(folds_run):
    assert notes_of_fits(folds_run[1]) == []


def notes_of_fits(recorder: Recorder) -> list[str]:
    return [event["text"] for event in recorder.of("note") if "max_iterations" in event["text"]]


def rewrite(file, change) -> None:
    """Rewrite a model file, changing each member by (name, content) -> content, with correct checksums."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, change(name, content))


def change_a_weight(name: str, content: bytes) -> bytes:
    return content[:-40] + bytes([content[-40] ^ 1]) + content[-39:] if name.endswith(".h5") else content


def exchange_classes(name: str, content: bytes) -> bytes:
    if name != "pxr.json":
        return content
    return content.replace(b'"bacterial"', b'"x"').replace(b'"viral"', b'"bacterial"').replace(b'"x"', b'"viral"')


@pytest.mark.parametrize("change", [change_a_weight, exchange_classes])
def test_a_model_file_that_was_changed_is_refused(folds_run, tmp_path, change):
    file = tmp_path / "model.keras"
    file.write_bytes((folds_run[0] / "fold-0" / "model.keras").read_bytes())
    rewrite(file, lambda name, content: content)
    load_classifier(file)  # a file rewritten without a change is accepted
    rewrite(file, change)
    with pytest.raises(PxrError) as fault:
        load_classifier(file)
    assert_says(fault.value, str(file), any_of("changed"))
    assert_says(fault.value, any_of("original"), any_of("delete"), any_of("run directory"), any_of("train"))
    assert "\n" not in str(fault.value)


def test_a_byte_that_was_damaged_on_the_disk_is_reported(folds_run, tmp_path):
    content = bytearray((folds_run[0] / "fold-0" / "model.keras").read_bytes())
    content[len(content) // 2] ^= 255
    (tmp_path / "model.keras").write_bytes(content)
    with refused(any_of("pxr"), any_of("damaged"), matching("bad crc-32")) as fault:
        load_classifier(tmp_path / "model.keras")
    assert "\n" not in str(fault.value)
