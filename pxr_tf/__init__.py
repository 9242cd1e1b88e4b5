"""A laboratory for pneumonia and COVID-19 classification of chest X-rays. Research use, not a medical device.

From Python::

    import pxr_tf as pxr

    run = pxr.open_run("runs/phantom/strategy2-mobilenet_025/folds/seed-0")
    run.predictions       # a data frame, a row per held-out image
    run.splits            # which rows trained, validated and tested
    model, card = run.load_model("0")
    pxr.predict(run, "folder")  # a data frame, a row per picture
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pxr_tf.api import predict
    from pxr_tf.runs.finished import FinishedRun, open_run

__version__ = "0.2.0"
__all__ = ["FinishedRun", "open_run", "predict"]

# Imported at first use: pandas takes a second.
_HOMES = {"FinishedRun": "pxr_tf.runs.finished", "open_run": "pxr_tf.runs.finished", "predict": "pxr_tf.api"}


def __getattr__(name: str) -> object:
    """Return a public name; import its module first."""
    if name not in _HOMES:
        raise AttributeError(f"module 'pxr_tf' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
