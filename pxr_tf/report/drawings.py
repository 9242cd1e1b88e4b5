"""Drawings of a run's models: the curves of all folds, and the model figures of each fold.

A task with TensorFlow writes the arrays to ``inside.npz``. This module draws them as PNGs and for TensorBoard.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from pxr_tf import files, rundir
from pxr_tf.explain.model_figures_file import Maps, ModelFigureData, read_model_figures
from pxr_tf.report.event_file import EventFile
from pxr_tf.report.figures import PNG, SYNTHETIC_NOTE, draw_curves, figure_files, write_figure
from pxr_tf.report.model_figures import draw_coefficients, draw_feature_maps, draw_filters
from pxr_tf.runs.directory import RunDirectory, read_history

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CURVES = "curves.png"
LONGEST_NAME = 180  # characters of an image id; a file name may have 255 bytes

Draw = Callable[[str, bool], "Figure"]  # (title, synthetic) -> figure


def expected_drawings(run: RunDirectory) -> list[Path]:
    """Return the drawings, as PNG, that a finished run should have, given the files of its folds."""
    curves = [run.folder / _CURVES] if run.histories() else []
    return curves + [fold / name for fold in _folds(run) for name in _figures(_read(fold, outline=True))]


def write_drawings(run: RunDirectory, title: str, synthetic: bool, formats: Sequence[str] = PNG) -> None:
    """Draw the figures that lack a file; `title` names the run."""
    histories = run.histories()
    if histories and _lacks(run.folder / _CURVES, formats):
        tables = {name: read_history(file) for name, file in histories.items()}
        write_figure(run.folder / _CURVES, draw_curves(tables, title, synthetic, run.losses()), formats)
    for fold in _folds(run):
        missing = [name for name in _figures(_read(fold, outline=True)) if _lacks(fold / name, formats)]
        if missing:
            figures = _figures(_read(fold))
            write_fold(run, fold, {name: figures[name] for name in missing}, title, synthetic, formats)


def _lacks(path: Path, formats: Sequence[str]) -> bool:
    return not all(file.exists() for file in figure_files(path, formats))


def write_feature_maps(
    run: RunDirectory,
    fold: Path,
    found: Mapping[str, Maps],
    title: str,
    synthetic: bool,
    layer: str | None = None,
    formats: Sequence[str] = PNG,
) -> list[Path]:
    """Draw the feature maps of pictures (name -> maps) into a fold's folder; return the files."""
    figures = {feature_maps_file(name, layer): partial(draw_feature_maps, name, maps) for name, maps in found.items()}
    write_fold(run, fold, figures, title, synthetic, formats)
    return [file for name in figures for file in figure_files(fold / name, formats)]


def write_fold(
    run: RunDirectory,
    fold: Path,
    figures: Mapping[str, Draw],
    title: str,
    synthetic: bool,
    formats: Sequence[str] = PNG,
) -> None:
    """Write figures (file name -> drawing function) into a fold's folder and its TensorBoard."""
    title = title if list(_folds(run)) == [fold] else f"{title}, {fold.name}"
    for name, draw in figures.items():
        write_figure(fold / name, draw(title, synthetic), formats)
    board = EventFile(fold)
    add_drawings(board, fold, synthetic, list(figures))
    board.close()


def add_drawings(board: EventFile, fold: Path, synthetic: bool, names: list[str] | None = None) -> None:
    """Add a fold's drawings to an event file: those in `names`, or all."""
    drawn = sorted(file.name for name in rundir.DRAWN for file in fold.glob(f"{name}.png"))
    names = drawn if names is None else names
    note = f" ({SYNTHETIC_NOTE.lower()})" if synthetic else ""
    for name in names:
        title = Path(name).stem.replace("feature_maps-", "feature maps of ") + note
        with Image.open(fold / name) as picture:
            board.add_picture(title, np.asarray(picture.convert("RGB")), 0)


def feature_maps_file(name: str, layer: str | None = None) -> str:
    """Return the file name of a picture's feature maps, in characters that every file system accepts."""
    words = f"{name}-{layer}" if layer else name
    safe = re.sub(r"[^a-zA-Z0-9_.+-]+", "_", words)
    return f"feature_maps-{safe if len(safe) <= LONGEST_NAME else f'{safe[:LONGEST_NAME]}-{files.digest(words)}'}.png"


def _figures(found: ModelFigureData) -> dict[str, Draw]:
    """Return file name -> drawing function, for everything found in a model."""
    figures: dict[str, Draw] = {}
    if found.filters is not None:
        figures["filters.png"] = partial(draw_filters, found.filters)
    if found.coefficients:
        figures["coefficients.png"] = partial(draw_coefficients, found.coefficients)
    for name, maps in found.feature_maps.items():
        figures[feature_maps_file(name)] = partial(draw_feature_maps, name, maps)
    return figures


def _read(fold: Path, outline: bool = False) -> ModelFigureData:
    return read_model_figures(fold / rundir.MODEL_FIGURES_FILE, outline=outline) or ModelFigureData(())


def _folds(run: RunDirectory) -> Iterator[Path]:
    return map(run.fold_folder, run.folds)
