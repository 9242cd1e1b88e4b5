"""What may be asked of ``pxr explain``, checked before anything is computed."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from pxr_tf import rundir
from pxr_tf.config import Experiment, load_experiment
from pxr_tf.config.model import Linear, Scratch
from pxr_tf.errors import PxrError, nearest, shorten, shown
from pxr_tf.experiments.lungs import with_atlas
from pxr_tf.experiments.subjects import check_finished
from pxr_tf.explain.method_table import METHODS, find_method
from pxr_tf.models.networks import find_network

if TYPE_CHECKING:
    from pxr_tf.experiments.explain_run import Asked

# One that shows a region, one that shows pixels and their signs, one whose values add up to the logit's difference.
# Together 100 pictures of 224 pixels take mobilenet_025 about a minute on two cores; Grad-CAM alone takes a second.
DEFAULT = ("grad_cam", "guided_grad_cam", "integrated_gradients")
WITHOUT_LAYERS = ("saliency", "smooth_grad", "integrated_gradients")  # of a network without feature maps
TARGETS = ("predicted", "true")


def open_explained(run: Path, atlas: str | None, masks: str | None) -> Experiment:
    """Return the experiment of a finished run; the atlas that its crop finds lungs by may have moved."""
    check_finished(run)
    try:
        experiment = load_experiment(run / rundir.EXPERIMENT)
    except PxrError as error:
        raise PxrError(f"RUN {str(run)!r} is of another version of pxr, or was edited: {error}") from error
    if atlas is not None and masks is not None:
        raise PxrError(f"Received --atlas {atlas} and --masks {masks}; accepted: one of the two.")
    crops_by_atlas = experiment.image.crop != "none" and experiment.image.masks is None
    return with_atlas(experiment, atlas) if crops_by_atlas else experiment


def check_idle_options(asked: "Asked", experiment: Experiment) -> None:
    """Raise `PxrError` for an option that would do nothing beside the others."""
    crops_by_atlas = experiment.image.crop != "none" and experiment.image.masks is None
    of_checks = {"check-pictures": asked.check_pictures, "masks": asked.masks}
    of_checks |= {} if crops_by_atlas else {"atlas": asked.atlas}
    idle = [name for name, value in of_checks.items() if value is not None and not asked.checks]
    if idle:
        raise PxrError(f"--{idle[0]} is for the checks, which --no-checks leaves out. Leave one of the two out.")
    if asked.number is not None and asked.images:
        raise PxrError(
            f"--number received {asked.number}, but the images are named; it is for a gallery without. Leave it out."
        )


def choose_methods(asked: Sequence[str], layer: str | None, experiment: Experiment) -> tuple[str, ...]:
    """Return the methods, each once; raise `PxrError` for one that is unknown, or that this network cannot offer."""
    has_maps = has_feature_maps(experiment)
    methods = tuple(dict.fromkeys(asked)) or (DEFAULT if has_maps else WITHOUT_LAYERS)
    needy = [name for name in methods if find_method(name).needs_layer]
    if needy and not has_maps:
        offered = ", ".join(name for name, method in METHODS.items() if not method.needs_layer)
        linear = isinstance(experiment.model, Linear)
        coefficients = "; --set show=[coefficients] on the command that trained it draws its coefficient images"
        raise PxrError(
            f"--methods received {needy[0]}, but the model {experiment.model.name} has no feature maps. Accepted for "
            f"it: {offered}{coefficients if linear else ''}."
        )
    if layer is not None and not needy:
        raise PxrError(f"--layer received {layer!r}, but {', '.join(methods)} looks at no layer. Leave it out.")
    return methods


def has_feature_maps(experiment: Experiment) -> bool:
    """Return whether some layer of the network has a height and a width."""
    if isinstance(experiment.model, Scratch):
        return "kernel_sizes" in find_network(experiment.model.network).sizes
    return not isinstance(experiment.model, Linear)


def check_target(target: str, classes: Sequence[str], table: pd.DataFrame) -> None:
    """Raise `PxrError` for a class that the model does not know, and for true labels that nobody knows."""
    known = (*TARGETS, *classes)
    if target not in known:
        raise PxrError(
            f"--class received {shown(target)}, which the model does not know. Accepted: {', '.join(known)}."
            f"{nearest(target, known)}"
        )
    if target == "true":
        lacking = table.image_id[~table.label.isin(classes)]
        if len(lacking):
            raise PxrError(
                f"--class received 'true', but {len(lacking)} of {len(table)} pictures have no true label that the "
                f"model knows ({shorten(lacking, 3)}). Accepted: predicted, {', '.join(classes)}."
            )
