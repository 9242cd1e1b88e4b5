"""How well a run's probabilities are calibrated, before and after a temperature that was fitted on other rows."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pxr_tf.evaluation.bootstrap import Interval
from pxr_tf.evaluation.calibration import (
    apply_temperature,
    calibration_error,
    compare_errors,
    fit_temperature,
    split_brier,
    squared_error,
    sum_bins,
)
from pxr_tf.evaluation.intervals import find_ends, replicate_sums
from pxr_tf.evaluation.metrics import divide
from pxr_tf.evaluation.weighted import LEAST_PROBABILITY, Sample
from pxr_tf.evidence.crossfit import CrossFit

BEFORE, AFTER = "before", "after"
TOP = "predicted"  # in the column ``class``: the predicted class, whichever it is
BIN_COLUMNS = ("state", "class", "bin", "images", "patients", "probability", "share", "low", "high", "method")


class Calibration(NamedTuple):
    """The temperatures of a run, and its figures before and after them, on rows that no temperature saw."""

    temperature: float  # of the whole run, fitted on all rows that may be chosen on: for new pictures
    temperatures: dict[str, float]  # fold -> temperature that its held-out rows were judged with
    figures: dict[str, Any]  # as in ``calibration.json``
    bins: pd.DataFrame  # `BIN_COLUMNS`
    calibrated: Sample  # the judged rows with their fold's temperature


def calibrate(rows: CrossFit) -> Calibration:
    """Return a run's calibration."""
    temperatures = [fit_temperature(sample.probabilities, sample.truth) for sample in rows.fitting]
    shares = apply_temperature(rows.judged.probabilities, rows.spread(temperatures)[:, None])
    states = {BEFORE: rows.judged, AFTER: rows.judged._replace(probabilities=shares)}
    overall = fit_temperature(rows.every.probabilities, rows.every.truth)
    measured = {state: _measure(sample) for state, sample in states.items()}
    figures = {
        "temperature": overall,
        "temperatures": dict(zip(rows.folds, temperatures, strict=True)),
        "fitted_on": rows.source,
        "images": len(rows.judged.truth),
        "patients": rows.judged.patient_count,
        **measured,
        "squared_error_change": compare_errors(*map(_top_sums, states.values()))._asdict(),
        "log_loss_change": _change(*states.values()),
    }
    return Calibration(overall, figures["temperatures"], figures, _describe_bins(states), states[AFTER])


def describe(figures: dict[str, Any]) -> list[str]:
    """Return what the figures of ``calibration.json`` mean, as sentences."""
    before, after = (_percent(figures[state]["calibration_error"]) for state in (BEFORE, AFTER))
    change, loss = figures["squared_error_change"], figures["log_loss_change"]
    if change["high"] < 0:
        verb, advice = "lowers", "Use it."
    elif change["value"] < 0:
        verb, advice = "seems to lower", "The change may be chance."
    else:
        verb, advice = "does not lower", "Use the probabilities as they are."
    each = figures["temperatures"].values()
    start = f"Temperatures fitted on {figures['fitted_on']} ({min(each):.2f} to {max(each):.2f})"
    effect = f"{start}: a temperature {verb} the calibration error of rows that it did not see, {before} to {after}."
    effect += f" {advice} For new pictures: {figures['temperature']:.2f}, fitted on all rows."
    interval = "" if np.isnan(loss["low"]) else f" [{loss['low']:+.3f} to {loss['high']:+.3f}]"
    return [effect, f"Log loss changes by {loss['value']:+.3f}{interval}."]


def _percent(error: dict[str, float]) -> str:
    value = f"{100 * error['value']:.1f} %"
    return value if np.isnan(error["low"]) else f"{value} [{100 * error['low']:.1f}-{100 * error['high']:.1f}]"


def _losses(sample: Sample) -> np.ndarray:
    """Return each row's log loss and Brier score, [n, 2]."""
    of_truth = sample.probabilities[np.arange(len(sample.truth)), sample.truth].clip(LEAST_PROBABILITY, 1)
    distance = sample.probabilities - np.eye(len(sample.classes))[sample.truth]
    return np.column_stack([-np.log(of_truth), (distance**2).sum(1)])


def _measure(sample: Sample) -> dict[str, Any]:
    """Return calibration error, log loss and Brier score with intervals, and the parts of the Brier score."""
    sums = _top_sums(sample)
    means = _mean_intervals(sample, _losses(sample), ("log_loss", "brier"))
    actual = np.eye(len(sample.classes))[sample.truth]
    parts = [
        split_brier(
            sum_bins(sample.probabilities[:, k], actual[:, k], sample.patients, sample.patient_count),
            float(((sample.probabilities[:, k] - actual[:, k]) ** 2).mean()),
        )
        for k in range(len(sample.classes))
    ]
    return {
        "calibration_error": calibration_error(sums)._asdict(),
        "calibration_error_biased": float(np.sqrt(squared_error(sums.sum(0), debiased=False))),
        **{name: interval._asdict() for name, interval in means.items()},
        "brier_parts": {name: sum(getattr(part, name) for part in parts) for name in parts[0]._fields},
    }


def _change(before: Sample, after: Sample) -> dict[str, float]:
    """Return the change in log loss with its interval, over the same patients."""
    change = _losses(after)[:, :1] - _losses(before)[:, :1]
    return _mean_intervals(before, change, ("",))[""]._asdict()


def _mean_intervals(sample: Sample, values: np.ndarray, metrics: tuple[str, ...]) -> dict[str, Interval]:
    """Return metric -> the mean over images of a column of `values` [n, M], with its interval over patients."""
    sums = sample.sum_by_patient(np.column_stack([np.ones(len(values)), values]))
    patients = np.full(values.shape[1], sample.patient_count)
    found = replicate_sums(sums, lambda totals: totals[:, 1:] / totals[:, :1], patients)
    ends = [find_ends(found, row, metric) for row, metric in enumerate(metrics)]
    return {
        metric: Interval(float(found.value[row]), float(ends[row].low), float(ends[row].high))
        for row, metric in enumerate(metrics)
    }


def _top_sums(sample: Sample) -> np.ndarray:
    """Return `sum_bins` of the predicted class's probability."""
    hits = sample.probabilities.argmax(1) == sample.truth
    return sum_bins(sample.probabilities.max(1), hits, sample.patients, sample.patient_count)


def _describe_bins(states: dict[str, Sample]) -> pd.DataFrame:
    """Return the bins (`BIN_COLUMNS`) of the predicted class's probability and of each class's."""
    sums = {}
    for state, sample in states.items():
        sums[state, TOP] = _top_sums(sample)
        for k, name in enumerate(sample.classes):
            scores, hits = sample.probabilities[:, k], sample.truth == k
            sums[state, name] = sum_bins(scores, hits, sample.patients, sample.patient_count)
    every = np.concatenate(list(sums.values()), axis=1)  # [patients, bins of all, 7]
    images, hits, scores, *_, patients = every.sum(0).T
    found = replicate_sums(every[..., :2].reshape(len(every), -1), _share_of_hits, patients.astype(int))
    table = pd.DataFrame([find_ends(found, row, "share") for row in range(len(images))])
    where = [(*key, number) for key, part in sums.items() for number in range(part.shape[1])]
    table[["state", "class", "bin"]] = where
    table = table.assign(images=images.astype(int), patients=patients.astype(int), probability=scores / images)
    return table.assign(share=hits / images)[list(BIN_COLUMNS)]


def _share_of_hits(totals: np.ndarray) -> np.ndarray:
    """Return the share of hits in each bin; `totals` [R, 2 * bins] has the images and the hits of each bin in turn."""
    return divide(totals[:, 1::2], totals[:, ::2])
