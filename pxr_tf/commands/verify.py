"""``pxr verify``: check that a bundle has the bytes, and says the same, as when it was packed."""

from functools import partial

import typer

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console, show_work


@takes_options
def verify(options: OptionValues) -> None:
    """Verify a bundle: the digest of every file, and its answers to its own sample pictures. Exits with 1 if not."""
    from pxr_tf.inference.samples import verify_samples
    from pxr_tf.report.verified import print_verified
    from pxr_tf.runs.finished import open_run

    console = make_console()
    run = open_run(options.bundle, options.runs)
    found = show_work(f"Verifying:\n{options.bundle}", console, partial(verify_samples, run))
    print_verified(found, options.bundle, console)
    if not found.same:
        raise typer.Exit(1)
