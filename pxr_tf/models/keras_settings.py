"""Give Keras the settings that the numbers depend on, whatever ``keras.json`` and the environment variables say."""

import os
from importlib import import_module
from pathlib import Path

from pxr_tf.errors import PxrError

BACKEND = "tensorflow"
IGNORED = ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "KERAS_NNX_ENABLED")  # Keras reads them when it is imported


def fix_keras() -> None:
    """Import Keras with TensorFlow as its backend, and fix its defaults; call it before any module that imports Keras.

    Raises `PxrError` if this process, such as a notebook, already uses Keras with another backend, or if Keras refuses
    the values in ``keras.json``.
    """
    os.environ["KERAS_BACKEND"] = BACKEND
    for name in IGNORED:
        os.environ.pop(name, None)
    keras = _import_keras()
    if keras.config.backend() != BACKEND:
        raise PxrError(
            f"Keras uses the backend {keras.config.backend()!r} in this process; accepted: {BACKEND!r}. Set "
            f"KERAS_BACKEND={BACKEND} before Keras is imported, then start the process or the notebook's kernel again."
        )
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    keras.config.set_max_epochs(None)
    keras.config.set_max_steps_per_epoch(None)


def _import_keras() -> object:
    file = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "keras.json"
    try:
        return import_module("keras")
    except (ValueError, AttributeError, OSError, ImportError) as error:
        if not file.exists():
            raise
        raise PxrError(f"Keras cannot be loaded with {file} ({error}). Correct this file, or delete it.") from error
