"""The formats that a run can be exported to. A format is a module with `write` and `load`, and a line here."""

from importlib import import_module
from types import ModuleType
from typing import NamedTuple

from pxr_tf.inference.engines import check_libraries


class Format(NamedTuple):
    """How a run is written in a format."""

    module: str  # `write(model, about, path)` makes the file or folder; `load(path)` returns a function to ask it
    ending: str  # of the file or folder
    needs: tuple[str, ...]  # what the module imports
    extra: str  # of this package, that installs it


FORMATS = {
    "onnx": Format("pxr_tf.deploy.onnx_file", ".onnx", ("onnxruntime", "onnx", "tf2onnx"), "onnx"),
    "savedmodel": Format("pxr_tf.deploy.saved_model", "-savedmodel", (), ""),
    "litert": Format("pxr_tf.deploy.litert_file", ".tflite", ("ai_edge_litert",), "litert"),
    "openvino": Format("pxr_tf.deploy.openvino_folder", "-openvino", ("openvino",), "openvino"),
}


def check_format(name: str) -> None:
    """Raise `PxrError` if a library of the format is not installed; this does not import it."""
    check_libraries(f"The format {name}", FORMATS[name].needs, FORMATS[name].extra)


def module_of(name: str) -> ModuleType:
    """Return the module of a format."""
    return import_module(FORMATS[name].module)
