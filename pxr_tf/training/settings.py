"""The settings of learners, as plain frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass

from pxr_tf.models.architecture import Architecture
from pxr_tf.vocabulary.model import Linear, Scratch
from pxr_tf.vocabulary.training import ClassWeights, Phase, Training

STEPS_AT_ONCE = 16  # most steps of a small network per execution; progress is reported between executions


@dataclass(frozen=True)
class NetworkSettings:
    """The settings of learners that train a network: its architecture, and how its phases train it."""

    architecture: Architecture
    phases: tuple[Phase, ...]  # each with its learning rate
    training: Training
    threads: int | None  # `training.threads` as resolved when the run began; None: one per processor
    card: Mapping[str, str]  # what the model file records besides facts of the network itself

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
        """Whether BatchNorm uses batch statistics in some phase."""
        return any(phase.batchnorm == "update" for phase in self.phases)

    @property
    def predicts_from_features(self) -> bool:
        """Whether cached features suffice: no phase trains the backbone, and mirror images are not predicted."""
        return not self.trains_backbone and not self.training.mirror_predictions

    def steps_at_once(self, phase: Phase, steps: int) -> int:
        """Return how many of an epoch's `steps` a phase does per execution; the number divides `steps`.

        A head on features does all at once, because a step costs less than its call. A paper's own network is small,
        too. With a whole backbone, the cost of the call is not measurable.
        """
        if phase.train == "head":
            return steps
        if not isinstance(self.architecture.model, Scratch):
            return 1
        return max(number for number in range(1, STEPS_AT_ONCE + 1) if steps % number == 0)


@dataclass(frozen=True)
class LinearSettings:
    """The settings of the learner ``linear``."""

    model: Linear
    class_weights: ClassWeights
    threads: int | None
    card: Mapping[str, str]
