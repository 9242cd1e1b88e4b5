"""Look into trained models: load them, and write their figures as data for the process that draws them."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pxr_tf import rundir
from pxr_tf.config import Experiment
from pxr_tf.errors import PxrError
from pxr_tf.events import OnEvent, emit_note, emit_progress
from pxr_tf.experiments.plan import FeatureMaps, ModelFigures
from pxr_tf.explain.model_figures import make_maps, make_model_figures
from pxr_tf.explain.model_figures_file import ModelFigureData, write_model_figures
from pxr_tf.models.model_file import load_classifier
from pxr_tf.pictures.decode import UnreadableImageError
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.runs.crop import make_loader, with_atlas
from pxr_tf.runs.directory import RunDirectory
from pxr_tf.runs.picture_choice import PictureChoice
from pxr_tf.tasks import Task
from pxr_tf.training.device import set_up
from pxr_tf.training.learners import KEEP_MODELS

MOST_OF_ONE = 64  # feature maps of a layer that is shown alone


def look_into_run(task: Task, options: ModelFigures, emit: OnEvent) -> None:
    """Write ``inside.npz`` of each fold; raise `PxrError` if a model is damaged, or missing though it is kept."""
    set_up(False, "float32")
    run = RunDirectory(Path(task.run), Path(task.cache))
    keeps = run.recipe.model.kind in KEEP_MODELS
    for number, (fold, chosen) in enumerate(options.pictures.items()):
        emit_progress(emit, "looking into the models", number, len(options.pictures))
        folder = run.folder / fold
        if keeps or (folder / rundir.MODEL).exists():
            model, card = load_classifier(folder / rundir.MODEL)
            pictures = read_pictures(chosen, card, run.recipe, run.cache, emit)
            figures = make_model_figures(model, card["classes"], pictures, options.shown)
        else:  # the learner keeps no model
            emit_note(emit, f"No model figures were made, as {rundir.MODEL} is missing in:\n{folder}")
            figures = ModelFigureData(options.shown)
        write_model_figures(folder / rundir.MODEL_FIGURES_FILE, figures)
        emit_progress(emit, "looking into the models", number + 1, len(options.pictures))


def make_feature_maps(task: Task, options: FeatureMaps, emit: OnEvent) -> None:
    """Write the feature maps of pictures from one fold's model to a file; raise `PxrError`."""
    set_up(False, "float32")
    run = RunDirectory(Path(task.run), Path(task.cache))
    model, card = run.load_model(task.fold)
    pictures = read_pictures(options.pictures, card, with_atlas(run.recipe, options.atlas), run.cache, emit)
    shown = {"layers": [options.layer], "most": MOST_OF_ONE} if options.layer else {}
    maps = {name: make_maps(model, picture, **shown) for name, picture in pictures.items()}
    write_model_figures(options.to, ModelFigureData(("feature_maps",), feature_maps=maps))


def read_pictures(
    chosen: Sequence[PictureChoice], card: Mapping[str, Any], experiment: Experiment, cache: Path, emit: OnEvent
) -> dict[str, np.ndarray]:
    """Return name -> uint8 [size, size], prepared as in the card, cropped as in the experiment; raise `PxrError`."""
    load = make_loader(
        Preparation.described(card["image"]),
        experiment.image,
        [one.path for one in chosen],
        cache,
        partial(emit_note, emit),
    )
    pictures = {}
    for one in chosen:
        try:
            pictures[one.name] = load(one.path)
        except UnreadableImageError as error:
            raise PxrError(
                f"The picture {one.path} cannot be read: {error}. Accepted: a JPEG, PNG or DICOM."
            ) from error
    return pictures
