"""``pxr bundle``: pack a finished run so that it predicts anywhere."""

from functools import partial

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console, show_work


@takes_options
def bundle(options: OptionValues) -> None:
    """Pack a finished run as a folder or a zip: models, model card, calibration, findings. Research use."""
    from pxr_tf.deploy.bundle import BundleRequest, write_bundle
    from pxr_tf.report.fitting import print_paths
    from pxr_tf.runs.finished import open_run

    console = make_console()
    run = open_run(options.run, options.runs, bundles=False)
    asked = BundleRequest(run, options.out, options.fold)
    out = show_work(f"Packing:\n{run.folder}", console, partial(write_bundle, asked))
    print_paths(console, "Wrote the bundle:", out)
