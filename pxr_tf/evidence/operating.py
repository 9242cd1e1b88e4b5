"""How often a class is found, and the rest cleared, at every threshold on the probabilities that a service shows."""

import numpy as np
import pandas as pd

from pxr_tf.evaluation.calibration import apply_temperature
from pxr_tf.evaluation.roc import judged_classes
from pxr_tf.evaluation.weighted import make_sample
from pxr_tf.runs.finished import FinishedRun

STEPS = np.arange(101) / 100  # thresholds


def rates_at_thresholds(run: FinishedRun, temperature: float | None) -> pd.DataFrame:
    """Return ``class, threshold, sensitivity, specificity, prevalence``: a row per judged class and step.

    The rates are shares of the run's test images whose probability is at least the threshold; with a `temperature`,
    probabilities are calibrated. ``prevalence`` is the class's share of these images. A rate without images is NaN.
    """
    sample = make_sample(run.tested)
    shares = sample.probabilities if temperature is None else apply_temperature(sample.probabilities, temperature)
    tables = []
    for name in judged_classes(sample.classes):
        k = sample.classes.index(name)
        actual, called = sample.truth == k, shares[:, [k]] >= STEPS
        with np.errstate(invalid="ignore"):
            found = called[actual].sum(0) / np.array(actual.sum())
            cleared = (~called[~actual]).sum(0) / np.array((~actual).sum())
        tables.append(
            pd.DataFrame(
                {
                    "class": name,
                    "threshold": STEPS,
                    "sensitivity": found,
                    "specificity": cleared,
                    "prevalence": actual.mean(),
                }
            )
        )
    return pd.concat(tables, ignore_index=True)
