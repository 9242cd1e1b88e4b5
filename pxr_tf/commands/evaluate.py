"""``pxr evaluate``: a finished run on labelled data that it never saw, and on negative controls."""

from functools import partial

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console, show_work


@takes_options
def evaluate(options: OptionValues) -> None:
    """Evaluate a run on data that it never saw: its own figures beside the external ones, and negative controls."""
    from pxr_tf.config.comma_lists import split_paths
    from pxr_tf.inference.evaluate import EvaluateRequest
    from pxr_tf.inference.evaluate import evaluate as evaluate_run
    from pxr_tf.report.evaluated import print_evaluation
    from pxr_tf.report.fitting import print_paths
    from pxr_tf.runs.finished import open_run

    console = make_console()
    run = open_run(options.run, options.runs)
    asked = EvaluateRequest(
        run, tuple(split_paths(options.data)), options.fold, options.out, options.atlas, options.label
    )
    found = show_work(f"Evaluating:\n{run.folder}", console, partial(evaluate_run, asked))
    print_evaluation(found, run.warnings, console)
    print_paths(console, "Wrote the evaluation:", asked.folder)
