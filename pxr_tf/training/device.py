"""How the arithmetic is done: device, precision, XLA, threads, determinism."""

import contextlib
import os
from typing import NamedTuple

import keras
import tensorflow as tf  # for settings that Keras lacks

from pxr_tf import machine


class Device(NamedTuple):
    """How the arithmetic is done."""

    name: str  # CPU or GPU
    xla: bool
    precision: str  # a Keras dtype policy
    model: str = ""  # of the processor or the GPU
    threads: int = 0  # per operation; their number decides the order in which gradients are added

    @property
    def event(self) -> dict[str, object]:
        """The event that a learner sends when it starts."""
        return {"event": "device", "name": self.name, "xla": self.xla, "precision": self.precision}


def describe(device: Device) -> dict[str, object]:
    """Return the facts of a device that decide results, and the number of concurrent operations, for the record."""
    return {
        "device": "CPU" if device.name == "CPU" else f"GPU, {device.model}",
        "precision": device.precision,
        "xla": device.xla,
        "threads": device.threads,
        "operations_at_once": tf.config.threading.get_inter_op_parallelism_threads() or machine.processors(),
    }


def choose_device(xla: bool | str, precision: str) -> Device:
    """Return the device with its defaults filled in: bfloat16 on a GPU, float32 on a CPU, XLA on neither.

    On two CPU cores XLA makes training 3 to 8 times slower and bfloat16 halves MobileNet's speed. On a GPU XLA may be
    faster, but it cannot be combined with determinism, which is more important.
    """
    gpu = bool(keras.distribution.list_devices("gpu"))
    return Device(
        "GPU" if gpu else "CPU",
        xla is True,
        ("mixed_bfloat16" if gpu else "float32") if precision == "auto" else precision,
    )


def set_up(xla: bool | str, precision: str, threads: int | None = None) -> Device:
    """Choose and return the device; make TensorFlow deterministic, unless XLA is requested, which cannot be.

    `threads` share each operation, by default one per processor that this process may use (`machine.processors`). If
    TensorFlow has already started in this process, its number stays; the returned device has the actual number.
    """
    used = _set_threads(threads)  # before anything asks for devices, which starts TensorFlow
    device = choose_device(xla, precision)
    if not device.xla:
        tf.config.experimental.enable_op_determinism()
    keras.config.set_dtype_policy(device.precision)
    if device.name == "CPU":
        return device._replace(model=machine.processor(), threads=used)
    details = tf.config.experimental.get_device_details(tf.config.list_physical_devices("GPU")[0])
    return device._replace(model=details.get("device_name", "GPU"), threads=used)


def _set_threads(threads: int | None) -> int:
    if threads is None and machine.PROCESSORS in os.environ:  # a worker of a cluster has a share of its machine
        threads = machine.processors()
    if threads is not None:
        with contextlib.suppress(RuntimeError):  # TensorFlow has already started, in a notebook or a test
            tf.config.threading.set_intra_op_parallelism_threads(threads)
    return tf.config.threading.get_intra_op_parallelism_threads() or machine.processors()
