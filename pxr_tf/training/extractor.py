"""A frozen backbone as a function from pictures to features: Keras's own, or the same network in LiteRT.

LiteRT does the convolutions of MobileNets two to three times as fast on a CPU; other backbones gain nothing
(docs/benchmarks.md). Its features differ from TensorFlow's in the last digits, so they have their own key in the cache.
"""

import queue
from collections.abc import Callable
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np

from pxr_tf import files, locks, rundir
from pxr_tf.errors import PxrError
from pxr_tf.models.architecture import Architecture
from pxr_tf.models.backbones import find_backbone
from pxr_tf.training.device import Device
from pxr_tf.vocabulary.model import Transfer
from pxr_tf.vocabulary.training import Training

TENSORFLOW, LITERT = "tensorflow", "litert"
FOLDER = "extractors"  # in the cache
TOLERANCE = 1e-4  # by which a feature may differ from TensorFlow's, as a part of the largest
TRIED = 4  # pictures of noise that both are asked


class Extractor(Protocol):
    """What `features.extract_features` needs of a network; a Keras model has it, too."""

    output_shape: tuple[Any, ...]  # (None, channels)

    def predict_on_batch(self, pictures: np.ndarray) -> np.ndarray:
        """Return float32 [batch, channels] of uint8 [batch, size, size, 1]; several threads may ask at once."""


def choose_engine(architecture: Architecture, training: Training, device: Device) -> str:
    """Return what computes features: ``tensorflow``, or ``litert`` with its version. Raises `PxrError`.

    `Training.extractor` decides. ``auto`` is LiteRT if it is installed and makes this backbone faster.
    """
    model, asked = architecture.model, training.extractor
    if asked == TENSORFLOW or not isinstance(model, Transfer):
        return TENSORFLOW
    fits = device.name == "CPU" and device.precision == "float32"
    installed = find_spec("ai_edge_litert") is not None
    gains = find_backbone(model.backbone).gains_by_litert and model.weights != "none"
    if asked == LITERT and not (fits and installed):
        why = "is not installed (pip install 'pxr_tf[litert]')" if fits else "needs a CPU and float32"
        raise PxrError(f"training.extractor received litert, which {why}; accepted: auto, tensorflow.")
    if fits and installed and (gains or asked == LITERT):
        return f"{LITERT} {metadata.version('ai-edge-litert')}"
    return TENSORFLOW


def open_extractor(
    engine: str, name: str, cache: Path, build: Callable[[], keras.Model], *, size: int, threads: int
) -> Extractor:
    """Return the extractor of an engine.

    `build` gives Keras's, for pictures of `size`. LiteRT's file is in the cache, under a key made of `name`, which
    identifies the network, and of versions; it is made if it is missing or damaged. Raises `PxrError`.
    """
    if engine == TENSORFLOW:
        return build()
    folder = cache / FOLDER
    key = files.digest(name, size, engine, *rundir.name_versions("keras", "tensorflow"))
    with locks.hold(folder / f".{key}.lock"):  # another machine may make the same file
        found = [file for file in folder.glob(f"{key}-*.tflite") if file.stem == f"{key}-{files.digest_file(file)}"]
        file = found[0] if found else _convert(build(), folder, key, size)
    return _InLitert(file, threads)


def _convert(model: keras.Model, folder: Path, key: str, size: int) -> Path:
    """Write a network as a LiteRT file, whose name has its digest; raise `PxrError` if its features differ."""
    one = keras.InputSpec(shape=(1, size, size, 1), dtype="uint8")
    with files.written_whole(folder / f"{key}.tflite") as partial:
        named = partial.with_name(f"{partial.name}.tflite")  # Keras requires this ending
        model.export(str(named), format="litert", input_signature=[one], verbose=False)
        named.replace(partial)
        _check_alike(model, _InLitert(partial, 1), size)
        digest = files.digest_file(partial)
    return (folder / f"{key}.tflite").replace(folder / f"{key}-{digest}.tflite")


def _check_alike(model: keras.Model, fast: Extractor, size: int) -> None:
    """Raise `PxrError` if features of noise differ from TensorFlow's by more than `TOLERANCE`."""
    pictures = np.random.default_rng(0).integers(0, 256, (TRIED, size, size, 1), np.uint8)
    wanted, got = (np.asarray(one.predict_on_batch(pictures)) for one in (model, fast))
    off = np.abs(got - wanted).max() / max(float(np.abs(wanted).max()), 1e-12)
    if not off <= TOLERANCE:
        raise PxrError(
            f"LiteRT's features differ from TensorFlow's by {off:.1e} of the largest; accepted: {TOLERANCE:.0e}. Use "
            "TensorFlow: --set training.extractor=tensorflow."
        )


class _InLitert:
    """A network in LiteRT; each picture alone on one thread, so that neither batches nor threads decide digits."""

    def __init__(self, file: Path, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._free: queue.SimpleQueue[Interpreter] = queue.SimpleQueue()
        for _ in range(threads):
            interpreter = Interpreter(str(file), num_threads=1)
            interpreter.allocate_tensors()
            self._free.put(interpreter)
        (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
        self._input, self._output = given["index"], made["index"]
        self.output_shape = (None, *made["shape"][1:].tolist())

    def predict_on_batch(self, pictures: np.ndarray) -> np.ndarray:
        """Return float32 [batch, channels] of uint8 [batch, size, size, 1]."""
        interpreter = self._free.get()
        try:
            return np.concatenate([self._ask(interpreter, picture) for picture in pictures])
        finally:
            self._free.put(interpreter)

    def _ask(self, interpreter: Any, picture: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(self._input, picture[None])
        interpreter.invoke()
        return interpreter.get_tensor(self._output)
