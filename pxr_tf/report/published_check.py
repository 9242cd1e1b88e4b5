"""Print the check of a paper's figures."""

from rich.console import Console

from pxr_tf.evaluation.published.check import RowCheck, TableCheck
from pxr_tf.evaluation.published.interpretations import Finding
from pxr_tf.report.fitting import print_indented

MEANING = (
    "impossible: no confusion matrix, or no set of folds, has these figures, however they were rounded or cut off. "
    "not excluded: nothing speaks against it, but no example was looked for, or none was found. "
    "A mean of folds assumes that every fold tests the same share of each class."
)


def print_check(console: Console, title: str, tables: list[TableCheck]) -> None:
    """Print per table what its rows have in common, then each row: its interpretations, proofs and an example."""
    console.print(title, style="bold", markup=False)
    for number, table in enumerate(tables, start=1):
        classes = table.rows[0].row.table.classes
        console.print(f"\nTable {number} ({', '.join(classes)})", style="bold", markup=False)
        for note in table.notes:
            print_indented(console, note)
        for check in table.rows:
            _print_row(console, check, classes)
    console.print(f"\n{MEANING}", markup=False)


def _print_row(console: Console, check: RowCheck, classes: tuple[str, ...]) -> None:
    console.print(f"\n{check.row.label or 'unnamed'}", markup=False)
    for finding, proof in check.findings:
        reason = proof or _example(finding, classes)
        print_indented(console, f"{finding.interpretation.words}: {finding.state}. {reason}".strip())
    for note in check.notes:
        print_indented(console, note)


def _example(finding: Finding, classes: tuple[str, ...]) -> str:
    """Return an example: the images of each true class by predicted class; "" if there is none."""
    if finding.matrix is None:
        return ""
    rows = "; ".join(f"{name} {' '.join(map(str, row))}" for name, row in zip(classes, finding.matrix, strict=True))
    return f"For example, true classes by predicted ones in the same order: {rows}."
