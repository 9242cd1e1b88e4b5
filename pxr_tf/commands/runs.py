"""``pxr runs``: list runs and their state."""

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console


@takes_options
def runs(options: OptionValues) -> None:
    """List the runs below a folder, finished or not: recipe, model, accuracy, date, duration and warnings."""
    from pxr_tf.errors import PxrError
    from pxr_tf.evidence.summary import summarise_folder
    from pxr_tf.report.runs_table import print_runs

    found = summarise_folder(options.folder) if options.folder.is_dir() else []
    if not found:
        fault = "contains no run" if options.folder.is_dir() else "is not a folder"
        raise PxrError(f"FOLDER received {str(options.folder)!r}, which {fault}. Accepted: RUNS, or a folder in it.")
    print_runs(found, make_console())
