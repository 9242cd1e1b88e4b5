"""The learners: a line each. Importing this room loads neither Keras nor scikit-learn.

A learner is a module with ``fit(part, settings, emit) -> predict`` (see `part.Part`): it learns from the part's
training rows, may watch its validation rows, never reads its test rows' labels, and returns what predicts rows of the
part. `settings` is a value of `training.settings` for the learners here; for those that are added, the recipe's
``model`` without its kind.

It may have ``environment(settings) -> dict``, too: what of this process decides its numbers, such as the device; all
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

# Those that leave a model file in every fold: where it is missing, somebody took it away.
KEEP_MODELS = frozenset({"transfer", "scratch", "on_features", "linear"})


def check_learner(kind: str) -> str:
    """Return the kind of a model; raise `PxrError` with the nearest names for an unknown one."""
    if kind not in LEARNERS:
        raise PxrError(f"Unknown learner {kind!r} (model.kind). Known: {', '.join(LEARNERS)}.{nearest(kind, LEARNERS)}")
    return kind


def load_learner(kind: str) -> ModuleType:
    """Return the learner's module, imported now."""
    return import_module(LEARNERS[check_learner(kind)])


def environment_of(kind: str, settings: object) -> dict[str, object]:
    """Return what of this process decides the learner's numbers, as it says itself; its module is imported now."""
    tell = getattr(load_learner(kind), "environment", None)
    return tell(settings) if tell else {}
