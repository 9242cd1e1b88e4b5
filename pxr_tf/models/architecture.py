"""A network to be built: what a recipe's model says of it, and what was found for it. Importing this loads no Keras."""

from collections.abc import Mapping
from typing import NamedTuple

from pxr_tf.vocabulary.model import NetworkModel, OnFeatures


class SavedModel(NamedTuple):
    """A model file that another run has left."""

    path: str
    digest: str  # of the file


class Architecture(NamedTuple):
    """A model, and what this machine has of it: initial weights, or the networks whose features it is on."""

    model: NetworkModel
    weights_identity: str = ""  # names the initial weights in the cache: random-<seed>, or a file's digest
    stage_one: Mapping[str, SavedModel] = {}  # fold -> the model of the other run's fold, for one on features

    def of_fold(self, fold: str) -> "Architecture":
        """Return the same with stage one's model of this fold alone: a network is built from one."""
        return self._replace(stage_one={fold: self.stage_one[fold]}) if isinstance(self.model, OnFeatures) else self

    def features_from(self, fold: str) -> dict[str, str]:
        """Return what names the features of a frozen phase: a backbone's for all folds, or stage one's of this fold."""
        if isinstance(self.model, OnFeatures):
            return {"model": self.stage_one[fold].digest}
        return {"backbone": self.model.name, "weights": self.weights_identity}
