"""``pxr feature-maps``: what the layers of a trained network make of a picture."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pxr_tf.commands.running import make_console

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pxr_tf.experiments.subjects import Subject
    from pxr_tf.explain.inside_file import Maps


def feature_maps(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.", metavar="RUN")],
    image: Annotated[
        str | None,
        typer.Option(help="An image id of the run, or a picture's path. Default: one test image of each class."),
    ] = None,
    layer: Annotated[
        str | None, typer.Option(help="One layer, by name. Default: the convolutions and feature_map.")
    ] = None,
    fold: Annotated[str | None, typer.Option(help="Whose model: 0, fold-0, official … Default: the first.")] = None,
) -> None:
    """Draw the feature maps of a picture into a run's folder and its TensorBoard; print the files."""
    from pxr_tf import locks
    from pxr_tf.experiments import subjects
    from pxr_tf.report.drawings import write_feature_maps
    from pxr_tf.report.results import describe_run
    from pxr_tf.rundir import fold_name

    subjects.check_finished(run)
    chosen = subjects.find_fold(run, fold)
    pictures = [subjects.find_subject(run, image)] if image is not None else subjects.first_tested(run, chosen)
    found = _make_maps(run, chosen, pictures, layer)
    info = describe_run(run)
    with locks.hold(locks.lock_of(run)):
        title, synthetic = f"{info.name}: {info.title}", info.origin == "synthetic"
        written = write_feature_maps(run / fold_name(chosen), found, title, synthetic, layer)
    for file in written:
        make_console().print(str(file), markup=False, soft_wrap=True)


def _make_maps(run: Path, fold: str, pictures: "Sequence[Subject]", layer: str | None) -> "Mapping[str, Maps]":
    """Return name -> feature maps; a process of its own loads TensorFlow and the model. Raises `PxrError`."""
    from pxr_tf.executors.local import LocalProcess
    from pxr_tf.experiments.tasks import Task
    from pxr_tf.explain.inside_file import read_inside

    executor = LocalProcess()
    with tempfile.TemporaryDirectory(prefix="pxr-") as folder:
        to = Path(folder) / "maps.npz"
        options = {"subjects": [list(picture) for picture in pictures], "layer": layer, "to": str(to)}
        try:
            task = Task("feature-maps", "maps", run=str(run), fold=fold, options=options)
            executor.run([task], run / "logs", lambda event: None)
        finally:
            executor.close()
        return read_inside(to).feature_maps
