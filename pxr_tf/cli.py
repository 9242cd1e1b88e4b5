"""The command line: registers the commands (`commands/`, a file each). Heavy imports stay inside them."""

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from pxr_tf.commands.audit import audit
from pxr_tf.commands.bundle import bundle
from pxr_tf.commands.calibrate import calibrate
from pxr_tf.commands.check_published import check_published
from pxr_tf.commands.compare import compare
from pxr_tf.commands.cv import cv
from pxr_tf.commands.data import data
from pxr_tf.commands.download import download
from pxr_tf.commands.evaluate import evaluate
from pxr_tf.commands.explain import explain
from pxr_tf.commands.export import export
from pxr_tf.commands.feature_maps import feature_maps
from pxr_tf.commands.features import features
from pxr_tf.commands.gate import gate
from pxr_tf.commands.grid import grid
from pxr_tf.commands.lungs import lungs
from pxr_tf.commands.lungs_train import lungs_train
from pxr_tf.commands.phantom import phantom
from pxr_tf.commands.plan import plan
from pxr_tf.commands.predict import predict
from pxr_tf.commands.report import report
from pxr_tf.commands.reproduce import reproduce
from pxr_tf.commands.runs import runs
from pxr_tf.commands.serve import serve
from pxr_tf.commands.status import status
from pxr_tf.commands.task import task
from pxr_tf.commands.train import train
from pxr_tf.commands.tune import tune
from pxr_tf.commands.typed import as_typed, make_output_plain, make_plain, name_program, use_utf8
from pxr_tf.commands.verify import verify
from pxr_tf.errors import WRONG_INPUT, PxrError, fit_terminal

TWO_WORDS = "lungs train"
UsageError = typer.BadParameter.__mro__[1]  # its base in Click, which newer versions of Typer contain
INTERRUPTED = 130  # the exit code that Typer gives for Ctrl-C
UNBROKEN = "\u2011"  # a hyphen at which no line breaks


class WholeWords(typer.Context.formatter_class):
    """The lines of ``--help``: they break between words only, so that options such as ``--test-rows`` stay whole."""

    def write_text(self, text: str) -> None:
        """Write a paragraph."""
        super().write_text(text.replace("-", UNBROKEN))

    def write_dl(self, rows: Any, *widths: Any, **named: Any) -> None:
        """Write names with their descriptions."""
        super().write_dl([tuple(cell.replace("-", UNBROKEN) for cell in row) for row in rows], *widths, **named)

    def getvalue(self) -> str:
        """Return all lines."""
        return str(super().getvalue()).replace(UNBROKEN, "-")


class Helpful(TyperCommand):
    """A command whose ``--help`` breaks no word and has only characters that the output can show."""

    def get_help(self, ctx: Any) -> str:
        """Return the lines of ``--help``."""
        ctx.formatter_class = WholeWords
        return make_plain(super().get_help(ctx))


class Commands(TyperGroup):
    """The commands by name; one name has two words."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:
        """Return the words left over. ``lungs train`` and ``lungs DATA`` are different commands."""
        words = [TWO_WORDS, *args[2:]] if args[:2] == TWO_WORDS.split() else args
        with _usage_in_one_line():
            return super().parse_args(ctx, words)

    def invoke(self, ctx: typer.Context) -> object:
        """Run the command; raise `PxrError` for words that it does not take."""
        with _usage_in_one_line():
            return super().invoke(ctx)

    def get_help(self, ctx: Any) -> str:
        """Return the lines of ``--help``, as `Helpful` does."""
        ctx.formatter_class = WholeWords
        return make_plain(super().get_help(ctx))

    def format_commands(self, ctx: typer.Context, formatter: Any) -> None:
        """Write each command with the whole first paragraph of its description, which Typer would cut."""
        described = [(name, self.get_command(ctx, name).help or "") for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, " ".join(text.split("\n\n")[0].split())) for name, text in described])


@contextmanager
def _usage_in_one_line() -> Iterator[None]:
    """Raise `PxrError` for a wrong option or word, which Typer would explain in a box of several lines."""
    try:
        yield
    except UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            raise
        fault = error.format_message().rstrip(".")
        help_line = f"{error.ctx.command_path if error.ctx else 'pxr'} --help"
        raise PxrError(f"{fault}. Accepted: what {help_line} lists.") from error


app = typer.Typer(
    cls=Commands,
    add_completion=True,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # its columns cut long names and words in narrow terminals
    help="Train and test networks that classify chest X-rays. Research use, not a medical device.",
)
for command in (
    cv,
    train,
    tune,
    grid,
    reproduce,
    data,
    download,
    lungs,
    phantom,
    feature_maps,
    features,
    predict,
    evaluate,
    export,
    audit,
    explain,
    serve,
    calibrate,
    gate,
    compare,
    report,
    runs,
    status,
    plan,
    task,
    check_published,
    bundle,
    verify,
):
    app.command(cls=Helpful)(command)
app.command(TWO_WORDS, cls=Helpful)(lungs_train)


def main() -> None:
    """Run the command line; a `PxrError` becomes one line and its exit code."""
    use_utf8()
    make_output_plain()
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # no line on where it keeps fonts, e.g. without a home
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
    """Print a user's mistake, a full disk or a missing permission as one line; exit with its code."""
    from pxr_tf.files import explain_os_error

    try:
        yield
    except (PxrError, OSError) as error:
        message = str(error) if isinstance(error, PxrError) else explain_os_error(error)
        if message is None:
            raise
        before = f"{name_program()}: "
        print(f"{before}{fit_terminal(as_typed(message), before)}", file=sys.stderr)
        sys.exit(error.exit_code if isinstance(error, PxrError) else WRONG_INPUT)


if __name__ == "__main__":
    main()
