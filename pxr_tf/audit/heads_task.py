"""The task ``head_directions``: the mean gradient of each class's logit with respect to the pooled features."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pxr_tf import files
from pxr_tf.audit.heads import HeadDirections
from pxr_tf.events import OnEvent, emit_progress
from pxr_tf.explain.logits import HEAD, LOGITS
from pxr_tf.models.classifier import has_layer, pooled_features
from pxr_tf.runs.directory import RunDirectory
from pxr_tf.tasks import Task
from pxr_tf.training.device import set_up
from pxr_tf.training.features import read_features


def find_directions(task: Task, options: HeadDirections, emit: OnEvent) -> None:
    """Write each fold's directions; raise `PxrError` for a missing or damaged model file."""
    set_up(False, "float32")
    run = RunDirectory(Path(task.run), Path(task.cache))
    made, found = files.read_json(options.features), {}
    for number, (fold, contents) in enumerate(options.folds.items()):
        emit_progress(emit, "heads", number, len(options.folds))
        model, _ = run.load_model(fold)
        features = read_features(Path(made[fold]["folder"]), contents)
        found[fold] = mean_gradients(open_head(model), features).tolist()
    files.write_json(options.to, found)


def open_head(model: keras.Model) -> keras.Model:
    """Return the part of a classifier from its pooled features to its logits."""
    if has_layer(model, HEAD):
        head = model.get_layer(HEAD)
        return keras.Model(head.inputs[0], head.get_layer(LOGITS).output)
    return keras.Model(pooled_features(model), model.get_layer(LOGITS).output)


def mean_gradients(head: keras.Model, features: np.ndarray) -> np.ndarray:
    """Return float32 [classes, channels]: how each logit grows with each feature, the mean over rows of features.

    For a linear head these are its weights. One sigmoid output z counts as the logits (-z, z).
    """
    inputs = tf.constant(features)
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(inputs)
        logits = head(inputs, training=False)
        columns = [tf.reduce_sum(column) for column in tf.unstack(logits, axis=1)]
    rows = [tape.gradient(column, inputs).numpy().mean(0) for column in columns]
    return np.stack([-rows[0], rows[0]] if len(rows) == 1 else rows)
