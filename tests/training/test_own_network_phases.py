"""Phases of a paper's own network: the penalty on its weights, several steps at once, and a resumed run."""

import json
import zipfile

import keras
import numpy as np
import pandas as pd
import pytest
from tiny import Recorder, run_here, stopped, tiny_experiment
from tiny_networks import stirred

from pxr_tf.config import load_experiment
from pxr_tf.experiments.parts import make_settings
from pxr_tf.models.model_file import save_classifier
from pxr_tf.models.scratch import build_scratch
from pxr_tf.pictures.stream import num_batches
from pxr_tf.report.results import write_results
from pxr_tf.runs.finished import open_run
from pxr_tf.training import settings
from pxr_tf.training.phases import compile_phase
from pxr_tf.vocabulary.training import Phase

SIZE, RATE, L2 = 32, 0.1, 0.5
RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.integers(0, 256, (8, SIZE, SIZE, 1)).astype(np.uint8)
TARGETS = np.eye(2, dtype=np.float32)[[0, 1] * 4]
SIZES = {"channels": (2, 2, 4), "dropout": (0.0, 0.0, 0.0), "hidden_units": (4,)}
BATCH = 4
# The learner's hardest case: dropout and Adam have states of their own, and there are class weights and a penalty
RECIPE = {
    "image.size": SIZE,
    "model.channels": [2, 2, 4],
    "model.hidden_units": [4],
    "phases.0.max_epochs": 2,
    "splits.test": 0.3,
    "splits.validation": 0.2,
    "splits.unit": "patient",
}


def phase_of(**values) -> Phase:
    return Phase(**{"name": "p", "train": "all", "optimizer": "sgd", "learning_rate": RATE, "max_epochs": 2, **values})


def leaky_cnn() -> keras.Model:
    return build_scratch("leaky_cnn", num_classes=2, image_size=SIZE, sizes=SIZES)


def step(model: keras.Model, l2: float, **values) -> dict[str, np.ndarray]:
    """Do one step of a phase; return the change of each weight, by layer and name."""
    compile_phase(model, phase_of(l2=l2, **values), steps=1, xla=False)
    before = {weight.path: weight.numpy().copy() for weight in model.weights}
    model.train_on_batch(PICTURES, TARGETS)
    return {weight.path: weight.numpy() - before[weight.path] for weight in model.weights}


def test_the_penalty_pulls_kernels_and_nothing_else():
    """The penalty moves each kernel by another -rate * l2 * kernel, in addition to the gradient of the loss."""
    kernels = {weight.path: weight.numpy().copy() for weight in leaky_cnn().weights}
    plain, penalised = step(leaky_cnn(), 0.0), step(leaky_cnn(), L2)
    for path, moved in penalised.items():
        expected = -RATE * L2 * kernels[path] if path.endswith("kernel") else 0
        np.testing.assert_allclose(moved - plain[path], expected, atol=1e-6, err_msg=path)
    assert sum(path.endswith("kernel") for path in kernels) == 5
    assert all(np.abs(moved).max() > 0 for moved in plain.values())


def test_the_penalty_pulls_biases_scales_and_offsets_if_it_is_on_all():
    """As the weight decay of PyTorch's Adam and SGD, which acts on every parameter."""
    sizes = {"channels": (2,) * 5, "dropout": (0.0,) * 7, "hidden_units": (4,)}

    def build() -> keras.Model:
        return stirred(build_scratch("alrelu_cnn", num_classes=2, image_size=SIZE, sizes=sizes))

    before = {weight.path: weight.numpy().copy() for weight in build().trainable_weights}
    plain, penalised = step(build(), 0.0, batchnorm="update"), step(build(), L2, batchnorm="update", l2_on="all")
    for path, weight in before.items():
        np.testing.assert_allclose(penalised[path] - plain[path], -RATE * L2 * weight, atol=1e-6, err_msg=path)
    assert {path.rpartition("/")[2] for path in before} == {"kernel", "bias", "gamma", "beta"}
    assert all(weight.any() for weight in before.values())


@pytest.mark.slow
def test_a_later_phase_without_a_penalty_has_none():
    model, plain = leaky_cnn(), step(leaky_cnn(), 0.0)
    compile_phase(model, phase_of(l2=L2), steps=1, xla=False)
    assert len(model.losses) == 5
    moved = step(model, 0.0)
    assert model.losses == []
    assert all(np.array_equal(moved[path], plain[path]) for path in plain)


@pytest.mark.slow
def test_a_saved_model_does_not_contain_the_penalty(tmp_path):
    model = leaky_cnn()
    compile_phase(model, phase_of(l2=L2), steps=1, xla=False)
    save_classifier(model, tmp_path / "model.keras", {})
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        config = json.loads(archive.read("config.json"))
    layers = [layer["config"] for layer in config["config"]["layers"]]
    assert {layer.get("kernel_regularizer") for layer in layers} == {None}
    assert keras.models.load_model(tmp_path / "model.keras").losses == []


@pytest.mark.parametrize(("steps", "expected"), [(1, 1), (16, 16), (17, 1), (163, 1), (18, 9), (150, 15), (160, 16)])
def test_the_number_of_steps_per_execution_divides_an_epoch(steps, expected):
    own = make_settings(load_experiment("chen2021"), "")
    assert own.steps_at_once(own.phases[0], steps) == expected
    transfer = make_settings(tiny_experiment(), "random-0")
    assert [transfer.steps_at_once(phase, steps) for phase in transfer.phases] == [steps, 1]  # the head, then all


@pytest.fixture(scope="module")
def run(phantoms, tmp_path_factory):
    """Return a function that trains novokshanov2022's network in its own folder, or resumes there."""
    folders = {}

    def train(name: str, listen=lambda event: None):
        experiment = load_experiment("novokshanov2022", RECIPE | {"training.batch_size": BATCH}, variant="weighted")
        folder = folders.setdefault(name, tmp_path_factory.mktemp(name))
        return run_here(experiment, phantoms, folder, on_event=listen)

    return train


@pytest.fixture(scope="module")
def whole(run):
    """A run that was never stopped, with several steps at once. Do not change it."""
    return run("whole")


def same_run(folder, other) -> None:
    """Check that the results of two runs are equal to the last byte."""
    histories = [pd.read_csv(run / "random" / "history.csv").drop(columns="seconds") for run in (folder, other)]
    pd.testing.assert_frame_equal(*histories)
    for name in ("predictions.csv", "random/epochs.json"):
        assert (folder / name).read_bytes() == (other / name).read_bytes()


def test_a_resumed_run_and_a_run_with_single_steps_end_with_the_same_bytes(run, whole, monkeypatch):
    steps = num_batches((pd.read_csv(whole / "samples.csv").role == "train").sum(), BATCH)
    assert max(number for number in range(1, settings.STEPS_AT_ONCE + 1) if steps % number == 0) > 1
    monkeypatch.setattr(settings, "STEPS_AT_ONCE", 1)
    with stopped():
        run("stopped", Recorder(stop_after=1))
    recorder = Recorder()
    same_run(run("stopped", recorder), whole)
    assert [row["epoch"] for row in recorder.of("epoch")] == [2]


def test_the_run_ends_in_a_table(whole):
    write_results(open_run(whole))
    metrics = pd.read_csv(whole / "metrics.csv")
    assert set(metrics["class"]) == {"all", "normal", "pneumonia"}
    pooled = metrics[(metrics.fold == "pooled") & (metrics["class"] == "all")].set_index("metric").value
    assert 0 <= pooled["accuracy"] <= 1
