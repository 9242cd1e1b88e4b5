"""What a run's probabilities are worth in decisions: thresholds, net benefit, referral to a person, conformal sets.

Everything is chosen on the rows that `cross_fit` allows, and judged on the held-out rows. Thresholds, referral and sets
use the probabilities as the models give them; net benefit also the calibrated ones.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pxr_tf.evaluation import roc
from pxr_tf.evaluation.conformal import find_cutoffs, patient_shares
from pxr_tf.evaluation.decisions import (
    SENSITIVITY,
    SPECIFICITY,
    YOUDEN,
    Rule,
    at_prevalence,
    choose_threshold,
    net_benefit,
    predictive_values,
    referral_cutoff,
)
from pxr_tf.evaluation.intervals import Replicates, find_ends, replicate_sums
from pxr_tf.evaluation.metrics import divide
from pxr_tf.evaluation.weighted import Sample
from pxr_tf.evidence.crossfit import CrossFit

RULES = (Rule(YOUDEN), Rule(SENSITIVITY, 0.95), Rule(SPECIFICITY, 0.95))
PROMISED = (0.9, 0.95)  # coverage of conformal sets
RATES = ("sensitivity", "specificity", "ppv", "npv")
ACT_FROM = (0.01, *np.arange(1, 20) / 20)  # probabilities at which somebody would act
REFERRED = tuple(np.arange(20) / 20)  # shares of the cases
POOLED = "pooled"  # the fold of rows about all held-out images, each with the threshold of its own fold
ALL = "all"  # the class of rows about all classes
MODEL, CALIBRATED, EVERYONE = "model", "calibrated", "everyone"


def decide(rows: CrossFit, rules: Sequence[Rule], prevalences: Mapping[str, float]) -> pd.DataFrame:
    """Return ``decisions.csv``: each fold's threshold and rates, and the rates of all folds with intervals.

    `prevalences`: class -> prevalence for the predictive values; for other classes, their share of the held-out images.
    """
    found = [
        _decide(rows, name, rule, prevalences) for name in roc.judged_classes(rows.judged.classes) for rule in rules
    ]
    return pd.concat(found, ignore_index=True)


def weigh_benefit(rows: CrossFit, calibrated: Sample, prevalences: Mapping[str, float]) -> pd.DataFrame:
    """Return ``net_benefit.csv``: the decision curves of the model, of its calibrated probabilities, and of acting on
    everyone; acting on nobody has the benefit 0.

    Calibrated probabilities are moved to the prevalence from that of the rows that the temperature was fitted on.
    """
    tables = []
    for name in roc.judged_classes(rows.judged.classes):
        k, prevalence = rows.judged.classes.index(name), _prevalence(rows, name, prevalences)
        limits = np.array(ACT_FROM)
        moved = calibrated.probabilities[:, k]
        if name in prevalences:
            moved = at_prevalence(moved, rows.spread([(one.truth == k).mean() for one in rows.fitting]), prevalence)
        scores = np.column_stack([rows.judged.probabilities[:, k], moved])
        acts = np.concatenate([scores[:, [0]] >= limits, scores[:, [1]] >= limits, np.ones((len(scores), 1)) > 0], 1)
        every = np.concatenate([limits, limits, limits])

        def measure(totals: np.ndarray, prevalence: float = prevalence, every: np.ndarray = every) -> np.ndarray:
            rates = _rates(totals)[..., :2]
            rates = np.concatenate([rates, np.repeat(rates[:, -1:], len(ACT_FROM) - 1, axis=1)], axis=1)
            return net_benefit(rates[..., 0], rates[..., 1], prevalence, every)

        patients = np.full(len(every), _patients(rows, k).min())
        found = replicate_sums(_count(rows.judged, k, acts), measure, patients)
        policies = np.repeat([MODEL, CALIBRATED, EVERYONE], len(limits))
        table = pd.DataFrame({"class": name, "prevalence": prevalence, "policy": policies, "threshold": every})
        tables.append(_with_ends(table.assign(net_benefit=found.value), found, ""))
    return pd.concat(tables, ignore_index=True)


def refer(rows: CrossFit) -> pd.DataFrame:
    """Return ``risk_coverage.csv``: how many of the kept images are right if the least sure ones go to a person."""
    sample = rows.judged
    confidence, right = sample.probabilities.max(1), sample.predicted == sample.truth
    cutoffs = [[referral_cutoff(one.probabilities.max(1), share) for share in REFERRED] for one in rows.fitting]
    kept = confidence[:, None] >= np.array(cutoffs)[rows.fold]
    sums = sample.sum_by_patient(np.concatenate([np.ones((len(kept), 1)), kept, kept & right[:, None]], axis=1))
    steps = len(REFERRED)

    def measure(totals: np.ndarray) -> np.ndarray:
        images, remaining, correct = np.split(totals, [1, 1 + steps], axis=1)
        return np.hstack([remaining / images, divide(correct, remaining)])

    counted = [len(np.unique(sample.patients[column])) for column in kept.T]
    found = replicate_sums(sums, measure, np.array([sample.patient_count] * steps + counted))
    later = [referral_cutoff(rows.every.probabilities.max(1), share) for share in REFERRED]
    table = pd.DataFrame({"referred": REFERRED, "cutoff": later, "kept": found.value[:steps]})
    accuracy = Replicates(*(part[steps:] for part in found))
    return _with_ends(table.assign(images=kept.sum(0), accuracy=accuracy.value), accuracy, "accuracy")


def cover(rows: CrossFit) -> pd.DataFrame:
    """Return ``conformal.csv``: how often the sets of each class hold the true class, and how large they are."""
    return pd.concat([_cover(rows, promised) for promised in PROMISED], ignore_index=True)


def _decide(rows: CrossFit, name: str, rule: Rule, prevalences: Mapping[str, float]) -> pd.DataFrame:
    k, prevalence = rows.judged.classes.index(name), _prevalence(rows, name, prevalences)
    *each, later = (_threshold(sample, k, rule, prevalences.get(name)) for sample in (*rows.fitting, rows.every))
    acts = rows.judged.probabilities[:, k] >= rows.spread(each)
    patients = _patients(rows, k)
    sums = _count(rows.judged, k, acts[:, None])
    found = replicate_sums(
        sums, lambda totals: _all_rates(totals, prevalence), np.array([*patients, patients.min(), patients.min()])
    )
    folds = []
    for number, threshold in enumerate(each):
        here = rows.fold == number
        of_fold = _count(rows.judged.take(here), k, acts[here, None]).sum(0)
        folds.append((rows.folds[number], threshold, *_all_rates(of_fold[None], prevalence)[0]))
    table = pd.DataFrame([*folds, (POOLED, later, *found.value)], columns=["fold", "threshold", *RATES])
    for row, rate in enumerate(RATES):
        ends = find_ends(found, row, rate)
        for end in ("low", "high"):
            table[f"{rate}_{end}"] = np.where(table.fold == POOLED, getattr(ends, end), np.nan)
    named = table.assign(**{"class": name}, rule=str(rule), prevalence=prevalence)
    rates = [f"{rate}{end}" for rate in RATES for end in ("", "_low", "_high")]
    return named[["fold", "class", "rule", "threshold", "prevalence", *rates]]


def _threshold(sample: Sample, k: int, rule: Rule, prevalence: float | None) -> float:
    scores, actual = sample.probabilities[:, k], sample.truth == k
    curve = roc.trace_curve(roc.OneAgainstRest(actual, sample.predicted == k, scores))
    return choose_threshold(curve, rule, actual.mean() if prevalence is None else prevalence)


def _prevalence(rows: CrossFit, name: str, prevalences: Mapping[str, float]) -> float:
    return prevalences.get(name, float((rows.judged.truth == rows.judged.classes.index(name)).mean()))


def _patients(rows: CrossFit, k: int) -> np.ndarray:
    """Return how many patients have images of the class, and of the rest."""
    return np.array(
        [len(np.unique(rows.judged.patients[side])) for side in (rows.judged.truth == k, rows.judged.truth != k)]
    )


def _count(sample: Sample, k: int, acts: np.ndarray) -> np.ndarray:
    """Return each patient's images of the class and of the rest, then of both those acted on, for each of m policies.

    `acts` is bool [n, m]; the result, [patients, 2 + 2 m].
    """
    actual = (sample.truth == k)[:, None]
    return sample.sum_by_patient(np.concatenate([actual, ~actual, acts & actual, acts & ~actual], axis=1))


def _rates(totals: np.ndarray) -> np.ndarray:
    """Return sensitivity and specificity of each policy, [R, m, 2], from totals of `_count`."""
    found, alarms = np.split(totals[:, 2:], 2, axis=1)
    rest = np.broadcast_to(totals[:, 1:2], found.shape)
    return np.stack([divide(found, np.broadcast_to(totals[:, :1], found.shape)), 1 - divide(alarms, rest)], axis=-1)


def _all_rates(totals: np.ndarray, prevalence: float) -> np.ndarray:
    """Return `RATES` of one policy, [R, 4]."""
    sensitivity, specificity = _rates(totals)[:, 0].T
    return np.column_stack([sensitivity, specificity, *predictive_values(sensitivity, specificity, prevalence)])


def _with_ends(table: pd.DataFrame, found: Replicates, metric: str) -> pd.DataFrame:
    ends = pd.DataFrame([find_ends(found, row, metric) for row in range(len(table))])
    return pd.concat([table, ends], axis=1)


def _cover(rows: CrossFit, promised: float) -> pd.DataFrame:
    sample, classes = rows.judged, len(rows.judged.classes)
    sets = sample.probabilities >= np.stack([find_cutoffs(one, promised) for one in rows.fitting])[rows.fold]
    sizes, covered = sets.sum(1), sets[np.arange(len(sets)), sample.truth]
    facts = np.column_stack([np.ones(len(sets)), covered, sizes, sizes == 0, sizes == classes])
    later, tables = find_cutoffs(rows.every, promised), []
    for k, name in enumerate((*sample.classes, ALL)):
        here = np.flatnonzero(sample.truth == k) if name != ALL else np.arange(len(sets))
        one = sample.take(here)
        sums = one.sum_by_patient(facts[here] * patient_shares(one.patients)[:, None])
        count = len(np.unique(one.patients))
        found = replicate_sums(sums, lambda totals: divide(totals[:, 1:2], totals[:, :1]), np.array([count]))
        means = sums[:, 1:].sum(0) / count
        ends = find_ends(found, 0, "coverage")
        cutoff = later[k] if name != ALL else np.nan
        row = {"promised": promised, "class": name, "cutoff": cutoff, "patients": count, "covered": means[0]}
        row |= ends._asdict() | dict(zip(("size", "empty", "full"), means[1:], strict=True))
        tables.append(pd.DataFrame([row]))
    return pd.concat(tables)
