"""The programs that can compute a model: TensorFlow, or one that runs an exported file without TensorFlow."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np

from pxr_tf.errors import PxrError, nearest, shown

TENSORFLOW = "tensorflow"  # the run's own model files
Ask = Callable[[np.ndarray], np.ndarray]  # uint8 [n, size, size, 1] -> probabilities, float32 [n, classes]


class Engine(NamedTuple):
    """What runs an exported file."""

    package: str  # its name in pip
    ending: str  # of the file
    runs: str  # the module that runs a file
    writes: tuple[str, ...]  # the other modules that are needed to write one
    extra: str  # of this package, that installs them


ENGINES = {
    "onnx": Engine("onnxruntime", ".onnx", "onnxruntime", ("onnx", "tf2onnx"), "onnx"),
    "litert": Engine("ai-edge-litert", ".tflite", "ai_edge_litert", (), "litert"),
}


def check_engine(name: str) -> None:
    """Raise `PxrError` for an unknown engine, or one that is not installed; this does not import it."""
    known = (TENSORFLOW, *ENGINES)
    if name not in known:
        raise PxrError(
            f"--engine received {shown(name)}; accepted: {', '.join(known)}. Use one of them.{nearest(name, known)}"
        )
    if name != TENSORFLOW:
        check_libraries(f"The engine {name}", (ENGINES[name].runs,), ENGINES[name].extra)


def check_libraries(what: str, modules: tuple[str, ...], extra: str) -> None:
    """Raise `PxrError` if one of the modules that `what` needs is not installed; this does not import them."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise PxrError(f'{what} needs {missing[0]}, which is not installed. Install it: pip install "pxr_tf[{extra}]"')
