"""Time a few real steps of a network on this machine, to predict how long an experiment will take."""

import resource
import sys
import time
from collections.abc import Callable

import numpy as np

from pxr_tf.models.architecture import Architecture
from pxr_tf.models.classifier import feature_extractor
from pxr_tf.training.device import set_up
from pxr_tf.training.initial import build_architecture
from pxr_tf.training.phases import compile_phase
from pxr_tf.training.settings import NetworkSettings

STEPS = 2  # timed steps; an untimed step before them compiles


def calibrate(settings: NetworkSettings, *, num_classes: int, image_size: int) -> dict[str, float]:
    """Return seconds per image for training all layers and for a forward pass, sizes, and the peak memory so far.

    Keys: ``train`` and ``predict`` (seconds per image), ``parameters``, ``channels`` (of the pooled features),
    ``memory`` (bytes, the process's peak resident size). The network starts from random weights.
    """
    device = set_up(settings.training.xla, settings.training.precision, settings.threads)
    random = settings.architecture.model.model_copy(update={"weights": "none"})
    model = build_architecture(Architecture(random), num_classes=num_classes, image_size=image_size, seed=0)
    batch_size, outputs = settings.training.batch_size, model.output.shape[-1]
    pictures = np.random.default_rng(0).integers(0, 256, (batch_size, *model.input.shape[1:]), np.uint8)
    targets = np.eye(outputs, dtype=np.float32)[np.arange(batch_size) % outputs]
    compile_phase(model, settings.phases[-1], steps=1, xla=device.xla)
    extractor = feature_extractor(model)
    return {
        "train": _seconds(lambda: model.train_on_batch(pictures, targets)) / batch_size,
        "predict": _seconds(lambda: extractor.predict_on_batch(pictures)) / batch_size,
        "parameters": float(model.count_params()),
        "channels": float(model.get_layer("features").output.shape[-1]),
        "memory": float(peak_memory()),
    }


def peak_memory() -> int:
    """Return the highest resident size of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # bytes on macOS, kilobytes on Linux


def _seconds(step: Callable[[], object]) -> float:
    step()
    started = time.perf_counter()
    for _ in range(STEPS):
        step()
    return (time.perf_counter() - started) / STEPS
