"""How the arithmetic is done: device, precision, XLA, threads, determinism."""

import contextlib
from typing import NamedTuple

import keras
import tensorflow as tf  # for what Keras has no call for

from pxr_tf import machine


class Device(NamedTuple):
    """How the arithmetic is done."""

    name: str  # CPU or GPU
    xla: bool
    precision: str  # a Keras dtype policy
    model: str = ""  # of the processor or the GPU
    threads: int = 0  # that share one operation: they decide in which order gradients are added

    @property
    def event(self) -> dict[str, object]:
        """What a learner says of it as it starts."""
        return {"event": "device", "name": self.name, "xla": self.xla, "precision": self.precision}


def describe(device: Device) -> dict[str, object]:
    """Return what of a device decides numbers, and how many operations run side by side, for the record."""
    return {
        "device": "CPU" if device.name == "CPU" else f"GPU, {device.model}",
        "precision": device.precision,
        "xla": device.xla,
        "threads": device.threads,
        "operations_at_once": tf.config.threading.get_inter_op_parallelism_threads() or machine.processors(),
    }


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


def set_up(xla: bool | str, precision: str, threads: int | None = None) -> Device:
    """Return the device, chosen; make TensorFlow deterministic, unless XLA is asked for, which cannot be.

    That many `threads` share each operation, by default one per processor that this process may use. Where TensorFlow
    is at work in this process already, its number stays; the device says which it is.
    """
    used = _set_threads(threads)  # before anything asks for devices: TensorFlow begins its work with that
    device = choose_device(xla, precision)
    if not device.xla:
        tf.config.experimental.enable_op_determinism()
    keras.config.set_dtype_policy(device.precision)
    model = machine.processor() if device.name == "CPU" else _name_of_gpu()
    return device._replace(model=model, threads=used)


def _set_threads(threads: int | None) -> int:
    if threads is not None:
        with contextlib.suppress(RuntimeError):  # it is at work already, in a notebook or a test
            tf.config.threading.set_intra_op_parallelism_threads(threads)
    return tf.config.threading.get_intra_op_parallelism_threads() or machine.processors()


def _name_of_gpu() -> str:
    gpu = tf.config.list_physical_devices("GPU")[0]
    return tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
