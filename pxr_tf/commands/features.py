"""``pxr features``: what a finished run's network makes of images, as a Parquet file."""

from pxr_tf.commands.comma_lists import split_paths
from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console


@takes_options
def features(options: OptionValues) -> None:
    """Write the pooled features of images, by the saved models of a run, for pandas, Polars, Spark and others."""
    from pxr_tf.executors.local import LocalProcess
    from pxr_tf.inference.features import Export, export_features
    from pxr_tf.report.clock import Outline
    from pxr_tf.report.progress import Display

    console = make_console()
    paths = tuple(split_paths(options.data)) if options.data else ()
    asked = Export(**options.by_name | {"data": paths})
    with Display(Outline(f"Features of {asked.run}", 1, (), False), console) as display:
        written = export_features(asked, LocalProcess(), display.show)
    state = "" if written else "Nothing to do: this file is up to date: "
    console.print(f"{state}{asked.file}", markup=False, soft_wrap=True)
