"""``pxr verify``: check that a bundle has the bytes, and says the same, as when it was packed."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console, show_task

if TYPE_CHECKING:
    from rich.console import Console

    from pxr_tf.inference.samples import Verified
    from pxr_tf.runs.finished import FinishedRun


@takes_options
def verify(options: OptionValues) -> None:
    """Verify a bundle: the digest of every file, and its answers to its own sample pictures. Exits with 1 if not."""
    from pxr_tf.report.verified import print_verified
    from pxr_tf.runs.finished import open_run

    console = make_console()
    run = open_run(options.bundle, options.runs)
    found = _verify(run, options.bundle, console)
    print_verified(found, options.bundle, console)
    if not found.same:
        raise typer.Exit(1)


def _verify(run: "FinishedRun", named: Path, console: "Console") -> "Verified":
    from pxr_tf.executors.choose import choose_executor
    from pxr_tf.inference.samples import verify_samples
    from pxr_tf.report.clock import Outline
    from pxr_tf.report.progress import Display

    with Display(Outline(f"Verifying:\n{named}"), console) as display:
        return verify_samples(run, choose_executor(), lambda event: show_task(display, event))
