"""Networks with their initial weights, built once per process."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from pxr_tf.errors import PxrError
from pxr_tf.models.architecture import Architecture, SavedModel
from pxr_tf.models.backbones import Backbone, find_backbone
from pxr_tf.models.classifier import begin_network, build_classifier, build_on_features
from pxr_tf.models.model_file import load_classifier
from pxr_tf.models.networks import PaperNetwork, find_network
from pxr_tf.models.scratch import build_scratch
from pxr_tf.training.checkpoint import assign_variables, read_variables
from pxr_tf.vocabulary.model import NetworkModel, OnFeatures, Scratch, Transfer


def initial_network(architecture: Architecture, *, num_classes: int, image_size: int, seed: int) -> keras.Model:
    """Return the classifier with its initial weights; raise `PxrError` if those do not fit.

    The last network of this process is reused, with its variables reset: MobileNet takes 0.7 s to build, a fold's
    head 2.3 s to train.
    """
    made_of = {"num_classes": num_classes, "image_size": image_size, "seed": seed}
    policy = keras.config.dtype_policy().name
    return _last_built.give(
        (_builder(architecture.model), architecture, policy, made_of),
        lambda: build_architecture(architecture, **made_of),
    )


def build_architecture(architecture: Architecture, **made_of: int) -> keras.Model:
    """Return a network with initial weights (``num_classes, image_size, seed``); `OnFeatures` needs a single fold."""
    model = architecture.model
    if isinstance(model, OnFeatures):
        (stage_one,) = architecture.stage_one.values()
        return _build_on_features(model, stage_one, **made_of)
    if isinstance(model, Scratch):
        return build_scratch(model.network, output=model.output, sizes=model.sizes, **made_of)
    return build_classifier(
        find_backbone(model.backbone),
        weights=model.weights,
        head=model.head,
        batchnorm_momentum=model.batchnorm_momentum,
        **made_of,
    )


def _build_on_features(
    head: OnFeatures, stage_one: SavedModel, *, num_classes: int, image_size: int, seed: int
) -> keras.Model:
    begin_network(seed)
    model, card = load_classifier(Path(stage_one.path))
    if card["image"]["size"] != image_size:  # the run was prepared for another model
        raise PxrError(
            f"{stage_one.path} takes images of {card['image']['size']} pixels; received {image_size} (image.size)."
        )
    return build_on_features(model, num_classes=num_classes, head=head, seed=seed)


def _builder(model: NetworkModel) -> Backbone | PaperNetwork | None:
    """Return the model's table entry, if any: a notebook may replace the entry of a name."""
    if isinstance(model, Scratch):
        return find_network(model.network)
    return find_backbone(model.backbone) if isinstance(model, Transfer) else None


class _LastBuilt:
    """Keeps the last network of this process with its initial values."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._model: keras.Model | None = None
        self._values: list[np.ndarray] = []

    def give(self, key: tuple[object, ...], build: Callable[[], keras.Model]) -> keras.Model:
        """Return the network of this key with its initial values."""
        if self._model is None or key != self._key:
            self._model = None  # two large networks may not fit into memory
            self._key, self._model = key, build()
            self._values = read_variables(self._model.variables)
        else:
            assign_variables(self._model.variables, self._values)
        return self._model


_last_built = _LastBuilt()
