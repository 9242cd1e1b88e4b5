"""``pxr export``: a finished run as a file that other programs run, and how it compares with the run's own models."""

from functools import partial

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console, show_work


@takes_options
def export(options: OptionValues) -> None:
    """Export a run to ONNX, SavedModel, LiteRT or OpenVINO, and compare it with the run's own models. Research use."""
    from pxr_tf.config.comma_lists import choose_words
    from pxr_tf.deploy.export import ExportRequest, check_request, export_run
    from pxr_tf.deploy.formats import FORMATS
    from pxr_tf.report.exported import print_exported
    from pxr_tf.report.fitting import print_paths
    from pxr_tf.runs.finished import open_run

    console = make_console()
    run = open_run(options.run, options.runs)
    formats = choose_words(options.to, "--to", tuple(FORMATS))
    asked = ExportRequest(run, tuple(formats), options.fold, options.out)
    check_request(asked)
    found = show_work(f"Exporting:\n{run.folder}", console, partial(export_run, asked))
    print_exported(found.table, found.pictures, found.what, run.warnings, console)
    print_paths(console, "Wrote the export:", *found.files)
