"""Read the papers' files; find the figures that belong to a run. The files have each figure as printed."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from math import sqrt
from pathlib import Path
from typing import Annotated, Literal, get_args

import yaml
from pydantic import Field, model_validator

from pxr_tf.evaluation.published.printed import Printed
from pxr_tf.files import reading
from pxr_tf.vocabulary.values import Frozen

PAPERS_FOLDER = Path(__file__).parent
PRINTED_OVERALL = ("accuracy", "balanced_accuracy", "threshold", "accuracy_at_threshold")
AUC_KINDS = ("auc", "mean_sensitivity_specificity")  # metrics that papers call AUC

PrintedNumber = Annotated[Decimal, Field(ge=0, le=100)]  # in percent, or a fraction if it is 1 or less
ClassMetric = Literal["precision", "sensitivity", "specificity", "f1", "negative_predictive_value", "class_accuracy"]
PRINTED_PER_CLASS: tuple[ClassMetric, ...] = get_args(ClassMetric)
ByClass = dict[str, PrintedNumber]
Counts = dict[str, Annotated[int, Field(gt=0)]]


class Entry(Frozen):
    """One row of a paper's table: its model and its figures."""

    variant: str | None = None  # of the recipe that reproduces the row; None: no recipe does
    model: str | None = None  # if the row is for this model only
    source: str | None = None  # who published it first, if the paper quotes it
    accuracy: PrintedNumber | None = None
    balanced_accuracy: PrintedNumber | None = None
    auc: PrintedNumber | None = None
    # what the paper's AUC is: an area under ROC curves, or the mean over classes of (sensitivity + specificity) / 2
    auc_is: Literal["auc", "mean_sensitivity_specificity"] = "auc"
    threshold: PrintedNumber | None = None  # on the probability of the second class
    threshold_from: Literal["test", "validation"] | None = None  # the images that it was chosen on
    accuracy_at_threshold: PrintedNumber | None = None
    precision: ByClass = Field(default_factory=dict)
    sensitivity: ByClass = Field(default_factory=dict)
    specificity: ByClass = Field(default_factory=dict)
    f1: ByClass = Field(default_factory=dict)
    negative_predictive_value: ByClass = Field(default_factory=dict)
    class_accuracy: ByClass = Field(default_factory=dict)  # of the class against all others: (TP + TN) / all images
    # metric of a class -> its average over classes, if the paper does not say which average it is
    average: dict[ClassMetric, PrintedNumber] = Field(default_factory=dict)


class Results(Frozen):
    """Rows measured on the same test images."""

    classes: Annotated[tuple[str, ...], Field(min_length=2)]
    test_counts: Counts | None = None  # images per class in the test part, as the paper states them
    images: Counts | None = None  # all images of the paper, if a share of them is tested
    test_share: Annotated[Decimal, Field(gt=0, lt=1)] | None = None
    rows: Annotated[tuple[Entry, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_fit_together(self) -> "Results":
        for name in (name for row in self.rows for metric in PRINTED_PER_CLASS for name in getattr(row, metric)):
            if name not in self.classes:
                raise ValueError(f"a figure is for {name!r}; accepted: the classes {', '.join(self.classes)}")
        for counts in (self.test_counts, self.images):
            if counts is not None and set(counts) != set(self.classes):
                raise ValueError(f"counts are for {', '.join(counts)}; needed: the classes {', '.join(self.classes)}")
        if (self.images is None) != (self.test_share is None):
            raise ValueError("images and test_share belong together, but one is missing; give both or neither")
        if self.images is not None and not self.num_tested:
            raise ValueError(
                f"{sum(self.images.values())} images and a test_share of {self.test_share} give no test image"
            )
        places = [(row.variant, row.model, row.source) for row in self.rows]
        if len(set(places)) < len(places):
            raise ValueError("two rows have the same variant, model and source; accepted: one row for each")
        return self

    @property
    def num_tested(self) -> int | None:
        """How many images the test part has, None if the paper does not say."""
        if self.test_counts:
            return sum(self.test_counts.values())
        return self.images and round(sum(self.images.values()) * self.test_share)

    def expected_share(self, name: str) -> tuple[Fraction, Fraction]:
        """Return the share of a class among all images, and the standard deviation of its share in a random test part.

        Drawing n of N without replacement: sqrt(s (1 - s) / n (N - n) / (N - 1)).
        """
        images, tested = sum(self.images.values()), self.num_tested
        share = Fraction(self.images[name], images)
        variance = share * (1 - share) / tested * Fraction(images - tested, images - 1)
        return share, Fraction(sqrt(variance))


class Paper(Frozen):
    """The content of a file: how the paper tested, and its tables."""

    title: str
    scheme: str  # how images were split: a scheme of `data.schemes`
    unit: Literal["patient", "image"] | None = None  # what the scheme random split
    folds: Annotated[int, Field(gt=0)] = 1  # the figures are means over this many folds
    test_rows: Literal["balanced", "all"]  # balanced: equally many test images per class
    exchanged: tuple[ClassMetric, ...] = ()  # two columns, or none
    tables: Annotated[tuple[Results, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _two_are_exchanged(self) -> "Paper":
        if self.exchanged and len(set(self.exchanged)) != 2:
            raise ValueError(f"exchanged received {', '.join(self.exchanged)}; accepted: two metrics")
        return self

    @property
    def rows(self) -> "list[PaperRow]":
        """All rows of all tables."""
        return [PaperRow(self, table, entry) for table in self.tables for entry in table.rows]


@dataclass(frozen=True)
class PaperRow:
    """A row with its table and paper; columns that the paper exchanged are corrected."""

    paper: Paper
    table: Results
    entry: Entry

    def printed(self, metric: str, name: str = "all") -> Printed | None:
        """Return the figure of a class, or of ``all``, as printed, or None if the paper has none.

        ``all`` has the metrics `PRINTED_OVERALL` and `AUC_KINDS`, a class has `PRINTED_PER_CLASS`; others give None.
        """
        if name == "all":
            number = self._overall(metric)
        else:
            number = getattr(self.entry, self._column(metric)).get(name) if metric in PRINTED_PER_CLASS else None
        return None if number is None else Printed(number)

    @property
    def printed_auc(self) -> Printed | None:
        """What the paper calls AUC, whatever it is."""
        return None if self.entry.auc is None else Printed(self.entry.auc)

    def value(self, metric: str, name: str = "all") -> float | None:
        """Return the figure of a class, or of ``all``, as a fraction (0-1), or None if the paper has none."""
        found = self.printed(metric, name)
        return None if found is None else found.value

    @property
    def label(self) -> str:
        """Model, variant and source, as far as the row names them."""
        parts = (self.entry.model, self.entry.variant, self.entry.source)
        return ", ".join(dict.fromkeys(part for part in parts if part))

    @property
    def siblings(self) -> "list[PaperRow]":
        """All rows of the same table, including this row."""
        return [PaperRow(self.paper, self.table, entry) for entry in self.table.rows]

    def _overall(self, metric: str) -> Decimal | None:
        """Return the figure over all classes; what the paper calls AUC belongs to the metric that it is."""
        if metric in AUC_KINDS:
            return self.entry.auc if self.entry.auc_is == metric else None
        return getattr(self.entry, metric) if metric in PRINTED_OVERALL else None

    def _column(self, metric: str) -> str:
        """Return the column in which the paper prints the metric."""
        if metric not in self.paper.exchanged:
            return metric
        return next(other for other in self.paper.exchanged if other != metric)


def read_paper(path: Path) -> Paper:
    """Return the paper of a file; numbers keep all written digits. Raises pydantic's ValidationError."""
    with reading(path):
        text = path.read_text(encoding="utf-8")
    return Paper.model_validate(yaml.load(text, Loader=yaml.BaseLoader))  # all text: 92.30 is not 92.3


@cache
def read_papers() -> Mapping[str, Paper]:
    """Return name -> paper for every YAML file next to this module."""
    return {path.stem: read_paper(path) for path in sorted(PAPERS_FOLDER.glob("*.yaml"))}


def comparable_papers() -> list[str]:
    """Return the names of the papers with rows that a recipe reproduces."""
    return [name for name, paper in read_papers().items() if any(row.entry.variant for row in paper.rows)]


def find_row(paper: str | None, *, variant: str, model: str, classes: tuple[str, ...]) -> PaperRow | None:
    """Return the paper's row for a variant of the recipe and these classes, in any order, or None.

    A row with a model is for that model only: a backbone, the paper's own network, or a learner's kind.
    """
    for row in paper_rows(paper, classes):
        if row.entry.variant == variant and row.entry.model in (None, model):
            return row
    return None


def paper_rows(paper: str | None, classes: tuple[str, ...]) -> list[PaperRow]:
    """Return the rows for exactly these classes that a recipe reproduces."""
    found = read_papers().get(paper or "")
    rows = found.rows if found else []
    return [row for row in rows if row.entry.variant and set(row.table.classes) == set(classes)]
