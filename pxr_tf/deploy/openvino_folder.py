"""OpenVINO: a folder with ``model.xml`` and ``model.bin``, for Intel's processors."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pxr_tf.inference.engines import Ask

if TYPE_CHECKING:
    import keras

MODEL = "model.xml"
# OpenVINO computes in bfloat16 where the processor can: that changes labels.
EXACTLY = {"INFERENCE_PRECISION_HINT": "f32"}


def write(model: "keras.Model", about: Mapping[str, Any], path: Path) -> None:
    """Write the folder; each entry of `about` is in ``model.xml`` below ``rt_info/pxr``, as text or JSON."""
    import openvino

    from pxr_tf.deploy.graph import PROBABILITIES, signature

    with tempfile.TemporaryDirectory(prefix="pxr-") as folder:
        plain = Path(folder) / MODEL
        model.export(str(plain), format="openvino", input_signature=signature(model), verbose=False)
        found = openvino.Core().read_model(plain)
        found.outputs[0].tensor.set_names({PROBABILITIES})
        for name, value in about.items():
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            found.set_rt_info(text, ["pxr", name])
        path.mkdir()
        openvino.serialize(found, path / MODEL)


def load(path: Path) -> Ask:
    """Return a function from pictures, uint8 [n, size, size, 1], to probabilities, float32 [n, classes]."""
    import openvino

    run = openvino.Core().compile_model(path / MODEL, "CPU", EXACTLY)
    return lambda pictures: run(pictures)[0]
