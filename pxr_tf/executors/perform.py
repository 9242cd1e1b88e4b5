"""Doing a task, in whatever process: a pure function of files. A task's kind is imported when it is done."""

from importlib import import_module

from pxr_tf.events import OnEvent
from pxr_tf.tasks import Task

KINDS = {  # kind -> "module:function", which takes the task and what listens to its events
    "weights": "pxr_tf.experiments.fold_tasks:check_weights",
    "calibrate": "pxr_tf.experiments.fold_tasks:measure_speed",
    "features": "pxr_tf.experiments.fold_tasks:fill_features",
    "fit": "pxr_tf.experiments.fold_tasks:fit_fold",
    "inside": "pxr_tf.experiments.model_figures:look_into_run",
    "maps": "pxr_tf.experiments.model_figures:make_feature_maps",
    "export": "pxr_tf.inference.features_task:fill_saved_features",
    "explain": "pxr_tf.galleries.maps_task:explain_pictures",
    "explain_checks": "pxr_tf.galleries.checks_task:check_maps",
    "lung_network": "pxr_tf.segment.train_task:train_lungs",
}


def perform(task: Task, emit: OnEvent) -> None:
    """Do a task in this process; its progress goes to `emit`. Raises `PxrError`."""
    module, _, function = KINDS[task.kind].partition(":")
    getattr(import_module(module), function)(task, emit)
