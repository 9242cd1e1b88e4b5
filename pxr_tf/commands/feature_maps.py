"""``pxr feature-maps``: the feature maps of a picture in a trained network."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pxr_tf.explain.model_figures_file import Maps
    from pxr_tf.runs.finished import FinishedRun
    from pxr_tf.runs.picture_choice import PictureChoice


@takes_options
def feature_maps(options: OptionValues) -> None:
    """Draw the feature maps of a picture into the run's folder and TensorBoard; print the files' paths."""
    from pxr_tf import locks
    from pxr_tf.report.drawings import write_feature_maps
    from pxr_tf.report.fitting import print_paths
    from pxr_tf.runs.finished import open_run
    from pxr_tf.runs.picture_choice import choose_picture, first_per_class
    from pxr_tf.studies.experiments import figure_formats

    image, layer, formats = options.image, options.layer, figure_formats(options.figures)
    opened = open_run(options.run, bundles=False)
    chosen = opened.find_fold(options.fold)
    own = first_per_class(opened.manifest, opened.splits, chosen) if image is None else None
    found = _make_maps(opened, chosen, own or [choose_picture(opened, image)], layer, options.atlas)
    info = opened.info
    with locks.hold(locks.lock_of(opened.folder)):
        title, synthetic = f"{info.name}: {info.title}", info.origin == "synthetic"
        written = write_feature_maps(opened, opened.fold_folder(chosen), found, title, synthetic, layer, formats)
    print_paths(make_console(), "", *written)


def _make_maps(
    run: "FinishedRun", fold: str, pictures: "Sequence[PictureChoice]", layer: str | None, atlas: str | None
) -> "Mapping[str, Maps]":
    """Return name -> feature maps; a separate process loads TensorFlow and the model. Raises `PxrError`."""
    from pxr_tf.executors.choose import choose_executor
    from pxr_tf.experiments.plan import FeatureMaps
    from pxr_tf.explain.model_figures_file import read_model_figures
    from pxr_tf.tasks import Task, run_or_raise

    executor = choose_executor()
    with tempfile.TemporaryDirectory(prefix="pxr-") as folder:
        options = FeatureMaps(tuple(pictures), layer, atlas, Path(folder) / "maps.npz")
        place = {"run": str(run.folder), "cache": str(run.cache), "logs": str(run.folder / "logs")}
        try:
            task = Task("feature-maps", "feature_maps", fold=fold, options=options, **place)
            run_or_raise(executor, [task], _print_note)
        finally:
            executor.close()
        return read_model_figures(options.to).feature_maps


def _print_note(event: "Mapping[str, Any]") -> None:
    from pxr_tf.report.fitting import print_paths

    if event["event"] == "note":
        print_paths(make_console(), *event["text"].split("\n"))
