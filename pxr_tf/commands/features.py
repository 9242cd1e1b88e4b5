"""``pxr features``: what a finished run's network makes of images, as a Parquet file."""

from pathlib import Path
from typing import Annotated

import typer

from pxr_tf.commands import options as o
from pxr_tf.commands.running import make_console


def features(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run with a network.", metavar="RUN")],
    data: Annotated[str | None, typer.Argument(help=f"{o.DATA_HELP} Default: the run's own.", metavar="DATA")] = None,
    fold: Annotated[
        str | None,
        typer.Option(help="Whose model: 0, fold-0, official … Default: the fold that held an image out."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The file. Default: features.parquet in RUN.")] = None,
    runs: Annotated[Path | None, typer.Option(help="Folder of the cache. Default: the one that RUN lies in.")] = None,
    atlas: o.MovedAtlas = None,
    skip_unreadable: o.SkipUnreadable = False,
) -> None:
    """Write the pooled features of images, by the saved models of a run, for pandas, Polars, Spark and others."""
    from pxr_tf.executors.choose import choose_executor
    from pxr_tf.inference.features import FeatureRequest, export_features
    from pxr_tf.report.clock import Outline
    from pxr_tf.report.progress import Display
    from pxr_tf.runs.finished import open_run

    console = make_console()
    paths = tuple(o.split_paths(data)) if data else ()
    asked = FeatureRequest(open_run(run, runs), paths, fold, out, skip_unreadable, atlas)
    with Display(Outline(f"Features of {asked.run.folder}", 1, (), False), console) as display:
        written = export_features(asked, choose_executor(), display.show)
    state = "" if written else "Nothing to do: this file is up to date: "
    console.print(f"{state}{asked.file}", markup=False, soft_wrap=True)
