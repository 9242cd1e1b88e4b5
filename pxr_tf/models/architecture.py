"""A network to build: the recipe's model, and its initial weights or stage one. Importing this loads no Keras."""

from collections.abc import Mapping
from typing import NamedTuple

from pxr_tf.vocabulary.model import NetworkModel, OnFeatures


class SavedModel(NamedTuple):
    """A model file of another run."""

    path: str
    digest: str  # of the file


class Architecture(NamedTuple):
    """A model with its initial weights, or with the networks of stage one whose features it uses."""

    model: NetworkModel
    weights_identity: str = ""  # names the initial weights in the cache: random-<seed>, or a file's digest
    stage_one: Mapping[str, SavedModel] = {}  # fold -> stage one's model of that fold; for `OnFeatures` only

    def of_fold(self, fold: str) -> "Architecture":
        """Return the architecture with stage one's model of this fold only; without stage one, return it unchanged."""
        return self._replace(stage_one={fold: self.stage_one[fold]}) if isinstance(self.model, OnFeatures) else self

    def features_from(self, fold: str) -> dict[str, str]:
        """Return what identifies a frozen phase's features: backbone and weights, or stage one's model of this fold."""
        if isinstance(self.model, OnFeatures):
            return {"model": self.stage_one[fold].digest}
        return {"backbone": self.model.name, "weights": self.weights_identity}
