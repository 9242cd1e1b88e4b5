"""``pxr audit``: is it the lungs? Findings on a finished run, or on data."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console, show_task

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from pxr_tf.audit.material import Material
    from pxr_tf.audit.run import Audited
    from pxr_tf.runs.finished import FinishedRun


@takes_options
def audit(options: OptionValues) -> None:
    """Audit a run or data: leaks, what can be told without lungs, sources, changes that should not matter."""
    from pxr_tf.audit.gather import material_of_data
    from pxr_tf.audit.run import AUDITS, choose_checks
    from pxr_tf.config.comma_lists import split_paths, split_words
    from pxr_tf.errors import WORK_FAILED
    from pxr_tf.executors.choose import choose_executor
    from pxr_tf.report.audited import print_findings
    from pxr_tf.report.fitting import print_paths
    from pxr_tf.rundir import CACHE
    from pxr_tf.runs.finished import find_runs, open_run

    console, checks = make_console(), split_words(options.checks) if options.checks else []
    place = Path(options.target).expanduser()
    is_of_run = place.is_dir() and bool(find_runs(place))
    choose_checks(checks, has_run=is_of_run)  # refuse a wrong name before any work
    if is_of_run:
        run = open_run(options.target, options.runs, bundles=False)
        folder = options.out or run.folder
        found = audit_run(run, folder, checks, console)
    else:
        data, runs = split_paths(options.target), options.runs or Path("runs")
        folder = options.out or runs / AUDITS / "+".join(Path(path).resolve().name for path in data)
        found = _audit(
            lambda say: material_of_data(data, runs / CACHE, choose_executor(), say), folder, checks, console
        )
    print_findings(found.findings, console)
    print_paths(console, "Wrote the audit:", found.file)
    console.print("Research use only, not a medical device.")
    if options.strict and any(finding.grade == "critical" for finding in found.findings):
        sys.exit(WORK_FAILED)


def audit_run(run: "FinishedRun", folder: Path, checks: list[str], console: "Console") -> "Audited":
    """Audit a finished run, write the audit's files into the folder and show progress. Raises `PxrError`."""
    from pxr_tf.audit.gather import material_of_run
    from pxr_tf.audit.run import choose_checks
    from pxr_tf.executors.choose import choose_executor

    choose_checks(checks, has_run=True)  # refuse a wrong name before any work
    return _audit(lambda say: material_of_run(run, choose_executor(), say), folder, checks, console)


def _audit(
    gather: "Callable[[Callable[[dict[str, Any]], None]], Material]",
    folder: Path,
    checks: list[str],
    console: "Console",
) -> "Audited":
    from pxr_tf import locks
    from pxr_tf.audit.run import audit as audit_material
    from pxr_tf.report.clock import Outline
    from pxr_tf.report.progress import Display

    with Display(Outline(f"Auditing:\n{folder}"), console) as display:
        material = gather(lambda event: show_task(display, event))
        folder.mkdir(parents=True, exist_ok=True)
        with locks.hold(locks.lock_of(folder)):
            return audit_material(material, folder, checks)
