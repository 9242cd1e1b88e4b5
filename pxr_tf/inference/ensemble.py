"""The models of a run that predict a picture together: which of them may, and what they say."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf.data.splits import TEST_ROLES
from pxr_tf.evaluation.calibration import apply_temperature
from pxr_tf.runs.finished import FinishedRun

# The roles that a picture of the run can have, the one that says most about new pictures first; "" is external.
KNOWN = TESTED, VALIDATED, TRAINED, EXTERNAL = "test", "validation", "training", ""
_RANKS = {**dict.fromkeys(TEST_ROLES, 0), "val": 1, "train": 2}


class Opinion(NamedTuple):
    """What the models say about each of n pictures."""

    probabilities: np.ndarray  # float64 [n, classes], their mean; NaN for an unreadable picture
    predicted: np.ndarray  # int [n], the class with the highest mean
    agreement: np.ndarray  # float64 [n], the share of the models that predict this class
    models: np.ndarray  # int [n], how many models were asked


def choose_models(run: FinishedRun, own: pd.Series, folds: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return (bool [n, folds]: which models predict each picture; [n]: the picture's role in them, "" if external).

    `own` has the content of the run's picture that each picture shows, "" for an external one, which all models
    predict. A picture of the run is predicted by the models that tested it, else by those that validated on it, else by
    all, which trained on it.
    """
    rows = run.splits[run.splits.fold.isin(folds)].merge(run.manifest[["image_id", "content"]], on="image_id")
    ranks, (codes, contents) = rows.role.map(_RANKS).to_numpy(), pd.factorize(rows.content)
    best = np.full(len(contents) + 1, KNOWN.index(EXTERNAL))  # the last is for pictures that are in no row
    np.minimum.at(best, codes, ranks)
    asked = np.zeros((len(contents) + 1, len(folds)), bool)
    asked[-1] = True
    mine = ranks == best[codes]
    asked[codes[mine], pd.Index(folds).get_indexer(rows.fold[mine])] = True
    places = pd.Index(contents).get_indexer(own)  # -1 is the last
    return asked[places], np.array(KNOWN, object)[best[places]]


def ask_models(each: np.ndarray, used: np.ndarray, temperature: float | None = None) -> Opinion:
    """Return the mean of the models' probabilities, float [n, folds, classes], over the models `used`, bool [n, folds].

    A `temperature` calibrates each model's probabilities before the mean.
    """
    shares = each.astype(np.float64)
    if temperature is not None:
        shares = apply_temperature(shares.reshape(-1, each.shape[2]), temperature).reshape(each.shape)
    mean = np.where(used[..., None], shares, 0).sum(1) / used.sum(1, keepdims=True)
    readable = ~np.isnan(mean).any(1)
    predicted = np.where(readable, np.nan_to_num(mean).argmax(1), -1)
    agree = (np.nan_to_num(shares).argmax(2) == predicted[:, None]) & used
    agreement = np.where(readable, agree.sum(1) / used.sum(1), np.nan)
    return Opinion(mean, predicted, agreement, used.sum(1))
