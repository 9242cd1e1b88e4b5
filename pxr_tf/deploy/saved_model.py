"""SavedModel: a folder, which TensorFlow and TensorFlow Serving run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pxr_tf.inference.engines import Ask

if TYPE_CHECKING:
    import keras

ABOUT = "assets.extra/pxr.json"  # where TensorFlow keeps files that the graph does not use


def write(model: "keras.Model", about: Mapping[str, Any], path: Path) -> None:
    """Write the folder; `about` becomes a JSON file in it."""
    from pxr_tf.deploy.graph import signature

    model.export(str(path), format="tf_saved_model", input_signature=signature(model), verbose=False)
    (path / ABOUT).parent.mkdir()
    (path / ABOUT).write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def load(path: Path) -> Ask:
    """Return a function from pictures, uint8 [n, size, size, 1], to probabilities, float32 [n, classes]."""
    import tensorflow as tf

    found = tf.saved_model.load(str(path))
    return lambda pictures: found.serve(pictures).numpy()
