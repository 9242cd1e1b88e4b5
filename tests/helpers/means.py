"""A learner that takes milliseconds: a class is the more probable, the nearer a picture is to its mean picture."""

import numpy as np


def fit(part, settings, emit):
    """Return a function that predicts rows from the mean training picture per class; ``temperature`` softens it."""
    emit({"event": "device", "name": "CPU", "xla": False, "precision": "float32"})
    training = part.of(("train",))
    pictures = part.inputs(training).load(np.arange(len(training)), 0).reshape(len(training), -1) / 255
    means = np.stack([pictures[(training.label == name).to_numpy()].mean(0) for name in part.classes])

    def predict(rows):
        pixels = part.pixels[rows.row.to_numpy()].reshape(len(rows), -1) / 255
        closeness = np.exp(-((pixels[:, None] - means) ** 2).mean(2) / settings["temperature"])
        return (closeness / closeness.sum(1, keepdims=True)).astype(np.float32)

    return predict
