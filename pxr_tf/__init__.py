"""A laboratory for pneumonia and COVID-19 classification of chest X-rays. Research use, not a medical device.

From Python (docs/python.md)::

    import pxr_tf as pxr

    run = pxr.cross_validate(model="mobilenet_025", strategy=2)  # phantoms; or data="folder"
    run = pxr.open_run("runs/phantom/strategy2-mobilenet_025/folds/seed-0")
    run.predictions       # a data frame, a row per held-out image
    run.predict("folder")  # a row per picture
    run.audit()           # a row per finding
    model, card = run.load_model("0")
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pxr_tf.api import (
        Gallery,
        Run,
        compare,
        cross_validate,
        on_cluster,
        open_bundle,
        open_run,
        predict,
        read_data,
        train,
    )
    from pxr_tf.errors import PxrError
    from pxr_tf.phantoms.sets import write_phantoms
    from pxr_tf.runs.finished import FinishedRun

__version__ = "0.2.0"
__all__ = [
    "FinishedRun",
    "Gallery",
    "PxrError",
    "Run",
    "compare",
    "cross_validate",
    "on_cluster",
    "open_bundle",
    "open_run",
    "predict",
    "read_data",
    "train",
    "write_phantoms",
]

# Imported at first use: pandas takes a second.
_HOMES = {
    "FinishedRun": "pxr_tf.runs.finished",
    "PxrError": "pxr_tf.errors",
    "write_phantoms": "pxr_tf.phantoms.sets",
}


def __getattr__(name: str) -> object:
    """Return a public name; import its module first."""
    if name not in __all__:
        raise AttributeError(f"module 'pxr_tf' has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "pxr_tf.api")), name)


def __dir__() -> list[str]:
    """Return the names of the package, the public ones included, for completion in a notebook."""
    return sorted({*globals(), *__all__})
