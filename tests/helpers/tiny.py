"""The real path, shrunk: phantoms of 40 pixels, a two-layer backbone, a recipe that takes seconds, inline tasks."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pxr_tf.config import Experiment, load_experiment
from pxr_tf.executors.inline import Inline
from pxr_tf.experiments.request import Request
from pxr_tf.models.backbones import Backbone
from pxr_tf.phantoms.layouts import COVID_SET
from pxr_tf.phantoms.sets import write_phantoms
from pxr_tf.studies.run_all import run_all

CLASSES = ("bacterial", "covid19", "normal", "viral")
SIZE = 32
RUN_DEPTH = 4  # levels of a run directory below RUNS: recipe, variant, scheme, seed
TASKS = ("features", "fold-0", "fold-1")  # of the recipe below with strategy 2


class Stopped(Exception):  # noqa: N818 - not an error: the test stops the run
    """Replaces a kill at a known moment."""


def write_tiny_phantoms(folder: Path, **options: Any) -> list[Path]:
    """Write phantoms of few patients per class; return the folders for DATA."""
    patients = {"bacterial": 6, "covid19": 4, "normal": 6, "viral": 6}
    write_phantoms(folder, **{"patients": patients, "images_per_patient": (1, 2), "size": 40, **options})
    return [folder / "chest_xray", folder / COVID_SET]


def build_two_layers(*, include_top: bool, weights: str | None, input_tensor: Any) -> Any:
    """Return a network like those of keras.applications: a convolution and a BatchNorm."""
    import keras

    if include_top or weights:
        raise ValueError(f"two layers, no top, no published weights; received {include_top=}, {weights=}")
    x = keras.layers.Conv2D(8, 5, strides=4, use_bias=False, activation="relu", name="convolution")(input_tensor)
    x = keras.layers.BatchNormalization(name="normalization")(x)
    return keras.Model(keras.utils.get_source_inputs(input_tensor), x, name="two_layers")


TWO_LAYERS = Backbone(build_two_layers, "tf", SIZE)


def tiny_experiment(backbone: str = "two_layers", variant: str = "strategy2", **overrides: Any) -> Experiment:
    """Return the phantom recipe at 32 pixels, two folds, one or two epochs; dots in keys are written ``__``."""
    values = {
        "model.backbone": backbone,
        "model.head.hidden_units": [8],
        "image.size": SIZE,
        "splits.folds": 2,
        "training.batch_size": 8,
    }
    given = {key.replace("__", "."): value for key, value in overrides.items()}
    if "phases" not in given:
        count = len(load_experiment("phantom", variant=variant).phases)
        values |= {f"phases.{phase}.max_epochs": 2 for phase in range(count)}
    return load_experiment("phantom", values | given, variant=variant)


class Never(Inline):
    """An executor that must not get any task."""

    def run(self, batches: Any, on_event: Any) -> dict:
        for tasks in filter(None, batches):
            raise AssertionError(f"tasks were started: {[task.name for task in tasks]}")
        return {}


def request_of(experiment: Experiment, data: list[Path], runs: Path, **options: Any) -> Request:
    """Return the request to run the experiment."""
    return Request(experiment, tuple(data), runs, **options)


def run_here(
    experiment: Experiment,
    data: list[Path],
    runs: Path,
    *,
    executor: Any = None,
    on_event: Any = lambda event: None,
    **options: Any,
) -> Path:
    """Run the experiment in this process; return the run directory."""
    (outcome,) = run_all([request_of(experiment, data, runs, **options)], executor or Inline(), on_event)
    return outcome.request.folder


class Recorder:
    """Records the events of a run; stops it after `stop_after` epochs, or before the task `stop_before`."""

    def __init__(self, stop_after: float = float("inf"), stop_before: str = "") -> None:
        self.events: list[dict[str, Any]] = []
        self.stop_after, self.stop_before = stop_after, stop_before

    def __call__(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        if len(self.of("epoch")) >= self.stop_after or self.stop_before in self.tasks:
            raise Stopped

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the events of one kind."""
        return [event for event in self.events if event["event"] == kind]

    @property
    def tasks(self) -> list[str]:
        """The names of the started tasks."""
        return [event["task"] for event in self.of("start")]


@contextmanager
def stopped() -> Iterator[None]:
    """Expect the block to be stopped."""
    try:
        yield
    except Stopped:
        return
    raise AssertionError("the run was not stopped")
