"""Phases: freeze and compile (in one place), fit epoch by epoch, and resume where a killed run stopped."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from pxr_tf.errors import PxrError
from pxr_tf.events import OnEvent
from pxr_tf.models.classifier import batchnorm_layers
from pxr_tf.training.checkpoint import assign_variables, load_checkpoint, read_variables, save_checkpoint
from pxr_tf.vocabulary.training import Phase

Batches = Iterable[tuple[object, ...]]  # a tf.data.Dataset of (input, target[, weight])
HistoryRow = dict[str, str | float]  # phase, epoch, seconds, learning_rate, then what Keras logs
STEP_SECONDS = 2.0  # a long epoch reports progress at least this often


class PhaseData(NamedTuple):
    """What one phase learns from."""

    stream: Callable[[int], Batches]  # first epoch -> an endless dataset
    steps: int  # batches per epoch
    validation: Batches | None


def set_trainable(model: keras.Model, *, train: str, batchnorm: str) -> None:
    """Freeze and unfreeze the layers of a classifier, or of its head alone.

    ``head``: the backbone keeps every weight and its BatchNorm layers use their moving averages. ``all``: everything
    trains; with `batchnorm` ``frozen`` the BatchNorm layers stay in inference mode and keep their weights.
    """
    frozen = set(map(id, batchnorm_layers(model))) if batchnorm == "frozen" else set()
    model.trainable = True
    for layer in model.layers:
        layer.trainable = (train == "all" or layer.name == "head" or model.name == "head") and id(layer) not in frozen


def compile_phase(model: keras.Model, phase: Phase, *, steps: int, xla: bool, at_once: int = 1) -> None:
    """Freeze as the phase says, then compile: if only one is done, Keras trains the old set of weights.

    An epoch has `steps` steps, and one execution does `at_once` of them.
    """
    set_trainable(model, train=phase.train, batchnorm=phase.batchnorm)
    penalise_weights(model, phase.l2, phase.l2_on)
    binary = model.output.shape[-1] == 1
    loss = keras.losses.BinaryCrossentropy if binary else keras.losses.CategoricalCrossentropy
    accuracy = keras.metrics.BinaryAccuracy if binary else keras.metrics.CategoricalAccuracy
    model.compile(
        optimizer=make_optimizer(phase, steps),
        loss=loss(label_smoothing=phase.label_smoothing),
        metrics=[accuracy(name="accuracy")],
        jit_compile=xla,
        steps_per_execution=at_once,
    )
    model.optimizer.build(model.trainable_variables)


def penalise_weights(model: keras.Model, l2: float, on: str) -> None:
    """Add l2 / 2 * the sum of the squared weights to the loss of a model, before it is compiled.

    The gradient is l2 * weight: an optimizer's weight decay before AdamW took it out of the gradient. `on` is
    ``kernels``, which spares biases and normalisation, or ``all``. The penalty exists in this process only; the saved
    model does not have it.
    """
    for weight in model.trainable_weights:
        penalised = l2 and (on == "all" or weight.name.endswith("kernel"))
        weight.regularizer = keras.regularizers.L2(l2 / 2) if penalised else None


def make_optimizer(phase: Phase, steps: int) -> keras.optimizers.Optimizer:
    """Return the phase's optimizer; `steps` is the number of batches per epoch, for the cosine decay."""
    rate: float | keras.optimizers.schedules.LearningRateSchedule = phase.learning_rate
    if phase.decay == "cosine":
        warmup = max(1, steps // 2)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, max(1, phase.max_epochs * steps - warmup), warmup_target=phase.learning_rate, warmup_steps=warmup
        )
    if phase.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=phase.momentum)
    if phase.optimizer == "adam":
        return keras.optimizers.Adam(rate, epsilon=phase.epsilon)
    optimizer = keras.optimizers.AdamW(rate, epsilon=phase.epsilon, weight_decay=phase.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def run_phases(
    classifier: keras.Model,
    phases: Sequence[Phase],
    data_for: Callable[[Phase], PhaseData],
    *,
    epochs: Mapping[str, int] | None,
    checkpoint: Path,
    xla: bool,
    emit: OnEvent,
    at_once: Callable[[Phase, int], int] = lambda phase, steps: 1,
) -> tuple[dict[str, int], list[HistoryRow]]:
    """Train the classifier through all phases; return (epochs per phase, history rows).

    With `epochs` (phase name -> number) each phase runs that long. Otherwise it stops after ``max_epochs``, or after
    ``patience`` epochs without a better validation loss. With ``patience`` or ``keep: best`` it returns to the first
    epoch with the lowest validation loss, and only epochs up to there count. `data_for` gives features instead of
    pictures to a phase that trains only the head; `at_once` gives the number of a phase's steps per execution. Training
    resumes from `checkpoint`. Events: ``resume`` with the history so far, ``epoch`` with each further history row,
    ``step`` within long epochs.
    """
    state, arrays = load_checkpoint(checkpoint) or ({"phase": 0, "history": [], "chosen": {}}, {})
    chosen, history = state["chosen"], state["history"]
    emit({"event": "resume", "history": list(history)})
    for number, phase in enumerate(phases):
        if number < state["phase"]:
            continue
        model = classifier if phase.train == "all" else classifier.get_layer("head")
        data = data_for(phase)
        compile_phase(model, phase, steps=data.steps, xla=xla, at_once=at_once(phase, data.steps))
        keeper = _EpochKeeper(phase, number, epochs, checkpoint, history, chosen, emit)
        if number == state["phase"] and arrays:
            keeper.restore(model, state, arrays)
        if not keeper.finished:
            model.fit(
                data.stream(keeper.done),
                steps_per_epoch=data.steps,
                initial_epoch=keeper.done,
                epochs=keeper.limit,
                validation_data=data.validation,
                callbacks=[keeper],
                shuffle=False,  # the stream has its own order; Keras warns that it cannot shuffle it
                verbose=0,
            )
        chosen[phase.name] = keeper.finish(model)
    return chosen, history


class _EpochKeeper(keras.callbacks.Callback):
    """Early stopping, the best epoch, history and checkpoint of one phase; all of its state survives a kill."""

    def __init__(
        self,
        phase: Phase,
        number: int,
        epochs: Mapping[str, int] | None,
        checkpoint: Path,
        history: list[HistoryRow],
        chosen: dict[str, int],
        emit: OnEvent,
    ) -> None:
        super().__init__()
        self.phase, self.number, self.checkpoint = phase, number, checkpoint
        self.history_rows, self.chosen, self.emit = history, chosen, emit
        self.limit = epochs[phase.name] if epochs else phase.max_epochs
        self.patience = None if epochs else phase.patience
        self.keeps_best = not epochs and phase.keeps_best
        self.done = 0
        self.best_epoch, self.best_loss = 0, float("inf")
        self.best_values: list[np.ndarray] = []
        self.started = self.reported = time.monotonic()

    @property
    def finished(self) -> bool:
        """Whether the phase is over: all epochs run, or patience spent."""
        waited = self.done - self.best_epoch
        return self.done >= self.limit or (self.patience is not None and self.done > 0 and waited >= self.patience)

    def restore(self, model: keras.Model, state: Mapping[str, Any], arrays: Mapping[str, list[np.ndarray]]) -> None:
        """Restore the state of the checkpoint."""
        self.done, self.best_epoch, self.best_loss = state["done"], state["best_epoch"], state["best_loss"]
        assign_variables(model.variables, arrays["model"])
        assign_variables(model.optimizer.variables, arrays["optimizer"])
        self.best_values = arrays.get("best", [])

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.started = self.reported = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        within = batch + 1 < self.params["steps"]  # the end of an epoch has its own event
        if within and time.monotonic() - self.reported > STEP_SECONDS:
            self.reported = time.monotonic()
            where = {"phase": self.phase.name, "epoch": self.done + 1, "epochs": self.limit}
            self.emit({"event": "step", **where, "step": batch + 1, "steps": self.params["steps"]})

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.done = epoch + 1
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            raise self._diverged("loss", logs["loss"])
        row = {
            "phase": self.phase.name,
            "epoch": self.done,
            "seconds": round(time.monotonic() - self.started, 3),
            "learning_rate": float(self.model.optimizer.learning_rate),
            **{name: float(value) for name, value in (logs or {}).items()},
        }
        self.history_rows.append(row)
        if self.keeps_best and row["val_loss"] < self.best_loss:
            self.best_epoch, self.best_loss = self.done, row["val_loss"]
            self.best_values = read_variables(self.model.variables)
        self._save()
        self.emit({"event": "epoch", **row, "epochs": self.limit})
        self.model.stop_training = self.finished

    def finish(self, model: keras.Model) -> int:
        """Restore the best epoch's variables if the phase keeps it; return the number of epochs that count."""
        if not self.keeps_best:
            return self.done
        if not self.best_values:
            raise self._diverged("val_loss", self.history_rows[-1]["val_loss"])
        assign_variables(model.variables, self.best_values)
        return self.best_epoch

    def _diverged(self, name: str, value: float) -> PxrError:
        return PxrError(
            f"Phase {self.phase.name!r} diverged in epoch {self.done}: its {name} is {value}. Lower its learning_rate "
            f"({self.phase.learning_rate})."
        )

    def _save(self) -> None:
        state = {
            "phase": self.number,
            "done": self.done,
            "best_epoch": self.best_epoch,
            "best_loss": self.best_loss,
            "history": self.history_rows,
            "chosen": self.chosen,
        }
        arrays = {
            "model": read_variables(self.model.variables),
            "optimizer": read_variables(self.model.optimizer.variables),
        }
        save_checkpoint(self.checkpoint, state, {**arrays, "best": self.best_values})
