"""LiteRT (TFLite): one file, for phones and small machines."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pxr_tf import machine
from pxr_tf.inference.engines import Ask

if TYPE_CHECKING:
    import keras

ABOUT = "pxr.json"


def write(model: "keras.Model", about: Mapping[str, Any], path: Path) -> None:
    """Write the graph; `about` becomes a JSON file in a zip after it, where TFLite keeps associated files.

    Interpreters do not read what follows the graph.
    """
    from pxr_tf.deploy.graph import signature

    named = path.with_name(path.name + ".tflite")  # Keras requires this ending
    model.export(str(named), format="litert", input_signature=signature(model), verbose=False)
    with zipfile.ZipFile(named, "a") as archive:
        archive.writestr(ABOUT, json.dumps(about, indent=2, ensure_ascii=False))
    named.replace(path)


def load(path: Path) -> Ask:
    """Return a function from pictures, uint8 [n, size, size, 1], to probabilities, float32 [n, classes]."""
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(str(path), num_threads=machine.processors()).get_signature_runner()
    return lambda pictures: next(iter(run(image=pictures).values()))
