"""The table of learners, one line each. Importing this module loads neither Keras nor scikit-learn.

A learner is a module with ``fit(part, settings, emit) -> predict`` (see `part.Part`): it learns from the part's
training rows, may watch its validation rows, and never reads the labels of its test rows. It returns a function that
predicts rows of the part. `settings` is a value of `training.settings` for the learners here; an added learner gets the
recipe's ``model`` without its kind.

It may also have ``environment(settings) -> dict``: what decides its results in this process, such as the device. All
folds of a run must agree in it.
"""

from importlib import import_module
from types import ModuleType

from pxr_tf.errors import PxrError, nearest

# kind of model -> module
LEARNERS: dict[str, str] = {
    "transfer": "pxr_tf.training.network",
    "scratch": "pxr_tf.training.network",
    "on_features": "pxr_tf.training.network",
    "linear": "pxr_tf.training.linear",
}

# Learners that leave a model file in every fold: if it is missing, somebody removed it.
KEEP_MODELS = frozenset({"transfer", "scratch", "on_features", "linear"})


def check_learner(kind: str) -> str:
    """Return the kind of a model; raise `PxrError` with the nearest names if it is unknown."""
    if kind not in LEARNERS:
        raise PxrError(f"Unknown learner {kind!r} (model.kind). Known: {', '.join(LEARNERS)}.{nearest(kind, LEARNERS)}")
    return kind


def load_learner(kind: str) -> ModuleType:
    """Import and return the learner's module."""
    return import_module(LEARNERS[check_learner(kind)])


def environment_of(kind: str, settings: object) -> dict[str, object]:
    """Return what decides the learner's results in this process, as its module reports; import that module."""
    describe = getattr(load_learner(kind), "environment", None)
    return describe(settings) if describe else {}
