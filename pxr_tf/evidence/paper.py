"""Compare a run with a paper: which figures to show, and the notes on them."""

from typing import TYPE_CHECKING

from pxr_tf.evaluation import published
from pxr_tf.evaluation.published import PaperRow

if TYPE_CHECKING:
    from pxr_tf.runs.info import RunInfo

SENS_SPEC = "mean_sensitivity_specificity"
# metric -> words before it
OVERALL = {"accuracy": "", "balanced_accuracy": "balanced accuracy ", "auc": "AUC ", SENS_SPEC: "(sens. + spec.) / 2 "}


def comparable_row(info: "RunInfo") -> PaperRow | None:
    """Return the paper's row for this model and variant, or None if it has none or its scheme differs."""
    row = published.find_row(info.published, variant=info.variant, model=info.model, classes=info.classes)
    return row if row and row.paper.scheme == info.scheme else None


def paper_has(info: "RunInfo", metric: str) -> bool:
    """Return whether the paper has an overall figure for this variant and these classes, with any model."""
    rows = published.paper_rows(info.published, info.classes)
    return any(row.entry.variant == info.variant and row.printed(metric) for row in rows)


def prints(row: PaperRow | None, metric: str) -> bool:
    """Return whether the row has a figure of the metric for some class."""
    return row is not None and any(row.printed(metric, name) for name in row.table.classes)


def class_words(row: PaperRow, metric: str, name: str) -> str:
    """Return the paper's figure of a class in percent: ``86.4``; ``-`` if it has none."""
    value = row.value(metric, name)
    return "-" if value is None else f"{100 * value:.1f}"


def overall_words(row: PaperRow) -> str:
    """Return the paper's figures over all classes, as printed: ``92.30 %, AUC 97.81 %``."""
    figures = {words: row.printed(metric) for metric, words in OVERALL.items()}
    return ", ".join(f"{words}{figure.words}" for words, figure in figures.items() if figure)


def auc_of(row: PaperRow | None) -> str:
    """Return the metric that the paper calls AUC; ``auc``, the area, unless the row says otherwise."""
    return SENS_SPEC if row and row.printed(SENS_SPEC) else "auc"


def paper_notes(info: "RunInfo", row: PaperRow | None, counted: int, deviations: str = "") -> list[str]:
    """Return the notes to print under the table; `counted`: the number of test images that the table counts.

    `deviations` says how the recipe differs from the paper's; it is printed if any figure of the paper is.
    """
    best = _best_note(info, shown=row) if info.origin == "real" else ""
    notes = (
        [*published.write_footnotes(row), published.write_count_note(row, counted), _unit_note(info, row)]
        if row
        else []
    )
    if info.origin == "real" and not row:
        notes.append(f"No published figures for {info.model} under {info.variant} with these classes and split.")
    notes += [best, deviations if row or best else ""]
    return [note for note in notes if note]


def _unit_note(info: "RunInfo", row: PaperRow) -> str:
    """Return whether both split by patient or by image; empty unless the paper splits at random."""
    if row.paper.unit is None:
        return ""
    ours = "and so do we" if info.unit == row.paper.unit else f"we split by {info.unit}"
    return f"The paper splits by {row.paper.unit}, {ours}."


def _best_note(info: "RunInfo", shown: PaperRow | None) -> str:
    """Return a note on the paper's best accuracy for the same task; empty if its only row is `shown`."""
    best = published.best_row(info.published, info.classes)
    if not best or best.paper.scheme != info.scheme or (shown and len(best.siblings) == 1):
        return ""
    where = "balanced folds" if best.paper.test_rows == "balanced" else "its test images"
    return f"The paper's best cell: {best.label}, {overall_words(best)} on {where}."
