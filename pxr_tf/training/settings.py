"""What the learner ``transfer`` is told, as plain frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pxr_tf.config.schema import Phase
from pxr_tf.models.head import Head


@dataclass(frozen=True)
class Network:
    """A backbone with a head, and how its phases train it."""

    backbone: str
    weights: str  # imagenet, none, or a file
    weights_identity: str  # names the initial weights in the cache: random-<seed>, or a file's digest
    head: Head
    batchnorm_momentum: float | None
    phases: tuple[Phase, ...]
    batch_size: int
    class_weights: Literal["balanced"] | Mapping[str, float] | None
    xla: bool | Literal["auto"]
    precision: str  # auto, or a Keras dtype policy
    threads: int | None  # that share one operation; None: one per processor
    mirror_predictions: bool
    card: Mapping[str, Any]  # what travels in the model file, beside what the network itself knows

    @property
    def freezes(self) -> bool:
        """Whether some phase trains the head on cached features."""
        return any(phase.train == "head" for phase in self.phases)

    @property
    def trains_backbone(self) -> bool:
        """Whether some phase trains all layers."""
        return any(phase.train == "all" for phase in self.phases)

    @property
    def predicts_from_features(self) -> bool:
        """Whether cached features tell all: no phase trains the backbone, and no mirror images are predicted."""
        return not self.trains_backbone and not self.mirror_predictions
