"""``pxr evaluate``: a finished run on labelled data that it never saw, and on negative controls."""

from typing import TYPE_CHECKING

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console, show_task

if TYPE_CHECKING:
    from rich.console import Console

    from pxr_tf.inference.evaluate import EvaluateRequest, Evaluation


@takes_options
def evaluate(options: OptionValues) -> None:
    """Evaluate a run on data that it never saw: its own figures beside the external ones, and negative controls."""
    from pxr_tf.config.comma_lists import split_paths
    from pxr_tf.inference.evaluate import EvaluateRequest
    from pxr_tf.report.evaluated import print_evaluation
    from pxr_tf.report.fitting import print_paths
    from pxr_tf.runs.finished import open_run

    console = make_console()
    run = open_run(options.run, options.runs)
    asked = EvaluateRequest(
        run, tuple(split_paths(options.data)), options.fold, options.out, options.atlas, options.label
    )
    found = _evaluate(asked, console)
    print_evaluation(found, run.warnings, console)
    print_paths(console, "Wrote the evaluation:", asked.folder)


def _evaluate(asked: "EvaluateRequest", console: "Console") -> "Evaluation":
    from pxr_tf.executors.choose import choose_executor
    from pxr_tf.inference.evaluate import evaluate as evaluate_run
    from pxr_tf.report.clock import Outline
    from pxr_tf.report.progress import Display

    with Display(Outline(f"Evaluating:\n{asked.run.folder}"), console) as display:
        return evaluate_run(asked, choose_executor(), lambda event: show_task(display, event))
