"""The command line: registers the commands (`commands/`, a file each). Heavy imports stay inside them."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from typer.core import TyperGroup

from pxr_tf.commands.cv import cv
from pxr_tf.commands.data import data
from pxr_tf.commands.explain import explain
from pxr_tf.commands.feature_maps import feature_maps
from pxr_tf.commands.features import features
from pxr_tf.commands.grid import grid
from pxr_tf.commands.lungs import lungs
from pxr_tf.commands.lungs_train import lungs_train
from pxr_tf.commands.phantom import phantom
from pxr_tf.commands.reproduce import reproduce
from pxr_tf.commands.runs import runs
from pxr_tf.commands.train import train
from pxr_tf.commands.tune import tune
from pxr_tf.errors import PxrError

TWO_WORDS = "lungs train"
INTERRUPTED = 130  # the exit code that Typer gives for Ctrl-C


class Commands(TyperGroup):
    """The commands by name; one name has two words."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:
        """Return the words left over. ``lungs train`` and ``lungs DATA`` are different commands."""
        words = [TWO_WORDS, *args[2:]] if args[:2] == TWO_WORDS.split() else args
        return super().parse_args(ctx, words)


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Train and test networks that classify chest X-rays. Research use, not a medical device.",
)
for command in (cv, train, tune, grid, reproduce, data, lungs, phantom, feature_maps, features, explain, runs):
    app.command()(command)
app.command(TWO_WORDS)(lungs_train)


def main() -> None:
    """Run the command line; a `PxrError` becomes one line and exit code 2."""
    warnings.filterwarnings("ignore", module=r"PIL\.")  # about damaged EXIF blocks: pictures are read without EXIF
    try:
        with _one_line_errors():
            app()
    except SystemExit as stopped:
        if stopped.code == INTERRUPTED:
            print("\nStopped. Run the same command again to continue.", file=sys.stderr)
        raise


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Print a user's mistake, a full disk or a missing permission as one line; exit with code 2."""
    from pxr_tf.files import explain_os_error

    try:
        yield
    except (PxrError, OSError) as error:
        message = str(error) if isinstance(error, PxrError) else explain_os_error(error)
        if message is None:
            raise
        print(f"pxr: {message}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
