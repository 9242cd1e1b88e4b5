"""``pxr download``: a public data set, with its licence first."""

import sys
from typing import TYPE_CHECKING

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console

if TYPE_CHECKING:
    from rich.console import Console

    from pxr_tf.sets.licences import Licence


@takes_options
def download(options: OptionValues) -> None:
    """Download a public data set: the licence is shown and accepted first, bytes and counts are checked."""
    from pxr_tf.errors import count_words
    from pxr_tf.report.fitting import print_paths
    from pxr_tf.report.progress import show_steps
    from pxr_tf.sets.download import download as fetch
    from pxr_tf.sets.download import find_source

    console, (_, licence) = make_console(), find_source(options.set)
    _ask_licence(licence, console, accepted=options.accept_licence)
    with show_steps(console, "downloading files") as on_progress:
        found = fetch(options.set, options.out, on_progress)
    for note in found.notes:
        console.print(note, markup=False)
    counts = ", ".join(f"{name} {number:,}" for name, number in found.images.items())
    print_paths(console, f"{count_words(sum(found.images.values()), 'image')} ({counts}). DATA:", found.folder)


def _ask_licence(licence: "Licence", console: "Console", *, accepted: bool) -> None:
    """Print a licence and return if it is accepted; raise `PxrError` if not."""
    import typer

    from pxr_tf.errors import PxrError
    from pxr_tf.report.fitting import print_paths

    console.print(f"{licence.title}. Licence: {licence.licence}. The terms:", markup=False)
    print_paths(console, "", licence.home)
    if accepted:
        return
    if not sys.stdin.isatty() or not typer.confirm("Did you read the terms, and do you accept them?"):
        raise PxrError(f"The licence was not accepted ({licence.home}). Accepted: yes, or --accept-licence.")
