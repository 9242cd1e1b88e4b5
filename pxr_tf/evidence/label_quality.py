"""Labels to look at, and how often a model disagrees with itself about one patient.

Every probability is out of fold: the model did not train on the image. A listed image is not wrong, and none is ever
dropped; somebody who can read X-rays should look at it.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf.evaluation.metrics import select_rows
from pxr_tf.evaluation.weighted import make_sample
from pxr_tf.runs.finished import FinishedRun

COLUMNS = ("image_id", "patient_id", "label", "suggested", "p_label", "p_suggested", "fold")


class Agreement(NamedTuple):
    """How often the images of one patient are predicted alike."""

    patients: int  # with two images of one label or more
    disagree: int  # of these, with more than one predicted class


def find_candidates(run: FinishedRun, reading: str = "all") -> pd.DataFrame:
    """Return the images whose label the model doubts most, `COLUMNS`, the most doubtful first.

    Confident learning (Northcutt, Jiang, Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels"): a
    class's threshold is the mean probability that images with its label get. An image is listed if another class
    reaches its threshold and has a higher probability than all other classes that do. The order is by the normalised
    margin, p(label) - p(suggested).
    """
    rows = select_rows(run.predictions, run.splits, reading).drop_duplicates("image_id", ignore_index=True)
    sample = make_sample(rows)
    given = np.arange(len(rows))
    probabilities = sample.probabilities
    thresholds = np.array(
        [
            probabilities[sample.truth == k, k].mean() if (sample.truth == k).any() else np.inf
            for k in range(len(sample.classes))
        ]
    )
    confident = np.where(probabilities >= thresholds, probabilities, -np.inf)
    suggested = confident.argmax(1)
    listed = (suggested != sample.truth) & np.isfinite(confident[given, suggested])
    own, other = probabilities[given, sample.truth], probabilities[given, suggested]
    table = rows[["image_id", "patient_id", "label", "fold"]].assign(
        suggested=np.array(sample.classes)[suggested], p_label=own, p_suggested=other
    )
    order = np.argsort(own - other, kind="stable")
    return table.iloc[order][listed[order]][list(COLUMNS)].reset_index(drop=True)


def measure_agreement(run: FinishedRun, reading: str = "all") -> Agreement:
    """Return how many patients with several images of one label get more than one predicted class."""
    rows = select_rows(run.predictions, run.splits, reading)
    groups = rows.groupby(["patient_id", "label"])
    classes = groups.predicted.nunique()[groups.image_id.nunique() > 1]
    return Agreement(len(classes), int((classes > 1).sum()))
