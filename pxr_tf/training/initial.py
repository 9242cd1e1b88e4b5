"""Networks with their initial weights, built once per process."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from pxr_tf.models.architecture import Scratch, Transfer
from pxr_tf.models.backbones import Backbone, find_backbone
from pxr_tf.models.classifier import build_classifier
from pxr_tf.models.networks import Network as SmallNetwork
from pxr_tf.models.networks import find_network
from pxr_tf.models.scratch import build_scratch
from pxr_tf.training.checkpoint import assign_variables, read_variables
from pxr_tf.training.settings import Network


def initial_network(settings: Network, *, num_classes: int, image_size: int, seed: int) -> keras.Model:
    """Return the classifier with its initial weights; raise `PxrError` where those do not fit.

    The last one that this process built is used again, its variables set back: MobileNet takes 0.7 s to build, a fold's
    head 2.3 s to train.
    """
    made_of = {"num_classes": num_classes, "image_size": image_size, "seed": seed}
    policy = keras.config.dtype_policy().name
    return _last_built.give(
        (_builder(settings.architecture), settings.architecture, policy, made_of),
        lambda: build_architecture(settings.architecture, **made_of),
    )


def build_architecture(architecture: Transfer | Scratch, **made_of: int) -> keras.Model:
    """Return a network with its initial weights; `made_of` is ``num_classes, image_size, seed``."""
    if isinstance(architecture, Scratch):
        return build_scratch(architecture.network, output=architecture.output, sizes=architecture.sizes, **made_of)
    return build_classifier(
        find_backbone(architecture.backbone),
        weights=architecture.weights,
        head=architecture.head,
        batchnorm_momentum=architecture.batchnorm_momentum,
        **made_of,
    )


def _builder(architecture: Transfer | Scratch) -> Backbone | SmallNetwork:
    """Return what stands in the table: in a notebook it may change under its name."""
    scratch = isinstance(architecture, Scratch)
    return find_network(architecture.network) if scratch else find_backbone(architecture.backbone)


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
