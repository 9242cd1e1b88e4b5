"""Check the options of ``pxr explain`` before anything is computed."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

import pandas as pd

from pxr_tf.config import Experiment
from pxr_tf.errors import PxrError, count_words, nearest, shorten, shown
from pxr_tf.explain.layer_names import LayerPlaces, choose_layer
from pxr_tf.explain.method_table import METHODS, find_method
from pxr_tf.galleries import state
from pxr_tf.galleries.request import GalleryRequest
from pxr_tf.models.networks import find_network
from pxr_tf.models.saved_layers import CONVOLUTIONS, SavedLayer, has_rectifier
from pxr_tf.runs.crop import crops_by_atlas
from pxr_tf.runs.directory import is_run
from pxr_tf.vocabulary.model import Linear, Scratch

# One method shows a region, one shows pixels with signs, and the values of one add up to the logit's difference.
# For 100 pictures of 224 pixels, mobilenet_025 takes about a minute on two cores; Grad-CAM alone takes a second.
DEFAULT = ("grad_cam", "guided_grad_cam", "integrated_gradients")
WITHOUT_LAYERS = ("saliency", "smooth_grad", "integrated_gradients")  # for networks without feature maps
PREDICTED, TRUE = "predicted", "true"  # which class is explained, unless it is named
TARGETS = (PREDICTED, TRUE)


def check_idle_options(asked: GalleryRequest) -> None:
    """Raise `PxrError` for an option that has no effect with the others."""
    may_have_moved = crops_by_atlas(asked.run.recipe.image)  # then --atlas may say where the run's atlas is now
    if asked.atlas is not None and asked.masks is not None and not may_have_moved:
        raise PxrError(f"Received --atlas {asked.atlas} and --masks {asked.masks}; accepted: one of the two.")
    of_checks = {"check-pictures": asked.check_pictures, "masks": asked.masks}
    of_checks |= {} if may_have_moved else {"atlas": asked.atlas}
    idle = [name for name, value in of_checks.items() if value is not None and not asked.checks]
    if idle:
        raise PxrError(f"--{idle[0]} is only for the checks, which --no-checks skips. Omit one of the two.")
    if asked.number is not None and asked.images:
        raise PxrError(
            f"--number received {asked.number}, but images are named, and it applies only without them. Omit it."
        )


def check_folder(folder: Path) -> None:
    """Raise `PxrError` if no gallery can be written here, or if it would mix with somebody's own files."""
    place = Path(os.path.abspath(folder))
    there = next(path for path in (place, *place.parents) if path.exists())
    fault = ""
    if not place.name:
        fault = "which is the root of the disk"
    elif not there.is_dir():
        fault = f"but {there} is a file"
    elif not os.access(there, os.W_OK):
        fault = "which is not writable"
    elif is_run(place):
        fault = "which is a run directory"
    elif (place / "index.html").exists() and not (place / state.ABOUT).exists():
        fault = "whose index.html is not from a gallery"
    if fault:
        raise PxrError(f"--out received {str(folder)!r}, {fault}. Accepted: a new folder, or the folder of a gallery.")


class Chosen(NamedTuple):
    """The chosen methods, each once, and notes on the choice."""

    methods: tuple[str, ...]
    notes: tuple[str, ...] = ()


def choose_methods(
    asked: Sequence[str], layer: str | None, experiment: Experiment, layers: Sequence[SavedLayer]
) -> Chosen:
    """Return the methods; raise `PxrError` if one is unknown or does not suit `layers` (empty: unreadable)."""
    has_maps = has_feature_maps(experiment)
    lacks_rectifier = bool(layers) and not has_rectifier(layers)
    methods = tuple(dict.fromkeys(asked)) or (DEFAULT if has_maps else WITHOUT_LAYERS)
    guided = [name for name in methods if find_method(name).needs_rectifier and lacks_rectifier]
    needy = [name for name in methods if METHODS[name].needs_layer]
    if needy and not has_maps:
        _refuse_without_maps(needy[0], experiment)
    if guided and asked:
        offered = ", ".join(name for name, method in METHODS.items() if not method.needs_rectifier)
        raise PxrError(
            f"--methods received {guided[0]}, which needs a rectifier (ReLU, ReLU6, LeakyReLU or ALReLU), but "
            f"{experiment.model.name} has none below its head. Accepted for this model: {offered}."
        )
    if layer is not None and not needy:
        raise PxrError(f"--layer received {layer!r}, but no method ({', '.join(methods)}) uses a layer. Omit it.")
    if layer is not None and layers:
        places = [LayerPlaces(one.name, one.places, one.kind in CONVOLUTIONS) for one in layers]
        choose_layer(experiment.model.name, places, layer)
    notes = tuple(
        f"{experiment.model.name} has no rectifier (such as ReLU) below its head, so {name} is left out."
        for name in guided
    )
    return Chosen(tuple(name for name in methods if name not in guided), notes)


def _refuse_without_maps(method: str, experiment: Experiment) -> NoReturn:
    offered = ", ".join(name for name, method in METHODS.items() if not method.needs_layer)
    linear = isinstance(experiment.model, Linear)
    coefficients = "; to draw its coefficient images, add --set show=[coefficients] to its training command"
    raise PxrError(
        f"--methods received {method}, but the model {experiment.model.name} has no feature maps. Accepted for "
        f"this model: {offered}{coefficients if linear else ''}."
    )


def has_feature_maps(experiment: Experiment) -> bool:
    """Return whether some layer of the network has a height and a width."""
    if isinstance(experiment.model, Scratch):
        return "kernel_sizes" in find_network(experiment.model.network).sizes
    return not isinstance(experiment.model, Linear)


def check_target(target: str, classes: Sequence[str], table: pd.DataFrame) -> None:
    """Raise `PxrError` for a class that the model does not know, or if true labels are asked for but unknown."""
    known = (*TARGETS, *classes)
    if target not in known:
        raise PxrError(
            f"--class received {shown(target)}, which the model does not know. Accepted: {', '.join(known)}."
            f"{nearest(target, known)}"
        )
    if target == TRUE:
        lacking = table.image_id[~table.label.isin(classes)]
        if len(lacking):
            raise PxrError(
                f"--class received {TRUE!r}, but the model knows no true label for {len(lacking)} of "
                f"{count_words(len(table), 'picture')} ({shorten(lacking, 3)}). Accepted: {PREDICTED}, "
                f"{', '.join(classes)}."
            )
