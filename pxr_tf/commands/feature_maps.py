"""``pxr feature-maps``: what the layers of a trained network make of a picture."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pxr_tf.explain.model_figures_file import Maps
    from pxr_tf.runs.picture_choice import Subject


@takes_options
def feature_maps(options: OptionValues) -> None:
    """Draw the feature maps of a picture into a run's folder and its TensorBoard; print the files."""
    from pxr_tf import locks
    from pxr_tf.report.drawings import write_feature_maps
    from pxr_tf.rundir import fold_name
    from pxr_tf.runs import picture_choice
    from pxr_tf.runs.info import describe_run

    run, image, layer = options.run, options.image, options.layer
    picture_choice.check_finished(run)
    chosen = picture_choice.find_fold(run, options.fold)
    pictures = (
        [picture_choice.find_subject(run, image)] if image is not None else picture_choice.first_tested(run, chosen)
    )
    found = _make_maps(run, chosen, pictures, layer, options.atlas)
    info = describe_run(run)
    with locks.hold(locks.lock_of(run)):
        title, synthetic = f"{info.name}: {info.title}", info.origin == "synthetic"
        written = write_feature_maps(run / fold_name(chosen), found, title, synthetic, layer)
    for file in written:
        make_console().print(str(file), markup=False, soft_wrap=True)


def _make_maps(
    run: Path, fold: str, pictures: "Sequence[Subject]", layer: str | None, atlas: str | None
) -> "Mapping[str, Maps]":
    """Return name -> feature maps; a process of its own loads TensorFlow and the model. Raises `PxrError`."""
    from pxr_tf import rundir
    from pxr_tf.executors.local import LocalProcess
    from pxr_tf.explain.model_figures_file import read_inside
    from pxr_tf.tasks import Task

    executor = LocalProcess()
    with tempfile.TemporaryDirectory(prefix="pxr-") as folder:
        to = Path(folder) / "maps.npz"
        subjects = [list(picture) for picture in pictures]
        options = {"subjects": subjects, "layer": layer, "atlas": atlas, "to": str(to)}
        cache = str(rundir.find_cache(run) or folder)
        try:
            task = Task("feature-maps", "maps", run=str(run), cache=cache, fold=fold, options=options)
            executor.run([task], run / "logs", _print_note)
        finally:
            executor.close()
        return read_inside(to).feature_maps


def _print_note(event: "Mapping[str, Any]") -> None:
    if event["event"] == "note":
        make_console().print(event["text"], markup=False, soft_wrap=True)
