"""The learner ``linear``: multinomial logistic regression on the prepared pixels, by scikit-learn.

The fitted coefficients become a network of one layer, so that the model is saved, loaded and explained like any other.
"""

import warnings
from functools import partial
from importlib import metadata

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from pxr_tf import rundir
from pxr_tf.events import OnEvent, OnProgress, emit_elapsed, emit_note, emit_progress
from pxr_tf.models.classifier import both_columns, predict_pictures
from pxr_tf.models.model_file import save_classifier
from pxr_tf.models.scratch import build_linear, scale_pixels
from pxr_tf.training.device import Device, describe, set_up
from pxr_tf.training.part import TRAIN, Part, Predict, sample_weights
from pxr_tf.training.settings import LinearSettings

BLOCK = 256  # pictures that are converted together


def fit(part: Part, settings: LinearSettings, emit: OnEvent) -> Predict:
    """Fit on the part's training pictures; write the model into its folder."""
    device = _set_up(settings)
    emit(device.event)
    samples = part.of(TRAIN)
    with threadpool_limits(settings.threads or device.threads):
        pixels = read_pixels(part, samples, partial(emit_progress, emit, "reading pictures"))
        with emit_elapsed(emit, f"fitting, at most {settings.model.max_iterations:,} iterations"):
            regression = fit_regression(pixels, samples.label.to_numpy(), part.classes, settings)
    if regression.n_iter_.max() >= settings.model.max_iterations:
        emit_note(emit, _not_converged(settings))
    model = build_linear(regression.coef_, regression.intercept_, part.preparation.size)
    save_classifier(model, part.folder / rundir.MODEL, linear_card(part, settings, regression))
    return lambda rows: both_columns(predict_pictures(model, part.pixels, rows.row.to_numpy()))


def environment(settings: LinearSettings) -> dict[str, object]:
    """Return what decides results in this process: scikit-learn fits, a device predicts."""
    return {**describe(_set_up(settings)), "scipy": metadata.version("scipy")}  # it has lbfgs


def fit_regression(
    pixels: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], settings: LinearSettings
) -> LogisticRegression:
    """Return the fitted regression; `pixels` is float32 [samples, pixels], classes are numbered in their order.

    scikit-learn minimises C * the summed loss + half the squared coefficients. With C = 1 / (l2 * summed weights)
    that is the mean loss + l2 / 2 * the squared coefficients.
    """
    numbers = pd.Categorical(labels, classes).codes
    weights = sample_weights(pd.Series(labels), classes, settings.class_weights)
    total = len(labels) if weights is None else float(weights.sum())
    regression = LogisticRegression(
        C=1 / (settings.model.l2 * total),
        solver=settings.model.solver,
        max_iter=settings.model.max_iterations,
        tol=settings.model.tolerance,
        random_state=0,  # of sag and saga
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # reported in our own words
        return regression.fit(pixels, numbers, sample_weight=weights)


def read_pixels(part: Part, rows: pd.DataFrame, on_progress: OnProgress = lambda done, total: None) -> np.ndarray:
    """Return the rows' pictures as float32 [rows, size * size] between -1 and 1, including augmented copies."""
    inputs = part.inputs(rows)
    values = np.empty((len(rows), part.preparation.size**2), np.float32)
    for start in range(0, len(rows), BLOCK):
        end = min(start + BLOCK, len(rows))
        index = np.arange(start, end)
        values[index] = scale_pixels(inputs.load(index, 0).reshape(len(index), -1))
        on_progress(end, len(rows))
    return values


def linear_card(part: Part, settings: LinearSettings, regression: LogisticRegression) -> dict[str, object]:
    """Return the card of the model file."""
    iterations = int(regression.n_iter_.max())
    fitted = {"l2": settings.model.l2, "solver": settings.model.solver, "iterations": iterations}
    output = "sigmoid" if len(part.classes) == 2 else "softmax"
    return {**part.card, "kind": "linear", "model": "linear", "output": output, "fit": fitted, **settings.card}


def _set_up(settings: LinearSettings) -> Device:
    return set_up(False, "float32", settings.threads)


def _not_converged(settings: LinearSettings) -> str:
    model = settings.model
    return (
        f"{model.solver} stopped at model.max_iterations={model.max_iterations}, before its tolerance of "
        f"{model.tolerance:g} was reached. Stopping early also regularises; a larger number lets it converge."
    )
