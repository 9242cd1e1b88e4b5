"""What printed figures may come from: one confusion matrix, or the mean over the folds of a cross-validation.

Each model lists its unknowns, what always holds for them (`rules`), and each metric as shares of their sums (`terms`);
see `feasibility.Model`. A sum over the unknowns is a vector of its coefficients.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from pxr_tf.evaluation.published.feasibility import Figure, Share, Vector
from pxr_tf.evaluation.published.papers import PRINTED_PER_CLASS

RARE = 1e-4  # the smallest share of a class in a test set of unknown size
MOST = 100_000  # images, in a test set of unknown size
MEAN_OF = {"balanced_accuracy": ("sensitivity",), "mean_sensitivity_specificity": ("sensitivity", "specificity")}
# metric -> its name if only the hits of other classes count as true negatives: a mistake with three classes or more
NARROW = {"specificity": "narrow_specificity", "class_accuracy": "narrow_class_accuracy"}
TANGENTS = [Fraction(part, 50) for part in range(15, 36)]  # they leave an F1 at most 0.0004 too large, up to p = 2.3 s


@dataclass(frozen=True)
class OneMatrix:
    """One confusion matrix. Unknown, per class: n images, h of them hits, w false positives; then N images in all.

    `counts` are the images per class, `total` all images, each None if unknown. If `whole` is False, n, h, w and N are
    shares of a test set of any size.
    """

    classes: tuple[str, ...]
    counts: tuple[int, ...] | None = None
    total: int | None = None
    equal: bool = False  # whether all classes have equally many images
    whole: bool = True

    @property
    def known(self) -> Vector:
        """The unknowns of known sizes: n and N; 0 for h and w."""
        return np.array([*self.counts, *[0] * (2 * len(self.counts)), sum(self.counts)], object)

    def bounds(self) -> list[tuple[float, float]]:
        """Return the limits of n, h, w of each class and of N."""
        total, size = sum(self.counts) if self.counts else self.total, len(self.classes)
        least, most = (1, total or MOST) if self.whole else (RARE, 1)
        images = [(one, one) for one in self.counts] if self.counts else [(least, most)] * size
        every = (total or least, most) if self.whole else (1, 1)
        return [*images, *[(0, most)] * (2 * size), every]

    def rules(self) -> list[Vector]:
        """Return that the sizes add up, and that confusion matrices with n, h and w exist."""
        n, h, w, total = self._unknowns()
        missed, errors = n - h, (n - h).sum(axis=0)
        same = [n.sum(axis=0) - total, errors - w.sum(axis=0), *(n[1:] - n[0] if self.equal else ())]
        return [*missed, *(errors - missed - w), *same, *(-one for one in same)]

    def terms(self, figure: Figure) -> list[tuple[Fraction, Share]]:
        """Return the weighted shares of a figure; none if it puts no limit on a result, as a weight is unknown."""
        _, h, _, total = self._unknowns()
        metric, name, size = figure.metric, figure.name, len(self.classes)
        if name in self.classes:
            return [(Fraction(1), self._share(metric, self.classes.index(name)))]
        if metric == "accuracy" or (metric == "sensitivity" and name == "weighted"):
            return [(Fraction(1), Share(h.sum(axis=0), total))]
        shares = [[self._share(one, place) for one in MEAN_OF.get(metric, (metric,))] for place in range(size)]
        if name == "micro":
            return [(Fraction(1), Share(*(sum(forms) for forms in zip(*(one for (one,) in shares), strict=True))))]
        if name == "weighted" and not self.counts:
            return []
        weights = [
            Fraction(images, sum(self.counts)) if name == "weighted" else Fraction(1, size)
            for images in self.counts or [0] * size
        ]
        return self._merged(
            [(weight / len(some), one) for weight, some in zip(weights, shares, strict=True) for one in some]
        )

    def _merged(self, terms: list[tuple[Fraction, Share]]) -> list[tuple[Fraction, Share]]:
        """Return one share for all terms if each divides by a known number of images; else the terms."""
        size = len(self.classes)
        if not self.counts or any(any(share.den[size:-1]) for _, share in terms):
            return terms
        num = sum(weight / Fraction(share.den @ self.known) * share.num for weight, share in terms)
        return [(Fraction(1), Share(num, self._unknowns()[3] * Fraction(1, sum(self.counts))))]

    def _share(self, metric: str, place: int) -> Share:
        """Return the share of a class in one confusion matrix."""
        n, h, w, total = self._unknowns()
        right = h.sum(axis=0) - h[place]  # hits of the other classes
        n, h, w = n[place], h[place], w[place]
        rejected = total - n - w  # true negatives
        return {
            "sensitivity": Share(h, n),
            "precision": Share(h, h + w),
            "specificity": Share(rejected, total - n),
            "negative_predictive_value": Share(rejected, total - h - w),
            "f1": Share(2 * h, n + h + w),
            "class_accuracy": Share(h + rejected, total),
            "prevalence": Share(n, total),
            NARROW["specificity"]: Share(right, right + w),
            NARROW["class_accuracy"]: Share(h + right, n + right + w),
        }[metric]

    def _unknowns(self) -> tuple[Vector, Vector, Vector, Vector]:
        size = len(self.classes)
        unit = np.identity(3 * size + 1, object)
        return unit[:size], unit[size : 2 * size], unit[2 * size : -1], unit[-1]


@dataclass(frozen=True)
class MeanOfFolds:
    """Means over folds. Unknown: the mean of each metric of each class, the mean accuracy, and the number 1.

    `shares` are the classes' shares of the test images of every fold, or None; `slack` is by how much they may differ
    in one fold, as a share of its images. Only what holds for means is used, so little is impossible.
    """

    classes: tuple[str, ...]
    shares: tuple[Fraction, ...] | None = None
    slack: Fraction = Fraction(0)
    whole: bool = False

    def bounds(self) -> list[tuple[float, float]]:
        """Return that all means are between 0 and 1."""
        return [*[(0, 1)] * (len(PRINTED_PER_CLASS) * len(self.classes) + 1), (1, 1)]

    def rules(self) -> list[Vector]:
        """Return what holds for means because it holds in every fold.

        F1, the harmonic mean of precision p and sensitivity s, is concave: its mean is below every tangent at the means
        (Jensen), 2 b^2 p + 2 (1 - b)^2 s, and at least p + s - 1. If the shares are known, accuracy is the shares'
        mean of the sensitivities; misses and false positives add up to as many.
        """
        means, _, one = self._unknowns()
        p, s, f1 = means["precision"], means["sensitivity"], means["f1"]
        below = [row for b in TANGENTS for row in 2 * b * b * p + 2 * (1 - b) ** 2 * s - f1]
        return [*below, *(f1 + one - p - s), *(self._share_rules() if self.shares else ())]

    def _share_rules(self) -> Iterator[Vector]:
        means, accuracy, one = self._unknowns()
        share = np.array(self.shares, object)[:, None]
        hits, rejected = share * means["sensitivity"], (1 - share) * means["specificity"]
        wrong, errors = (1 - share) * one - rejected, one - accuracy
        same = [means["class_accuracy"] - hits - rejected, accuracy - hits.sum(axis=0), errors - wrong.sum(axis=0)]
        for row in (*same[0], *same[1:]):
            yield from (self.slack * one + row, self.slack * one - row)
        yield from self.slack * one + errors - wrong - share * one + hits

    def terms(self, figure: Figure) -> list[tuple[Fraction, Share]]:
        """Return the mean as one share; none if it puts no limit on the means."""
        means, accuracy, one = self._unknowns()
        metric, name = figure.metric, figure.name
        if metric == "accuracy" or (name == "micro" and metric in ("precision", "sensitivity", "f1")):
            return [(Fraction(1), Share(accuracy, one))]
        if name in ("micro", "weighted") or metric in NARROW.values():
            return []
        places = [self.classes.index(name)] if name in self.classes else range(len(self.classes))
        some = [means[each][place] for place in places for each in MEAN_OF.get(metric, (metric,))]
        return [(Fraction(1, len(some)), Share(sum(some), one))]

    def _unknowns(self) -> tuple[dict[str, Vector], Vector, Vector]:
        unit, size = np.identity(len(self.bounds()), object), len(self.classes)
        rows = {metric: unit[place * size : (place + 1) * size] for place, metric in enumerate(PRINTED_PER_CLASS)}
        return rows, unit[-2], unit[-1]
