"""Looking into trained models: load them, and write what was found where the process that draws it can read it."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pxr_tf import rundir
from pxr_tf.config import Experiment, load_experiment
from pxr_tf.errors import PxrError
from pxr_tf.events import OnEvent, tell_note, tell_progress
from pxr_tf.explain.model_figures import make_maps, make_model_figures
from pxr_tf.explain.model_figures_file import ModelFigureData, write_model_figures
from pxr_tf.models.model_file import load_classifier
from pxr_tf.pictures.decode import UnreadableImageError
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.runs.crop import make_loader, with_atlas
from pxr_tf.runs.picture_choice import Subject
from pxr_tf.tasks import Task
from pxr_tf.training.device import set_up
from pxr_tf.training.learners import KEEP_MODELS

MOST_OF_ONE = 64  # feature maps of a layer that is shown alone


def look_into_run(task: Task, emit: OnEvent) -> None:
    """Write ``inside.npz`` for each fold that ``subjects`` names (fold's folder -> pictures).

    Raises `PxrError` for a model file that is damaged, or is missing though the learner keeps one.
    """
    set_up(False, "float32")
    experiment = load_experiment(Path(task.run) / rundir.EXPERIMENT)
    keeps = experiment.model.kind in KEEP_MODELS
    folds = task.options["subjects"]
    for number, (fold, subjects) in enumerate(folds.items()):
        tell_progress(emit, "looking into the models", number, len(folds))
        folder, shown = Path(task.run) / fold, task.options["shown"]
        if keeps or (folder / rundir.MODEL).exists():
            model, card = load_classifier(folder / rundir.MODEL)
            pictures = read_pictures(subjects, card, experiment, Path(task.cache), emit)
            figures = make_model_figures(model, card["classes"], pictures, shown)
        else:  # of a learner that keeps none
            tell_note(emit, f"{folder} has no {rundir.MODEL}, so nothing of it is shown.")
            figures = ModelFigureData(tuple(shown))
        write_model_figures(folder / rundir.MODEL_FIGURES, figures)
        tell_progress(emit, "looking into the models", number + 1, len(folds))


def make_feature_maps(task: Task, emit: OnEvent) -> None:
    """Write the feature maps of ``subjects`` to the file ``to``; ``layer`` shows one layer alone. Raises `PxrError`."""
    set_up(False, "float32")
    model, card = load_classifier(rundir.model_file(Path(task.run), task.fold))
    experiment = with_atlas(load_experiment(Path(task.run) / rundir.EXPERIMENT), task.options["atlas"])
    pictures = read_pictures(task.options["subjects"], card, experiment, Path(task.cache), emit)
    layer = task.options["layer"]
    options = {"layers": [layer], "most": MOST_OF_ONE} if layer else {}
    maps = {name: make_maps(model, picture, **options) for name, picture in pictures.items()}
    write_model_figures(Path(task.options["to"]), ModelFigureData(("feature_maps",), feature_maps=maps))


def read_pictures(
    subjects: Sequence[Sequence[str]], card: Mapping[str, Any], experiment: Experiment, cache: Path, emit: OnEvent
) -> dict[str, np.ndarray]:
    """Return name -> uint8 [size, size] of each (name, path), prepared as the model's card says; raise `PxrError`.

    The experiment says where the atlas or the masks are that crop them.
    """
    chosen = [Subject(*subject) for subject in subjects]
    load = make_loader(
        Preparation.described(card["image"]),
        experiment.image,
        [subject.path for subject in chosen],
        cache,
        partial(tell_note, emit),
    )
    pictures = {}
    for subject in chosen:
        try:
            pictures[subject.name] = load(subject.path)
        except UnreadableImageError as error:
            raise PxrError(
                f"The picture {subject.path} cannot be read: {error}. Accepted: a JPEG or PNG, grey or in colour."
            ) from error
    return pictures
