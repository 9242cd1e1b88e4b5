"""Whether any test result can give a set of printed figures: linear constraints on whole numbers, solved by HiGHS.

A result of K classes is n images, h hits (true positives) and w false positives per class. Confusion matrices with
these numbers exist if h <= n, the misses n - h and the false positives add up to the same number E, and no class has
more misses and false positives than E (the off-diagonal cells are a flow with an empty diagonal). Each printed share is
num / den of two sums over n, h and w, and its range (`Printed.range`) is two linear constraints.

What HiGHS finds is checked in exact fractions. That nothing exists is HiGHS's word, to its tolerance of 1e-6.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from math import lcm
from typing import NamedTuple, Protocol

import numpy as np

from pxr_tf.evaluation.published.printed import Printed

INFEASIBLE = 2  # as `milp` says it
SECONDS = 10  # for one question to HiGHS; without an answer the question stays open
AVERAGES = ("macro", "micro", "weighted")
Vector = np.ndarray  # of whole numbers and fractions (dtype object): the coefficients of a sum over the unknowns


class Figure(NamedTuple):
    """A printed figure: the metric that it is read as, of a class, of ``all``, or an average over classes."""

    metric: str
    name: str
    printed: Printed

    @property
    def words(self) -> str:
        """The figure as text: ``sensitivity of normal 96.3 %``."""
        return f"{self.subject} {self.printed.words}"

    @property
    def subject(self) -> str:
        """What the figure measures: ``sensitivity of normal``, ``macro F1``, ``accuracy``."""
        metric = {"f1": "F1", "mean_sensitivity_specificity": "(sensitivity + specificity) / 2"}.get(
            self.metric, self.metric.replace("_", " ")
        )
        if self.name == "all":
            return metric
        return f"{self.name} {metric}" if self.name in AVERAGES else f"{metric} of {self.name}"


class Share(NamedTuple):
    """A value num / den; both are sums over a model's variables, with these coefficients."""

    num: Vector
    den: Vector

    def of(self, values: Sequence[Fraction]) -> Fraction:
        """Return the value; a share of nothing is 0, as most programs print it."""
        den = Fraction(self.den @ np.array(values, object))
        return self.num @ np.array(values, object) / den if den else Fraction(0)


class Model(Protocol):
    """What is unknown, and what always holds."""

    whole: bool  # whether the variables are numbers of images

    def bounds(self) -> list[tuple[float, float]]:
        """Return the limits of each variable."""

    def rules(self) -> list[Vector]:
        """Return sums over the variables that are never negative."""

    def terms(self, figure: Figure) -> list[tuple[Fraction, Share]]:
        """Return the weighted shares that add up to the figure: one for all figures that are linear."""


class UndecidedError(Exception):
    """HiGHS found no answer in time."""


def find(model: Model, figures: Sequence[Figure], goal: Vector | None = None) -> list[Fraction] | None:
    """Return variables that fit all figures that are one share each, with the largest goal; None if there are none.

    Raises `UndecidedError`.
    """
    return _solve(model, _constraints(model, figures), goal)


def impossible(model: Model, figures: Sequence[Figure]) -> bool:
    """Return whether no result has all figures; False if one may exist.

    An average of shares that is not linear, such as a macro precision, is compared with the extremes of each of them.
    """
    try:
        if find(model, figures) is None:
            return True
        mixed = [figure for figure in figures if len(_terms(model, figure)) > 1]
        return not all(figure.printed.range.meets(*value_range(model, figures, figure)) for figure in mixed)
    except UndecidedError:
        return False


def fits_exactly(model: Model, values: Sequence[Fraction], figures: Sequence[Figure]) -> bool:
    """Return whether these variables give every figure, in exact fractions."""
    return all(
        sum(weight * share.of(values) for weight, share in _terms(model, figure)) in figure.printed.range
        for figure in figures
    )


def contradiction(model: Model, figures: Sequence[Figure]) -> list[Figure]:
    """Return one figure that no result has, or else figures of which none can be left out; ``[]`` if all may fit."""
    if not impossible(model, figures):
        return []
    alone = next((figure for figure in figures if impossible(model, [figure])), None)
    if alone:
        return [alone]
    needed = list(figures)
    for figure in figures:
        others = [one for one in needed if one is not figure]
        if impossible(model, others):
            needed = others
    return needed


def value_range(model: Model, figures: Sequence[Figure], wanted: Figure) -> tuple[Fraction, Fraction]:
    """Return the lowest and highest value of `wanted` for results that have all `figures` that are one share each.

    Such results must exist. The extremes of an average of shares are those of its terms, added: a result need not
    reach them. Raises `UndecidedError`.
    """
    rows, terms = _constraints(model, figures), _terms(model, wanted)
    low, high = (sum(weight * (_extreme(model, rows, share, sign) or 0) for weight, share in terms) for sign in (-1, 1))
    return Fraction(low), Fraction(high)


def nearest_values(model: Model, figures: Sequence[Figure], wanted: Figure) -> tuple[Fraction | None, Fraction | None]:
    """Return the values next to the range of `wanted`, below and above, of results that have all `figures`.

    No result has all figures and `wanted`. None: there is no value on that side. Raises `UndecidedError`.
    """
    terms = _terms(model, wanted)
    low, high = wanted.printed.range
    if len(terms) > 1:
        lowest, highest = value_range(model, figures, wanted)
        return (highest, None) if highest < low else (None, lowest)
    rows, ((weight, share),) = _constraints(model, figures), terms
    under, over = _row(low * share.den - weight * share.num), _row(weight * share.num - high * share.den)
    return _extreme(model, [*rows, under], share, 1), _extreme(model, [*rows, over], share, -1)


def _extreme(model: Model, rows: "list[_Row]", share: Share, sign: int) -> Fraction | None:
    """Return the largest (sign 1) or smallest (-1) num / den, None if there is none or only a share of nothing.

    Dinkelbach's method: maximise num - value den, and take num / den as the next value.

    W. Dinkelbach, On nonlinear fractional programming, Management Science 13 (1967). A few rounds suffice.
    """
    some = Fraction(1) if model.whole else Fraction(1, 10**6)
    rows = [*rows, _row(share.den, some)]
    found = _solve(model, rows)
    if found is None:
        return None
    value = share.of(found)
    for _ in range(20):
        found = _solve(model, rows, sign * (share.num - value * share.den))
        better = value if found is None else share.of(found)
        if sign * (better - value) < Fraction(1, 10**9):
            break
        value = better
    return value


class _Row(NamedTuple):
    """The constraint sum >= least, scaled so that no coefficient is above 1."""

    sum: np.ndarray
    least: float


def _row(form: Vector, least: Fraction = Fraction(0)) -> _Row:
    scale = Fraction(max(map(abs, form)) or 1)
    return _Row((form / scale).astype(float), float(least / scale))


@cache
def _terms(model: Model, figure: Figure) -> list[tuple[Fraction, Share]]:
    return model.terms(figure)


def _constraints(model: Model, figures: Sequence[Figure]) -> list[_Row]:
    return [row for figure in figures if len(_terms(model, figure)) == 1 for row in _rows(model, figure)]


@cache
def _rule_rows(model: Model) -> list[_Row]:
    return [_row(rule) for rule in model.rules()]


@cache
def _rows(model: Model, figure: Figure) -> list[_Row]:
    """Return the two constraints that a figure's range puts on its share."""
    ((weight, share),) = _terms(model, figure)
    low, high = figure.printed.range
    above, below = weight * share.num - low * share.den, high * share.den - weight * share.num
    step = Fraction(1, lcm(*(value.denominator for value in below)))  # if variables are whole
    strict = model.whole and low > 0  # a printed 0 may be a share of nothing
    return [_row(above), _row(below, step / 2 if strict else Fraction(0))]


def _solve(model: Model, rows: Sequence[_Row], goal: Vector | None = None) -> list[Fraction] | None:
    """Return variables with the largest goal that keep all rules and rows, or None; raise `UndecidedError`."""
    from scipy.optimize import Bounds, LinearConstraint, milp  # 0.3 s, which most commands do not need

    every = [*_rule_rows(model), *rows]
    lows, highs = np.array(model.bounds(), float).T
    size = len(lows)
    found = milp(
        np.zeros(size) if goal is None else -goal.astype(float),
        integrality=np.full(size, int(model.whole)),
        bounds=Bounds(lows, highs),
        constraints=LinearConstraint(np.array([row.sum for row in every]), [row.least for row in every], np.inf),
        options={"time_limit": SECONDS},
    )
    if found.x is None and found.status != INFEASIBLE:
        raise UndecidedError(found.message)
    if found.x is None:
        return None
    return [Fraction(round(value)) if model.whole else Fraction(float(value)) for value in found.x]
