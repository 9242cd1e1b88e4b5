"""The findings of an audit on the screen: a table by grade, then each sentence with what to do."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.text import Text

from pxr_tf.data.findings import GRADES, Finding, sort_findings
from pxr_tf.report.fitting import FittedTable, print_indented

STYLES = {"critical": "bold red", "warning": "bold yellow", "note": "", "passed": "green"}


def print_findings(findings: Sequence[Finding], console: Console) -> None:
    """Print a table of the findings that are not passed, their sentences, and how many of each grade there are."""
    found = sort_findings(findings)
    shown = [finding for finding in found if finding.grade != "passed"]
    if shown:
        console.print(findings_table(shown))
    for finding in shown:
        console.print(Text.assemble((f"{finding.grade.capitalize()}: ", STYLES[finding.grade]), finding.text))
        if finding.remedy:
            print_indented(console, finding.remedy)
    console.print(f"{describe_grades(found)}.")


def describe_grades(findings: Sequence[Finding]) -> str:
    """Return how many findings of each grade there are: ``3 critical, 1 warning, 2 note, 9 passed``."""
    counts = Counter(finding.grade for finding in findings)
    return ", ".join(f"{counts[grade]} {grade}" for grade in GRADES)


def findings_table(findings: Sequence[Finding]) -> FittedTable:
    """Return the findings as a table: grade, check, subject, and the number with its interval."""
    shown = FittedTable("Findings")
    for name in ("grade", "check", "about", "figure"):
        shown.add_column(name)
    shown.add_column("value", justify="right")
    for finding in findings:
        grade = Text(finding.grade, style=STYLES[finding.grade])
        shown.add_row(grade, finding.check, finding.subject, finding.figure, number_words(finding))
    return shown


def number_words(finding: Finding) -> str:
    """Return a finding's number with its interval: ``0.98 [0.97-0.99]``; "" if it has none."""
    if np.isnan(finding.value):
        return ""
    ends = "" if np.isnan(finding.low) else f" [{finding.low:.2f}-{finding.high:.2f}]"
    return f"{finding.value:.2f}{ends}"
