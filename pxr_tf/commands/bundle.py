"""``pxr bundle``: pack a finished run so that it predicts anywhere."""

from pathlib import Path
from typing import TYPE_CHECKING

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console, show_task

if TYPE_CHECKING:
    from rich.console import Console

    from pxr_tf.deploy.bundle import BundleRequest


@takes_options
def bundle(options: OptionValues) -> None:
    """Pack a finished run as a folder or a zip: models, model card, calibration, findings. Research use."""
    from pxr_tf.deploy.bundle import BundleRequest
    from pxr_tf.report.fitting import print_paths
    from pxr_tf.runs.finished import open_run

    console = make_console()
    run = open_run(options.run, options.runs, bundles=False)
    out = _pack(BundleRequest(run, options.out, options.fold), console)
    print_paths(console, "Wrote the bundle:", out)


def _pack(asked: "BundleRequest", console: "Console") -> Path:
    from pxr_tf.deploy.bundle import write_bundle
    from pxr_tf.executors.choose import choose_executor
    from pxr_tf.report.clock import Outline
    from pxr_tf.report.progress import Display

    with Display(Outline(f"Packing:\n{asked.run.folder}"), console) as display:
        return write_bundle(asked, choose_executor(), lambda event: show_task(display, event))
