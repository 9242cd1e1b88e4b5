"""Phases: which weights move, which epoch is kept, how the learning rate falls, and the error of a divergence."""

import itertools

import keras
import numpy as np
import pytest
from messages import any_of, refused
from tiny import SIZE, TWO_LAYERS, Stopped, stopped

from pxr_tf.models.classifier import build_classifier
from pxr_tf.pictures.inputs import Inputs
from pxr_tf.pictures.stream import make_training_stream
from pxr_tf.training.checkpoint import assign_variables, read_variables
from pxr_tf.training.device import choose_device
from pxr_tf.training.phases import PhaseData, compile_phase, make_optimizer, run_phases, set_trainable
from pxr_tf.vocabulary.model import Head
from pxr_tf.vocabulary.training import Phase

RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.integers(0, 256, (8, SIZE, SIZE, 1)).astype(np.uint8)
FEATURES = RANDOM.random((8, 8), np.float32)
TARGETS = np.eye(2, dtype=np.float32)[[0, 1] * 4]

BACKBONE = {"kernel", "gamma", "beta"}
AVERAGES = {"moving_mean", "moving_variance"}
HEAD = {"head/kernel", "head/bias"}


def phase_of(**values) -> Phase:
    return Phase(**{"name": "p", "train": "all", "learning_rate": 0.01, "max_epochs": 2, **values})


def network(**options) -> keras.Model:
    return build_classifier(
        TWO_LAYERS, num_classes=2, image_size=SIZE, weights="none", head=Head(hidden_units=(), **options)
    )


def data_of(inputs: np.ndarray, targets: np.ndarray = TARGETS, validated: bool = False) -> PhaseData:
    def stream(first_epoch):
        options = {"batch_size": 4, "seed": 0, "phase": "p", "first_epoch": first_epoch}
        return make_training_stream(Inputs(inputs, np.arange(len(inputs))), targets, **options)

    return PhaseData(stream, 2, (inputs, targets) if validated else None)


def values_of(model: keras.Model) -> dict[str, np.ndarray]:
    """Return name -> value of every weight; the head's weights are called ``head/…``."""
    values = {}
    for layer in model.layers if model.name != "head" else []:
        if layer.name != "head":
            values |= {weight.name: weight.numpy().copy() for weight in layer.weights}
    head = model if model.name == "head" else model.get_layer("head")
    return values | {f"head/{weight.name}": weight.numpy().copy() for weight in head.weights}


def moved(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> set[str]:
    return {name for name in before if not np.array_equal(before[name], after[name])}


def fit(model: keras.Model, inputs: np.ndarray) -> set[str]:
    """Train the compiled model for one epoch; return the names of the weights that moved."""
    before = values_of(model)
    model.fit(data_of(inputs).stream(0), steps_per_epoch=2, shuffle=False, verbose=0)
    return moved(before, values_of(model))


def train(model, phases, tmp_path, *, epochs=None, data=None, emit=lambda event: None):
    data = data or (lambda phase: data_of(PICTURES if phase.train == "all" else FEATURES, validated=True))
    options = {"epochs": epochs, "checkpoint": tmp_path / "checkpoint.npz", "xla": False, "emit": emit}
    return run_phases(model, phases, data, **options)


@pytest.mark.parametrize(
    ("train", "batchnorm", "expected"),
    [
        ("head", "frozen", HEAD),
        ("all", "frozen", {"kernel"} | HEAD),
        ("all", "update", BACKBONE | AVERAGES | HEAD),
    ],
)
def test_a_phase_moves_these_weights_and_no_others(train, batchnorm, expected):
    model = network()
    compile_phase(model, phase_of(train=train, batchnorm=batchnorm), steps=2, xla=False)
    assert fit(model, PICTURES) == expected


def test_freezing_without_compiling_trains_the_old_weights():
    """Plant the fault that `compile_phase` prevents, and see it."""
    model = network()
    compile_phase(model, phase_of(train="all"), steps=2, xla=False)
    fit(model, PICTURES)
    set_trainable(model, train="head", batchnorm="frozen")
    assert fit(model, PICTURES) > HEAD
    compile_phase(model, phase_of(train="head"), steps=2, xla=False)
    assert fit(model, PICTURES) == HEAD


def test_phases_follow_each_other_and_are_recorded(tmp_path):
    model, events = network(), []
    phases = [phase_of(name="head", train="head"), phase_of(name="all", batchnorm="update", max_epochs=1)]
    before = values_of(model)
    seen = []

    def data_for(phase):
        seen.append(moved(before, values_of(model)))
        return data_of(PICTURES if phase.train == "all" else FEATURES)

    chosen, history = train(model, phases, tmp_path, data=data_for, emit=events.append)
    assert seen == [set(), HEAD]
    assert moved(before, values_of(model)) == BACKBONE | AVERAGES | HEAD
    assert chosen == {"head": 2, "all": 1}
    assert [(row["phase"], row["epoch"]) for row in history] == [("head", 1), ("head", 2), ("all", 1)]
    assert {"seconds", "loss", "accuracy", "learning_rate"} <= set(history[0])
    assert [event["epochs"] for event in events if event["event"] == "epoch"] == [2, 2, 1]


@pytest.mark.parametrize(
    ("losses", "option", "best", "run"),
    [
        pytest.param([3, 2, 1, 0.5], {"patience": 2}, 4, 4, marks=pytest.mark.slow),  # never worse: all of max_epochs
        pytest.param([1, 2, 0, 0], {"patience": 1}, 1, 2, marks=pytest.mark.slow),
        ([float("nan"), 1, 1, 2], {"patience": 2}, 2, 4),  # equal is not better, and NaN is worse than any number
        ([1, 2, 0, 0], {"keep": "best"}, 3, 4),  # the second is worse, but training does not stop
    ],
)
def test_a_phase_returns_to_its_best_epoch(tmp_path, monkeypatch, losses, option, best, run):
    watched = iter(losses)
    monkeypatch.setattr(keras.Model, "evaluate", lambda *values, **options: {"loss": next(watched), "accuracy": 0})
    phase = phase_of(train="head", max_epochs=4, **option)
    model = network(dropout=0.5)
    chosen, history = train(model, [phase], tmp_path)
    assert (chosen, len(history)) == ({"p": best}, run)

    other = network(dropout=0.5)
    train(other, [phase], tmp_path / "other", epochs={"p": best}, data=lambda phase: data_of(FEATURES))
    assert moved(values_of(model), values_of(other)) == set()


@pytest.mark.parametrize(
    "until",
    [pytest.param({"max_epochs": 9, "patience": 2}, marks=pytest.mark.slow), {"max_epochs": 4, "keep": "best"}],
)
def test_a_stopped_and_resumed_phase_ends_like_an_unstopped_phase(tmp_path, monkeypatch, until):
    """Training stops when the second epoch is best and the third worse, and again in the next phase.

    The fourth epoch is better than the third, but not than the best: the phase ends there. The state keeps all this.
    """
    losses = [2, 1, 3, 1.5]
    phases = [phase_of(name="first", train="head", **until), phase_of(name="second", train="head")]

    def train_once(folder, stop_after=float("inf")):
        watched = iter(losses)
        monkeypatch.setattr(keras.Model, "evaluate", lambda *values, **options: {"loss": next(watched), "accuracy": 0})
        events = []

        def emit(event):
            events.append(event["event"])
            if events.count("epoch") >= stop_after:
                raise Stopped

        assign_variables(model.variables, initial)
        found = train(model, phases, folder, data=data_for, emit=emit)
        return *found, values_of(model)

    def data_for(phase):
        return data_of(FEATURES, validated=phase.keeps_best)

    model = network(dropout=0.5)
    initial = read_variables(model.variables)
    chosen, history, values = train_once(tmp_path / "whole")
    assert chosen == {"first": 2, "second": 2}
    for stop_after in (3, 2):  # in the first phase, then in the second
        with stopped():
            train_once(tmp_path, stop_after)
        losses = losses[3:]
    again = train_once(tmp_path)
    assert again[0] == chosen
    for ours, theirs in zip(again[1], history, strict=True):
        assert ours | {"seconds": 0} == theirs | {"seconds": 0}
    assert moved(values, again[2]) == set()


@pytest.mark.parametrize("number", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_given_epoch_numbers_hold_for_any_validation_loss(tmp_path, number):
    phase = phase_of(train="head", max_epochs=2, patience=1)
    chosen, history = train(network(), [phase], tmp_path, epochs={"p": number})
    assert (chosen, len(history)) == ({"p": number}, number)


@pytest.mark.parametrize(("steps", "epochs"), [(2, 1), (2, 4), (9, 3)])
def test_the_cosine_rises_for_half_an_epoch_and_falls_to_zero(steps, epochs):
    phase = phase_of(decay="cosine", max_epochs=epochs)
    optimizer = make_optimizer(phase, steps)
    rates = []
    for step in range(steps * epochs + 1):
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    assert rates[0] == 0
    assert rates[steps // 2] == max(rates) == pytest.approx(phase.learning_rate)
    assert rates[-1] == pytest.approx(0, abs=1e-9)
    assert all(late < early for early, late in itertools.pairwise(rates[steps // 2 :]))


def test_the_learning_rate_of_a_trained_phase_ends_at_zero(tmp_path):
    _, history = train(network(), [phase_of(train="head", decay="cosine", max_epochs=3)], tmp_path)
    rates = [row["learning_rate"] for row in history]
    assert rates[0] > rates[1] > rates[2] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("values", "kind", "numbers"),
    [
        ({"optimizer": "adam", "epsilon": 0.1}, "Adam", {"epsilon": 0.1}),
        ({"optimizer": "sgd", "momentum": 0.9}, "SGD", {"momentum": 0.9}),
        ({"optimizer": "adamw", "weight_decay": 0.02}, "AdamW", {"weight_decay": 0.02}),
    ],
)
def test_the_optimizer_has_the_phases_numbers(values, kind, numbers):
    optimizer = make_optimizer(phase_of(**values), steps=1)
    assert type(optimizer).__name__ == kind
    assert {name: getattr(optimizer, name) for name in numbers} == numbers
    assert float(optimizer.learning_rate) == pytest.approx(0.01)


def test_weight_decay_shrinks_kernels_and_nothing_else():
    """Without a gradient, only decay moves weights; biases and BatchNorm have to keep their scale."""
    model = network()
    compile_phase(model, phase_of(optimizer="adamw", weight_decay=0.1, batchnorm="update"), steps=2, xla=False)
    for weight in model.trainable_variables:
        weight.assign(np.ones(weight.shape, np.float32))
    before = values_of(model)
    model.optimizer.apply([np.zeros(weight.shape, np.float32) for weight in model.trainable_variables])
    after = values_of(model)
    assert moved(before, after) == {"kernel", "head/kernel"}
    assert after["kernel"] == pytest.approx(1 - 0.01 * 0.1)  # by learning rate times decay, as in the paper of AdamW


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize(
    ("output", "target", "said"), [("softmax", [[0, 1]], [[0.3, 0.7]]), ("sigmoid", [[1]], [[0.7]])]
)
def test_the_loss_expects_smoothed_labels(output, target, said, smoothing):
    model = network(output=output)
    compile_phase(model, phase_of(label_smoothing=smoothing), steps=2, xla=False)
    loss = model.compute_loss(y=np.array(target, np.float32), y_pred=np.array(said, np.float32))
    expected = -(1 - smoothing / 2) * np.log(0.7) - smoothing / 2 * np.log(0.3)  # the classes share the rest
    assert float(loss) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("second_class", "rising"), [(1.0, True), (0.0, False)])
def test_one_output_learns_the_probability_of_the_second_class(tmp_path, second_class, rising):
    model = network(output="sigmoid")
    assert model.output_shape == (None, 1)
    before = model.get_layer("head").predict_on_batch(FEATURES)
    data = data_of(FEATURES, np.full((8, 1), second_class, np.float32))
    train(model, [phase_of(train="head")], tmp_path, data=lambda phase: data)
    assert ((model.get_layer("head").predict_on_batch(FEATURES) > before) == rising).all()


def test_the_accuracy_of_one_output_uses_a_threshold_of_a_half(tmp_path):
    model, targets = network(output="sigmoid"), TARGETS[:, 1:]
    data = data_of(FEATURES, targets, validated=True)
    _, history = train(model, [phase_of(train="head")], tmp_path, data=lambda phase: data)
    sides = model.get_layer("head").predict_on_batch(FEATURES) > 0.5
    assert history[-1]["val_accuracy"] == pytest.approx((sides == targets).mean())
    assert history[-1]["val_accuracy"] < 1  # noise: a comparison of argmax would always give 1


def test_the_accuracy_of_several_outputs_uses_the_largest():
    model = build_classifier(TWO_LAYERS, num_classes=3, image_size=SIZE, weights="none", head=Head(hidden_units=()))
    targets = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 2, 0, 1]]
    compile_phase(model, phase_of(), steps=1, xla=False)
    said = model.evaluate(PICTURES, targets, return_dict=True, verbose=0)["accuracy"]
    assert said == pytest.approx((model.predict(PICTURES, verbose=0).argmax(1) == targets.argmax(1)).mean())


def test_the_error_for_a_loss_of_nan_says_what_to_change(tmp_path):
    data = data_of(FEATURES, np.full_like(TARGETS, np.nan))
    with refused("'p'", any_of("diverged"), "epoch 1", "nan", "learning_rate"):
        train(network(), [phase_of(train="head")], tmp_path, data=lambda phase: data)
    assert not (tmp_path / "checkpoint.npz").exists()


def test_a_validation_loss_that_is_always_nan_is_an_error_too(tmp_path, monkeypatch):
    monkeypatch.setattr(keras.Model, "evaluate", lambda *values, **options: {"loss": float("nan"), "accuracy": 0})
    with refused("'p'", any_of("diverged")):
        train(network(), [phase_of(train="head", patience=1)], tmp_path)


@pytest.mark.parametrize(
    ("gpus", "xla", "precision", "expected"),
    [
        ([], "auto", "auto", ("CPU", False, "float32")),
        (["gpu:0"], "auto", "auto", ("GPU", False, "mixed_bfloat16")),
        ([], True, "mixed_bfloat16", ("CPU", True, "mixed_bfloat16")),
        (["gpu:0"], False, "float32", ("GPU", False, "float32")),
    ],
)
def test_the_device_decides_if_the_experiment_does_not(monkeypatch, gpus, xla, precision, expected):
    monkeypatch.setattr(keras.distribution, "list_devices", lambda kind: gpus)
    assert choose_device(xla, precision)[:3] == expected


def test_a_long_epoch_reports_its_steps_and_seconds(tmp_path, monkeypatch):
    monkeypatch.setattr("pxr_tf.training.phases.STEP_SECONDS", 0.0)
    events = []
    _, history = train(network(), [phase_of(name="long")], tmp_path, emit=events.append)
    steps = [event for event in events if event["event"] == "step"]
    where = {"event": "step", "phase": "long", "epochs": 2, "step": 1, "steps": 2}  # the second step ends the epoch
    assert steps == [where | {"epoch": epoch} for epoch in (1, 2)]
    assert all(0 < row["seconds"] < 60 and row["seconds"] != 3 for row in history)


def test_short_epochs_do_not_report_steps(tmp_path):
    events = []
    train(network(), [phase_of()], tmp_path, emit=events.append)
    assert not [event for event in events if event["event"] == "step"]
