"""Findings of an audit, as data: what was measured, how serious it is, and what to do. Kept in ``audit.json``."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_type_hints

import numpy as np

from pxr_tf import files
from pxr_tf.data.run_warnings import RunWarning
from pxr_tf.errors import PxrError, count_words
from pxr_tf.rundir import AUDIT

# critical: the run's numbers do not show what they seem to show; warning: a reason to look; note: a fact to know;
# passed: looked for and not found
Grade = Literal["critical", "warning", "note", "passed"]
GRADES: tuple[Grade, ...] = get_args(Grade)  # the worst first


class Finding(NamedTuple):
    """One result of a check: an entry of ``audit.json``."""

    check: str  # which check found it, a key of `audit.checks.CHECKS`
    grade: Grade
    subject: str  # what it is about: a class, a fold, a source, or a change of the pictures
    figure: str  # what the number is: ``AUC without lungs``, ``share of test images``
    value: float = np.nan
    low: float = np.nan  # 95 % interval over patients; NaN if unknown
    high: float = np.nan
    text: str = ""  # one sentence for people: what was found
    remedy: str = ""  # one sentence: what to do; "" if there is nothing to do

    def is_about(self, name: str, classes: Sequence[str]) -> bool:
        """Return whether the finding is about this class: its subject names the class, or none of the classes."""
        named = {one for one in classes if re.search(rf"(?<!\w){re.escape(one)}(?!\w)", self.subject)}
        return name in named or not named


def sort_findings(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings, the worst grade first; findings of one grade keep their order."""
    return sorted(findings, key=lambda finding: GRADES.index(finding.grade))


def warn_of_findings(findings: Sequence[Finding]) -> list[RunWarning]:
    """Return one warning that counts the critical findings and states the first of them; none without one."""
    critical = [finding for finding in findings if finding.grade == "critical"]
    if not critical:
        return []
    first = critical[0]
    more = f" (and {count_words(len(critical) - 1, 'more critical finding')}; see {AUDIT})" if critical[1:] else ""
    return [RunWarning(what="audit", label="", property=first.check, text=f"An audit found: {first.text}{more}")]


def findings_as_json(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Return the findings as plain data; an unknown number is None, because JSON has no NaN."""
    return [{name: _plain(value) for name, value in finding._asdict().items()} for finding in findings]


def read_findings(file: Path) -> tuple[Finding, ...] | None:
    """Return the findings in an ``audit.json``, None if there is no such file; raise `PxrError` for an edited one."""
    written = files.read_json(file)
    if written is None:
        return None
    try:
        return tuple(_finding(entry) for entry in written["findings"])
    except (KeyError, TypeError, ValueError) as error:
        raise PxrError(f"{file} cannot be read: it was edited or damaged. Delete it and audit again.") from error


def _finding(entry: Mapping[str, Any]) -> Finding:
    found = Finding(**{name: np.nan if value is None else value for name, value in entry.items()})
    if found.grade not in GRADES or not all(
        isinstance(value, str) == (kind is not float)
        for value, kind in zip(found, get_type_hints(Finding).values(), strict=True)
    ):
        raise ValueError(entry)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value
    return None if np.isnan(value) else float(value)
