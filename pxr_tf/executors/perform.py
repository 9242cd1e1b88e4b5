"""Perform a task, in any process. A task is a pure function of files; its function is imported only when needed."""

import inspect
from collections.abc import Callable
from importlib import import_module

from pxr_tf.events import OnEvent
from pxr_tf.tasks import Task

KINDS = {  # kind -> "module:function"; the function takes the task, its typed options, and a listener for its events
    "weights": "pxr_tf.experiments.fold_tasks:try_weights",
    "calibrate": "pxr_tf.experiments.fold_tasks:measure_speed",
    "features": "pxr_tf.experiments.fold_tasks:fill_features",
    "fit": "pxr_tf.experiments.fold_tasks:fit_fold",
    "model_figures": "pxr_tf.experiments.model_figures:look_into_run",
    "feature_maps": "pxr_tf.experiments.model_figures:make_feature_maps",
    "results": "pxr_tf.executors.run_results:make_results",
    "saved_features": "pxr_tf.inference.features_task:fill_saved_features",
    "fill": "pxr_tf.pictures.fill_task:fill_rows",
    "predict": "pxr_tf.inference.own_models:predict_shard",
    "predict_exported": "pxr_tf.deploy.predict_task:predict_exported",
    "explain": "pxr_tf.galleries.maps_task:explain_pictures",
    "explain_checks": "pxr_tf.galleries.checks_task:check_maps",
    "head_directions": "pxr_tf.audit.heads_task:find_directions",
    "view_features": "pxr_tf.audit.view_features_task:fill_view_features",
    "audit_changes": "pxr_tf.audit.changes_task:predict_versions",
    "lung_network": "pxr_tf.segment.train_task:train_network_file",
    "export": "pxr_tf.deploy.export_task:export_file",
    "ask_export": "pxr_tf.deploy.export_task:ask_export",
}
# Kinds that may need no TensorFlow: their function loads what it needs.
LIGHT = ("fill", "results", "predict_exported", "ask_export")
# Kinds whose work can be divided into shards: they do only `task.part_of` of their rows.
DIVISIBLE = ("features", "saved_features", "predict", "predict_exported", "view_features", "audit_changes")


def perform(task: Task, emit: OnEvent) -> None:
    """Perform a task in this process; `emit` gets its events. Raises `PxrError`."""
    if task.kind not in LIGHT:
        load_keras()
    function = find_function(task.kind)
    typed = task.with_options(options_type(function))
    function(typed, typed.options, emit)


def load_keras() -> None:
    """Load Keras and TensorFlow, which takes seconds the first time; raise `PxrError` if they cannot be used."""
    find("pxr_tf.models.keras_settings:fix_keras")()


def find_function(kind: str) -> Callable[[Task, object, OnEvent], None]:
    """Return the function for a kind of task."""
    return find(KINDS[kind])


def find(place: str) -> Callable[..., None]:
    """Return the function of a place, ``module:function``."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def options_type(function: Callable[..., None]) -> type:
    """Return the type of options that a task's function takes."""
    return inspect.signature(function).parameters["options"].annotation
