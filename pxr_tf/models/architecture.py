"""What a network is made of, as plain values. Importing this room loads no Keras."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Output = Literal["softmax", "sigmoid"]  # sigmoid: of two classes, the second one's probability


class Head(NamedTuple):
    """Dropout, fully connected layers, and the output."""

    hidden_units: tuple[int, ...] = (256,)  # of the fully connected layers before the output
    dropout: float = 0.0  # before the first of them
    output: Output = "softmax"
    activation: str = "relu"  # of the fully connected layers before the output
    dropout_after: tuple[float, ...] = ()  # after each of these; empty: none


class Transfer(NamedTuple):
    """A backbone with a head: `classifier.build_classifier` builds it."""

    backbone: str
    weights: str = "none"  # imagenet, none, or a file
    weights_identity: str = ""  # names the initial weights in the cache: random-<seed>, or a file's digest
    head: Head = Head()
    batchnorm_momentum: float | None = None  # None: as the architecture has it
    kind = "transfer"

    def features_from(self, fold: str) -> dict[str, str]:
        """Return what names the features that a frozen phase of this fold learns from; they are one for all folds."""
        return {"backbone": self.backbone, "weights": self.weights_identity}

    @property
    def name(self) -> str:
        """What tables call it."""
        return self.backbone

    @property
    def output(self) -> Output:
        """What its last layer computes."""
        return self.head.output


class Scratch(NamedTuple):
    """A paper's own network with random weights: `scratch.build_scratch` builds it."""

    network: str
    output: Output = "softmax"
    sizes: Mapping[str, Any] = {}  # those that differ from the network's own (`networks.NETWORKS`)
    kind = "scratch"

    @property
    def name(self) -> str:
        """What tables call it."""
        return self.network


class SavedModel(NamedTuple):
    """A model file that another run has left."""

    path: str
    digest: str  # of the file


class OnFeatures(NamedTuple):
    """Another run's network up to its pooled features, with a new head: `classifier.build_on_features` builds it."""

    name: str  # what tables call it
    models: Mapping[str, SavedModel]  # fold -> the model of the other run's fold
    head: Head = Head()
    kind = "on_features"

    def of_fold(self, fold: str) -> "OnFeatures":
        """Return the same with the model of this fold alone: a network is built from one."""
        return self._replace(models={fold: self.models[fold]})

    def features_from(self, fold: str) -> dict[str, str]:
        """Return what names the features that a frozen phase of this fold learns from: those of this fold's model."""
        return {"model": self.models[fold].digest}

    @property
    def output(self) -> Output:
        """What its last layer computes."""
        return self.head.output
