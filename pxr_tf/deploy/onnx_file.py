"""ONNX: one file, which ONNX Runtime and many other programs run."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pxr_tf.inference.engines import Ask

if TYPE_CHECKING:
    import keras
    import onnx

OPSET = 18  # tf2onnx 1.17 refuses 21


def write(model: "keras.Model", about: Mapping[str, Any], path: Path) -> None:
    """Write the graph; each entry of `about` becomes a property of the file, as text or JSON."""
    import onnx

    from pxr_tf.deploy.graph import BATCH, IMAGE, PROBABILITIES, signature

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # Keras looks for np.object
        model.export(str(path), format="onnx", opset_version=OPSET, input_signature=signature(model), verbose=False)
    found = onnx.load(path)
    _rename(found.graph, found.graph.input[0].name, IMAGE)
    _rename(found.graph, found.graph.output[0].name, PROBABILITIES)
    for tensor in (found.graph.input[0], found.graph.output[0]):
        tensor.type.tensor_type.shape.dim[0].dim_param = BATCH
    onnx.helper.set_model_props(found, {name: _as_text(value) for name, value in about.items()})
    onnx.checker.check_model(found)
    onnx.save(found, path)


def load(path: Path) -> Ask:
    """Return a function from pictures, uint8 [n, size, size, 1], to probabilities, float32 [n, classes]."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting threads would use a processor
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda pictures: session.run(None, {session.get_inputs()[0].name: pictures})[0]


def _rename(graph: "onnx.GraphProto", old: str, new: str) -> None:
    """Give a tensor of the graph another name, wherever it stands."""
    for tensor in (*graph.input, *graph.output):
        tensor.name = new if tensor.name == old else tensor.name
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [new if name == old else name for name in names]


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
