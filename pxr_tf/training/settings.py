"""What learners are told, as plain frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pxr_tf.config.schema import Phase
from pxr_tf.models.architecture import OnFeatures, Scratch, Transfer

Architecture = Transfer | Scratch | OnFeatures
ClassWeights = Literal["balanced"] | Mapping[str, float] | None
AT_ONCE = 16  # steps at most that a small network does in one execution; a sign of life comes between two of them


@dataclass(frozen=True)
class Network:
    """What the learners that train a network are told: what it is made of, and how its phases train it."""

    architecture: Architecture
    phases: tuple[Phase, ...]  # each with its learning rate
    batch_size: int
    class_weights: ClassWeights
    xla: bool | Literal["auto"]
    precision: str  # auto, or a Keras dtype policy
    threads: int | None  # that share one operation; None: one per processor
    batchnorm_statistics: Literal["moving", "measured"]  # measured: anew, after the last phase
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
    def trains_batchnorm(self) -> bool:
        """Whether BatchNorm normalises by the statistics of batches in some phase."""
        return any(phase.batchnorm == "update" for phase in self.phases)

    @property
    def predicts_from_features(self) -> bool:
        """Whether cached features tell all: no phase trains the backbone, and no mirror images are predicted."""
        return not self.trains_backbone and not self.mirror_predictions

    def steps_at_once(self, phase: Phase, steps: int) -> int:
        """Return how many of an epoch's `steps` a phase does in one execution; it divides them.

        A head on features: all of them, for a step costs less than its call. A network of a paper's own is small, too;
        with a whole backbone the call costs nothing that could be measured.
        """
        if phase.train == "head":
            return steps
        if not isinstance(self.architecture, Scratch):
            return 1
        return max(number for number in range(1, AT_ONCE + 1) if steps % number == 0)


@dataclass(frozen=True)
class Linear:
    """What the learner ``linear`` is told."""

    l2: float
    solver: str
    max_iterations: int
    tolerance: float
    class_weights: ClassWeights
    threads: int | None
    card: Mapping[str, Any]
