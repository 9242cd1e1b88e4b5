"""From probabilities to decisions: thresholds by a rule, predictive values at a prevalence, net benefit, referral."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf.evaluation.metrics import divide

YOUDEN, SENSITIVITY, SPECIFICITY, COST = "youden", "sensitivity", "specificity", "cost"


class Rule(NamedTuple):
    """How a threshold is chosen on a ROC curve."""

    name: str  # `YOUDEN`, `SENSITIVITY`, `SPECIFICITY` or `COST`
    value: float = np.nan  # the least sensitivity or specificity, or the cost of a missed case in false alarms

    def __str__(self) -> str:
        """Return its name in tables: ``sensitivity >= 0.95``."""
        if self.name == YOUDEN:
            return YOUDEN
        return f"{self.name} {self.value:g}" if self.name == COST else f"{self.name} >= {self.value:g}"


def choose_threshold(curve: pd.DataFrame, rule: Rule, prevalence: float) -> float:
    """Return a threshold of a curve (`roc.trace_curve`) by a rule; NaN for an empty curve.

    ``youden``: the largest sensitivity + specificity (Youden, "Index for Rating Diagnostic Tests"). ``sensitivity``:
    the highest threshold that has it. ``specificity``: the largest sensitivity among those that have it; infinite if
    only "never" has it. ``cost``: the lowest expected cost at the prevalence, a false alarm costing 1. Of equally good
    thresholds, the highest.
    """
    if curve.empty:
        return np.nan
    rates = curve[["sensitivity", "specificity"]].to_numpy().T
    rounded = rates.round(12)  # equal fractions may differ by 1e-16
    if rule.name == SENSITIVITY:
        gain = rounded[0] >= rule.value
    elif rule.name == SPECIFICITY:
        gain = np.where(rounded[1] >= rule.value, rounded[0], -1)
    else:
        misses = rule.value * prevalence if rule.name == COST else 1
        alarms = 1 - prevalence if rule.name == COST else 1
        gain = (misses * rates[0] + alarms * rates[1]).round(12)  # of rounded rates, a high cost would break ties
    return float(curve.threshold.iloc[int(np.argmax(gain))])  # thresholds fall, so the first is the highest


def predictive_values(
    sensitivity: np.ndarray, specificity: np.ndarray, prevalence: float | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return PPV and NPV at a prevalence, by Bayes' theorem; NaN if nothing is predicted so."""
    found, alarms = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    missed, cleared = (1 - sensitivity) * prevalence, specificity * (1 - prevalence)
    return divide(found, found + alarms), divide(cleared, cleared + missed)


def at_prevalence(probabilities: np.ndarray, before: float | np.ndarray, after: float) -> np.ndarray:
    """Return a class's calibrated probabilities where its prevalence is `after`, not `before`, by Bayes' theorem.

    The odds are multiplied by the ratio of the prevalences' odds (Elkan, "The Foundations of Cost-Sensitive Learning").
    """
    weight = probabilities * after * (1 - before)
    return divide(weight, weight + (1 - probabilities) * (1 - after) * before)


def net_benefit(
    sensitivity: np.ndarray, specificity: np.ndarray, prevalence: float | np.ndarray, threshold: float | np.ndarray
) -> np.ndarray:
    """Return found cases minus false alarms weighted by the odds of the threshold, per image.

    Who acts from a probability of `threshold` on says that a found case is worth (1 - threshold) / threshold false
    alarms (Vickers and Elkin, "Decision Curve Analysis"). A sensitivity of 1 with a specificity of 0 is acting on all.
    """
    return sensitivity * prevalence - (1 - specificity) * (1 - prevalence) * threshold / (1 - threshold)


def referral_cutoff(confidence: np.ndarray, share: float) -> float:
    """Return the confidence from which on cases are kept if the given share of the least sure is referred to a person.

    `confidence` [n] is the probability of each case's predicted class.
    """
    return float(np.quantile(confidence, share, method="higher")) if share > 0 else 0.0
