"""Figures as a paper would print them of a confusion matrix, computed here by the textbook formulas."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction

import numpy as np

from pxr_tf.evaluation.published.feasibility import Figure
from pxr_tf.evaluation.published.printed import Printed

ROUNDINGS = (ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_DOWN)


def share(part, whole):
    return Fraction(int(part), int(whole)) if whole else Fraction(0)


def measure(matrix, classes):
    """Return (metric, class or ``all``) -> exact value; rows of the matrix are true classes."""
    matrix, total, found = np.array(matrix), int(np.sum(matrix)), {}
    for place, name in enumerate(classes):
        hits, images, predicted = matrix[place, place], matrix[place].sum(), matrix[:, place].sum()
        rejected = total - images - predicted + hits
        found |= {
            ("sensitivity", name): share(hits, images),
            ("precision", name): share(hits, predicted),
            ("specificity", name): share(rejected, total - images),
            ("negative_predictive_value", name): share(rejected, total - predicted),
            ("f1", name): share(2 * hits, images + predicted),
            ("class_accuracy", name): share(hits + rejected, total),
        }
    size = len(classes)
    found["accuracy", "all"] = share(np.trace(matrix), total)
    mean = {metric: sum(found[metric, name] for name in classes) / size for metric in ("sensitivity", "specificity")}
    found["balanced_accuracy", "all"] = mean["sensitivity"]
    found["mean_sensitivity_specificity", "all"] = sum(mean.values()) / 2
    for metric in ("precision", "f1"):
        found[metric, "macro"] = sum(found[metric, name] for name in classes) / size
        weights = [share(row.sum(), total) for row in matrix]
        found[metric, "weighted"] = sum(w * found[metric, name] for w, name in zip(weights, classes, strict=True))
    return found


def print_value(value, digits, rounding):
    """Return the value in percent, or as a fraction if it is 1 % or less, which `Printed` would take for one."""
    scaled = Decimal(value.numerator) / Decimal(value.denominator)
    if value > Fraction(1, 50):
        return Printed((100 * scaled).quantize(Decimal(1).scaleb(-digits), rounding))
    return Printed(scaled.quantize(Decimal(1).scaleb(-digits - 2), rounding))


def print_figures(found, keys, digits=2, rounding=ROUND_HALF_UP):
    return [Figure(*key, print_value(found[key], digits, rounding)) for key in keys]
