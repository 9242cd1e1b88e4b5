"""``pxr features``: the features of images in a finished run's network, as a Parquet file."""

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console


@takes_options
def features(options: OptionValues) -> None:
    """Write the pooled features of images, computed by a run's saved models, for pandas, Polars, Spark and others."""
    from pxr_tf.config.comma_lists import split_paths
    from pxr_tf.errors import count_words
    from pxr_tf.executors.choose import choose_executor
    from pxr_tf.inference.features import FeatureRequest, export_features
    from pxr_tf.report.clock import Outline
    from pxr_tf.report.fitting import print_paths
    from pxr_tf.report.progress import Display
    from pxr_tf.runs.finished import open_run

    console = make_console()
    paths = tuple(split_paths(options.data)) if options.data else ()
    run = open_run(options.run, options.runs)
    asked = FeatureRequest(run, paths, options.fold, options.out, options.skip_unreadable, options.atlas)
    with Display(Outline(f"Features of:\n{run.folder}"), console) as display:
        written = export_features(asked, choose_executor(), display.show)
    size = f"{count_words(written.rows, 'row')} and {written.columns} columns, {written.features:,} features per row"
    state = f"Wrote {size}:" if written.new else f"Nothing to do: this file is up to date ({size}):"
    print_paths(console, state, asked.file)
