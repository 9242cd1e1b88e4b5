"""How the arithmetic is done: device, precision, XLA, determinism."""

from typing import NamedTuple

import keras


class Device(NamedTuple):
    """How the arithmetic is done."""

    name: str  # CPU or GPU
    xla: bool
    precision: str  # a Keras dtype policy


def choose_device(xla: bool | str, precision: str) -> Device:
    """Return the device with its defaults filled in: bfloat16 on a GPU, not on a CPU; no XLA on either.

    On two CPU cores XLA makes training 3 to 8 times slower and bfloat16 halves MobileNet's speed. On a GPU XLA may be
    faster, but it cannot be combined with determinism, which comes first.
    """
    gpu = bool(keras.distribution.list_devices("gpu"))
    return Device(
        "GPU" if gpu else "CPU",
        xla is True,
        ("mixed_bfloat16" if gpu else "float32") if precision == "auto" else precision,
    )


def set_up(xla: bool | str, precision: str) -> Device:
    """Return the device, chosen; make TensorFlow deterministic, unless XLA is asked for, which cannot be."""
    device = choose_device(xla, precision)
    if not device.xla:
        _enable_determinism()
    keras.config.set_dtype_policy(device.precision)
    return device


def _enable_determinism() -> None:
    import tensorflow as tf  # Keras offers no such call

    tf.config.experimental.enable_op_determinism()
