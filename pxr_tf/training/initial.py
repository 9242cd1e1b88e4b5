"""Networks with their initial weights, built once per process."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pxr_tf.errors import PxrError
from pxr_tf.models.architecture import OnFeatures, Scratch, Transfer
from pxr_tf.models.backbones import Backbone, find_backbone
from pxr_tf.models.classifier import begin_network, build_classifier, build_on_features
from pxr_tf.models.model_file import load_classifier
from pxr_tf.models.networks import Network as SmallNetwork
from pxr_tf.models.networks import find_network
from pxr_tf.models.scratch import build_scratch
from pxr_tf.training.checkpoint import assign_variables, read_variables
from pxr_tf.training.settings import Architecture


def initial_network(architecture: Architecture, *, num_classes: int, image_size: int, seed: int) -> keras.Model:
    """Return the classifier with its initial weights; raise `PxrError` where those do not fit.

    The last one that this process built is used again, its variables set back: MobileNet takes 0.7 s to build, a fold's
    head 2.3 s to train.
    """
    made_of = {"num_classes": num_classes, "image_size": image_size, "seed": seed}
    policy = keras.config.dtype_policy().name
    return _last_built.give(
        (_builder(architecture), architecture, policy, made_of),
        lambda: build_architecture(architecture, **made_of),
    )


def build_architecture(architecture: Architecture, **made_of: int) -> keras.Model:
    """Return a network with its initial weights; `made_of` is ``num_classes, image_size, seed``.

    One on another run's features is that of a single fold (`OnFeatures.of_fold`).
    """
    if isinstance(architecture, OnFeatures):
        return _build_on_features(architecture, **made_of)
    if isinstance(architecture, Scratch):
        return build_scratch(architecture.network, output=architecture.output, sizes=architecture.sizes, **made_of)
    return build_classifier(
        find_backbone(architecture.backbone),
        weights=architecture.weights,
        head=architecture.head,
        batchnorm_momentum=architecture.batchnorm_momentum,
        **made_of,
    )


def _build_on_features(architecture: OnFeatures, *, num_classes: int, image_size: int, seed: int) -> keras.Model:
    (saved,) = architecture.models.values()
    begin_network(seed)
    model, card = load_classifier(Path(saved.path))
    if card["image"]["size"] != image_size:  # the run was prepared for another model
        raise PxrError(
            f"{saved.path} takes images of {card['image']['size']} pixels; received {image_size} (image.size)."
        )
    return build_on_features(model, num_classes=num_classes, head=architecture.head, seed=seed)


def _builder(architecture: Architecture) -> Backbone | SmallNetwork | None:
    """Return what stands in the table, if it is from one: in a notebook that may change under its name."""
    if isinstance(architecture, Scratch):
        return find_network(architecture.network)
    return find_backbone(architecture.backbone) if isinstance(architecture, Transfer) else None


class _LastBuilt:
    """Keeps the last network of this process with its initial values."""

    def __init__(self) -> None:
        self._key: tuple[Any, ...] = ()
        self._model: keras.Model | None = None
        self._values: list[np.ndarray] = []

    def give(self, key: tuple[Any, ...], build: Callable[[], keras.Model]) -> keras.Model:
        """Return the network of this key, as it was built."""
        if self._model is None or key != self._key:
            self._model = None  # two large ones side by side could be too much
            self._key, self._model = key, build()
            self._values = read_variables(self._model.variables)
        else:
            assign_variables(self._model.variables, self._values)
        return self._model


_last_built = _LastBuilt()
