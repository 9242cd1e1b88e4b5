"""What a paper's figures may mean, and which of these interpretations some test result can give.

An interpretation says what each printed column is (as printed, two columns exchanged, another metric), which kind of
average an average is, and whether the figures are of one confusion matrix or means over folds.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from math import ceil, floor
from typing import NamedTuple

from pxr_tf.evaluation.published.feasibility import (
    AVERAGES,
    Figure,
    UndecidedError,
    contradiction,
    find,
    impossible,
    nearest_values,
    value_range,
)
from pxr_tf.evaluation.published.models import NARROW, MeanOfFolds, OneMatrix
from pxr_tf.evaluation.published.papers import PRINTED_PER_CLASS, PaperRow
from pxr_tf.evaluation.published.printed import Printed
from pxr_tf.evaluation.published.search import Matrix, find_matrix

POSSIBLE, OPEN, IMPOSSIBLE = "possible", "not excluded", "impossible"
CLOSE = Fraction(1, 100)  # if the other figures leave (sensitivity + specificity) / 2 less room, it can identify an AUC
ROUNDING = Fraction(1, 10**7)  # of HiGHS's floating-point numbers: 93.0999999 % is 93.1 %
ORDER = {"sensitivity": 0, "f1": 2}  # of the figures in a proof; the last one is what the others contradict
# printed column -> what it may be instead, if the paper does not print that, too
OTHER_NAMES = {"specificity": "negative_predictive_value", "class_accuracy": "sensitivity"}


class Interpretation(NamedTuple):
    """One meaning of a row's figures."""

    columns: Mapping[str, str]  # printed column -> the metric that it is, where they differ
    average: str | None  # what the row's averages are
    model: OneMatrix | MeanOfFolds
    folds: int

    @property
    def words(self) -> str:
        """The interpretation as text: ``precision and sensitivity exchanged, mean of 5 folds``."""
        columns = "columns as printed"
        if self.columns:
            (one, other), *more = ((a.replace("_", " "), b.replace("_", " ")) for a, b in self.columns.items())
            columns = f"{one} and {other} exchanged" if more else f"{one} is {other}"
        if set(self.columns.values()) & set(NARROW.values()):
            columns = "true negatives are the other classes' hits only"
        if self.folds > 1:
            mean = isinstance(self.model, MeanOfFolds)
            columns += f", mean of {self.folds} folds" if mean else f", {self.folds} folds in one confusion matrix"
        return columns + (f", {self.average} averages" if self.average else "")


@dataclass(frozen=True)
class Finding:
    """Whether some result has a row's figures in one interpretation."""

    interpretation: Interpretation
    state: str  # POSSIBLE: a result is known; OPEN: none is known, nothing speaks against it; IMPOSSIBLE
    matrix: Matrix | None = None  # if possible

    @property
    def as_printed(self) -> bool:
        """Whether the interpretation takes all columns as printed."""
        return not self.interpretation.columns


def judge_row(row: PaperRow) -> list[Finding]:
    """Return a finding for each interpretation that takes the columns as printed; if none is possible, also for others.

    Those that take the columns as printed differ in averages and folds.
    """
    printed = [_judge(row, interpretation) for interpretation in _interpretations(row, {})]
    if any(finding.state != IMPOSSIBLE for finding in printed):
        return printed
    return printed + [_judge(row, one) for columns in _other_columns(row) for one in _interpretations(row, columns)]


def read_figures(row: PaperRow, interpretation: Interpretation) -> list[Figure]:
    """Return the row's figures as the metrics of the interpretation; areas and thresholds are left out."""
    entry, columns = row.entry, interpretation.columns
    of_classes = [
        Figure(columns.get(metric, metric), name, Printed(number))
        for metric in PRINTED_PER_CLASS
        for name, number in getattr(entry, metric).items()
    ]
    averages = [
        Figure(metric, interpretation.average or "", Printed(number)) for metric, number in entry.average.items()
    ]
    whole = [(metric, getattr(entry, metric)) for metric in ("accuracy", "balanced_accuracy")]
    return (
        of_classes
        + averages
        + [Figure(metric, "all", Printed(number)) for metric, number in whole if number is not None]
    )


def class_shares(row: PaperRow) -> tuple[Fraction, ...] | None:
    """Return each class's share of the test images (of all images, if a part of them is tested), None if unknown."""
    counts = row.table.test_counts or row.table.images
    if row.paper.test_rows == "balanced":
        counts = dict.fromkeys(row.table.classes, 1)
    return counts and tuple(Fraction(counts[name], sum(counts.values())) for name in row.table.classes)


def implied_mean(row: PaperRow, interpretation: Interpretation | None = None) -> tuple[Fraction, Fraction] | None:
    """Return the lowest and highest mean over classes of (sensitivity + specificity) / 2 that the figures allow.

    They are read as one confusion matrix unless an interpretation is given. None if the mean is not known to a percent.
    """
    interpretation = interpretation or Interpretation({}, None, _one_matrix(row), 1)
    figures = read_figures(row, interpretation)
    wanted = Figure("mean_sensitivity_specificity", "all", Printed(Decimal(0)))
    try:
        if find(interpretation.model, figures) is None:
            return None
        low, high = value_range(interpretation.model, figures, wanted)
    except UndecidedError:
        return None
    return (low, high) if high - low < CLOSE else None


def _interpretations(row: PaperRow, columns: Mapping[str, str]) -> Iterator[Interpretation]:
    folds, averages = row.paper.folds, AVERAGES if row.entry.average else (None,)
    for model in [_one_matrix(row), *([_mean_of_folds(row)] if folds > 1 else [])]:
        for average in averages:
            yield Interpretation(columns, average, model, folds)


def _one_matrix(row: PaperRow) -> OneMatrix:
    counts, total = row.table.test_counts, row.table.num_tested
    in_order = counts and tuple(counts[name] for name in row.table.classes)
    equal = row.paper.test_rows == "balanced" and not counts
    return OneMatrix(row.table.classes, in_order, total, equal, whole=bool(counts or total))


def _mean_of_folds(row: PaperRow) -> MeanOfFolds:
    """Return the model; in folds that are as alike as possible, classes differ by an image from their usual share."""
    classes, total = row.table.classes, row.table.num_tested
    exact = row.paper.test_rows == "balanced" or not total
    slack = Fraction(0) if exact else Fraction(len(classes) * row.paper.folds, total)
    return MeanOfFolds(classes, class_shares(row), slack)


def _other_columns(row: PaperRow) -> Iterator[dict[str, str]]:
    used = [metric for metric in PRINTED_PER_CLASS if getattr(row.entry, metric) or metric in row.entry.average]
    for one, other in combinations(used, 2):
        yield {one: other, other: one}
    if len(row.table.classes) > 2 and set(used) & set(NARROW):
        yield {one: other for one, other in NARROW.items() if one in used}
    for one, other in OTHER_NAMES.items():
        if one in used and other not in used:
            yield {one: other}


def _judge(row: PaperRow, interpretation: Interpretation) -> Finding:
    model, figures = interpretation.model, read_figures(row, interpretation)
    if any(impossible(one, figures) for one in _models(model)):
        return Finding(interpretation, IMPOSSIBLE)
    if isinstance(model, MeanOfFolds):
        return Finding(interpretation, OPEN)
    try:
        matrix = find_matrix(model, figures, (class_shares(row) or [Fraction(1, 2)])[0])
    except UndecidedError:
        return Finding(interpretation, OPEN)
    return Finding(interpretation, POSSIBLE, matrix) if matrix else Finding(interpretation, IMPOSSIBLE)


def _models(model: OneMatrix | MeanOfFolds) -> list[OneMatrix | MeanOfFolds]:
    """Return the model; before it one of any test set, if it has a total: what is impossible there needs no sizes."""
    any_size = isinstance(model, OneMatrix) and model.total
    return [OneMatrix(model.classes, whole=False), model] if any_size else [model]


def prove(row: PaperRow, interpretation: Interpretation) -> str:
    """Return why an interpretation is impossible: what some of its figures imply for another, and what is printed."""
    figures = read_figures(row, interpretation)
    for model in _models(interpretation.model):
        found = contradiction(model, figures)
        if found:
            return _prove(row, model, found, figures)
    return "No confusion matrix of this size has all figures: every one was tried."


def _prove(row: PaperRow, model: OneMatrix | MeanOfFolds, found: list[Figure], figures: list[Figure]) -> str:
    names = row.table.classes
    *others, last = sorted(found, key=lambda figure: (figure.name not in names, ORDER.get(figure.metric, 1)))
    below, above = nearest_values(model, others, last)
    sides = [] if below is None else [f"at most {_percent(below - ROUNDING, last.printed, ceil)} %"]
    sides += [] if above is None else [f"at least {_percent(above + ROUNDING, last.printed, floor)} %"]
    known = f"With {', '.join(figure.words for figure in others)}, " if others else ""
    sentence = f"{known}{last.subject} is {' or '.join(sides)}; printed {last.printed.words}."
    more = [] if others else [figure.words for figure in figures if figure != last and impossible(model, [figure])]
    end = f" As impossible: {', '.join(more)}." if more else ""
    return sentence[0].upper() + sentence[1:] + end


def _percent(value: Fraction, printed: Printed, cut: Callable[[Fraction], int]) -> str:
    """Return a value in percent, with one digit more than printed, cut off downwards or upwards."""
    digits = max(0, -printed.number.as_tuple().exponent - (2 if printed.scale == 1 else 0)) + 1
    return f"{cut(value * 100 * 10**digits) / 10**digits:.{digits}f}"
