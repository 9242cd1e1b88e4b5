"""An audit: all checks of a finished run, or of data, as findings and tables in a folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pxr_tf import files, rundir
from pxr_tf.audit.checks import CHECKS, find_check
from pxr_tf.audit.material import Material
from pxr_tf.data.findings import Finding, findings_as_json, read_findings, sort_findings
from pxr_tf.data.manifest import is_synthetic
from pxr_tf.errors import PxrError, nearest
from pxr_tf.events import emit_note
from pxr_tf.report.audit_figures import FIGURES
from pxr_tf.report.figures import write_figure

AUDITS = "audits"  # the folder in RUNS for audits of data
TABLES = "audit"  # the folder for the checks' tables, next to ``audit.json``
NOTICE = "Research use only, not a medical device."


class Audited(NamedTuple):
    """What an audit found, as written."""

    findings: tuple[Finding, ...]  # the worst first
    checks: tuple[str, ...]  # that were done
    file: Path  # ``audit.json``


def choose_checks(asked: Sequence[str], *, has_run: bool) -> tuple[str, ...]:
    """Return the names of the checks asked for, by default all that apply; raise `PxrError`."""
    possible = [name for name, check in CHECKS.items() if has_run or not check.needs_run]
    for name in asked:
        if name not in possible:
            why = " (it needs a run)" if name in CHECKS else ""
            raise PxrError(
                f"--checks received {name!r}{why}. Accepted: {', '.join(possible)}.{nearest(name, possible)}"
            )
    return tuple(name for name in possible if not asked or name in asked)


def audit(material: Material, folder: Path, asked: Sequence[str] = ()) -> Audited:
    """Do the checks, write ``audit.json`` and the checks' tables into the folder, and return what was found.

    Checks that were not asked for keep the findings of an earlier audit of the same predictions. Raises `PxrError`.
    """
    names = choose_checks(asked, has_run=material.run is not None)
    file = folder / rundir.AUDIT
    found = {name: tuple(entries) for name, entries in _earlier(file, material).items() if name not in names}
    try:
        for number, name in enumerate(names, start=1):
            emit_note(material.on_event, f"Check {number} of {len(names)}: {CHECKS[name].title}")
            checked = find_check(name)(material)
            for table, rows in checked.tables.items():
                files.write_csv(folder / TABLES / f"{table}.csv", rows)
                if table in FIGURES:
                    title = material.run.place if material.run is not None else folder.name
                    figure = FIGURES[table](rows, title, is_synthetic(material.table))
                    write_figure(folder / TABLES / f"{table}.png", figure)
            found[name] = tuple(checked.findings)
            _write(file, found, material)
    finally:
        material.executor.close()
    done = tuple(name for name in CHECKS if name in found)
    return Audited(tuple(sort_findings([finding for name in done for finding in found[name]])), done, file)


def identity_of(material: Material) -> str:
    """Return a digest of what was audited: the run's predictions, or the data's contents and labels."""
    if material.run is not None:
        return material.run.predictions_digest
    return files.digest(*material.table[["image_id", "content", "label"]].itertuples(index=False, name=None))


def _write(file: Path, found: dict[str, tuple[Finding, ...]], material: Material) -> None:
    done = [name for name in CHECKS if name in found]
    about = {
        "audited": material.run.place if material.run is not None else sorted(set(material.table.source)),
        "identity": identity_of(material),
        "checks": done,
        "origin": "synthetic" if is_synthetic(material.table) else "real",
        "findings": findings_as_json(sort_findings([one for name in done for one in found[name]])),
        "notice": NOTICE,
    }
    files.write_json(file, about)


def _earlier(file: Path, material: Material) -> dict[str, list[Finding]]:
    """Return check -> its findings in an earlier audit of the same predictions; none of others."""
    findings = read_findings(file)
    about = {} if findings is None else files.read_json(file)
    if about.get("identity") != identity_of(material):
        return {}
    found: dict[str, list[Finding]] = {name: [] for name in about.get("checks", ()) if name in CHECKS}
    for finding in findings or ():
        if finding.check in found:
            found[finding.check].append(finding)
    return found
