"""Check all figures of a paper: which interpretations some result can give, and which test images they imply."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from pxr_tf.errors import PxrError, count_words
from pxr_tf.evaluation.published.consistency import smallest_count
from pxr_tf.evaluation.published.feasibility import UndecidedError
from pxr_tf.evaluation.published.footnotes import write_implied
from pxr_tf.evaluation.published.interpretations import (
    IMPOSSIBLE,
    Finding,
    implied_mean,
    judge_row,
    prove,
    read_figures,
)
from pxr_tf.evaluation.published.models import OneMatrix
from pxr_tf.evaluation.published.papers import PRINTED_PER_CLASS, Paper, PaperRow
from pxr_tf.evaluation.published.search import Matrix, find_matrix

CHECKED = ("accuracy", "balanced_accuracy", *PRINTED_PER_CLASS, "average")


@dataclass(frozen=True)
class RowCheck:
    """The findings on a row that are worth showing, each with its proof ("" unless impossible), and sentences on it."""

    row: PaperRow
    findings: list[tuple[Finding, str]]
    notes: list[str]


@dataclass(frozen=True)
class TableCheck:
    """The rows of a table, and sentences on all of them."""

    rows: list[RowCheck]
    notes: list[str]


def check_paper(paper: Paper) -> list[TableCheck]:
    """Return the check of each table. Raises `PxrError` for a row without figures to check."""
    return [_check_table([PaperRow(paper, table, entry) for entry in table.rows]) for table in paper.tables]


def _check_table(rows: list[PaperRow]) -> TableCheck:
    for number, row in enumerate(rows, start=1):
        if all(getattr(row.entry, name) in (None, {}) for name in CHECKED):
            raise PxrError(
                f"Row {number} ({row.label or 'unnamed'}) has no figure to check. Accepted: {', '.join(CHECKED)}."
            )
    judged = [judge_row(row) for row in rows]
    judged, notes = _share_a_test_set(rows, judged)
    fitting = Counter(one.interpretation.words for findings in judged for one in findings if one.state != IMPOSSIBLE)
    best = max(fitting, key=fitting.__getitem__, default="")
    checks = []
    for row, findings in zip(rows, judged, strict=True):
        shown = [
            one for one in findings if one.state != IMPOSSIBLE or one.interpretation.words == best or one.as_printed
        ]
        proven = [(one, prove(row, one.interpretation) if one.state == IMPOSSIBLE else "") for one in shown]
        checks.append(RowCheck(row, proven, _row_notes(row, findings, len(findings) - len(shown))))
    return TableCheck(checks, [*_table_notes(rows, judged, fitting, best), *notes])


def _row_notes(row: PaperRow, findings: list[Finding], hidden: int) -> list[str]:
    fitting = _fitting(findings)
    notes = [f"Also impossible: {count_words(hidden, 'other interpretation')}."] if hidden and not fitting else []
    if fitting and row.entry.auc is not None:
        notes += _auc_note(row, fitting)
    if fitting and fitting.matrix and row.table.images and not row.table.test_counts:
        notes.append(_share_note(row, fitting.matrix))
    return notes


def _fitting(findings: list[Finding]) -> Finding | None:
    return next((one for one in findings if one.state != IMPOSSIBLE), None)


def _auc_note(row: PaperRow, finding: Finding) -> list[str]:
    found, printed = implied_mean(row, finding.interpretation), row.printed_auc
    if found is None:
        return []
    low, high = (100 * float(value) for value in found)
    end = (
        "it may be this mean and not an area under a ROC curve"
        if printed.range.meets(*found)
        else "it is not this mean"
    )
    span = f"{low:.3f}" if high - low < 0.001 else f"{low:.3f} to {high:.3f}"
    mean = "The mean over classes of (sensitivity + specificity) / 2"
    return [f"{mean} is {span} %, by the other figures. The printed AUC is {printed.words}: {end}."]


def _share_note(row: PaperRow, matrix: Matrix) -> str:
    """Return how far the example's share of the first class is from that of all images."""
    name, images = row.table.classes[0], sum(matrix[0])
    expected, sd = row.table.expected_share(name)
    distance = abs(Fraction(images, row.table.num_tested) - expected) / sd
    return (
        f"The example tests {images} {name} images. A random part of the paper's images has "
        f"{100 * float(expected):.1f} ± {100 * float(sd):.1f} % {name}; this is {float(distance):.1f} standard "
        "deviations away."
    )


def _table_notes(rows: list[PaperRow], judged: list[list[Finding]], fitting: Counter[str], best: str) -> Iterator[str]:
    every = [one for findings in judged for one in findings]
    columns = next((one.interpretation.columns for one in every if one.interpretation.words == best), {})
    if not all(one.as_printed for one in every):
        counted = [one.interpretation for one in every if one.as_printed or one.interpretation.columns == columns]
        tally = {one.words: fitting[one.words] for one in counted} | dict(fitting.most_common())
        for words, number in tally.items():
            yield f"{words}: {number} of {count_words(len(rows), 'row')}"
    if rows[0].table.num_tested or rows[0].paper.folds > 1:
        exchanged = tuple(columns) if tuple(columns.values()) == tuple(columns)[::-1] else ()
        paper = rows[0].paper.model_copy(update={"exchanged": exchanged})
        row = next((row for row, some in zip(rows, judged, strict=True) if _fitting(some)), rows[0])
        yield f"{write_implied(PaperRow(paper, row.table, row.entry))}."


def _share_a_test_set(rows: list[PaperRow], judged: list[list[Finding]]) -> tuple[list[list[Finding]], list[str]]:
    """Return the findings with examples of one test set for most rows, if its size is unknown; and a note on it.

    The test sets tried are the smallest ones of single rows.
    """
    if rows[0].table.num_tested or rows[0].paper.folds > 1:
        return judged, []
    classes, fits = rows[0].table.classes, {}
    for counts in {tuple(map(sum, one.matrix)) for findings in judged for one in findings if one.matrix}:
        model = OneMatrix(classes, counts)
        fits[counts] = [
            [replace(one, matrix=_matrix_of(model, row, one)) for one in findings]
            for row, findings in zip(rows, judged, strict=True)
        ]
    if max(map(_rows_with_matrix, fits.values()), default=0) < min(2, len(rows)):
        accuracies = [row.printed("accuracy") for row in rows if row.printed("accuracy")]
        least = accuracies and count_words(smallest_count(accuracies), "test image")
        return judged, [f"The accuracies imply at least {least}."] if least else []
    counts, found = min(fits.items(), key=lambda item: (-_rows_with_matrix(item[1]), sum(item[0])))
    each = ", ".join(f"{images:,} {name}" for images, name in zip(counts, classes, strict=True))
    others = [row.label for row, findings in zip(rows, found, strict=True) if not _has_matrix(findings)]
    end = f"; not {', '.join(others)}" if others else ""
    note = f"The smallest test set found for {len(rows) - len(others)} of {count_words(len(rows), 'row')}"
    merged = [new if _has_matrix(new) else old for new, old in zip(found, judged, strict=True)]
    return merged, [f"{note} has {count_words(sum(counts), 'image')} ({each}){end}."]


def _matrix_of(model: OneMatrix, row: PaperRow, finding: Finding) -> Matrix | None:
    try:
        return finding.matrix and find_matrix(model, read_figures(row, finding.interpretation))
    except UndecidedError:
        return None


def _rows_with_matrix(rows: list[list[Finding]]) -> int:
    return sum(map(_has_matrix, rows))


def _has_matrix(findings: list[Finding]) -> bool:
    return any(one.matrix for one in findings)
