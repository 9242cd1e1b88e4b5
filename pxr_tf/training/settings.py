"""What learners are told, as plain frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass

from pxr_tf.models.architecture import Architecture
from pxr_tf.vocabulary.model import Linear, Scratch
from pxr_tf.vocabulary.training import ClassWeights, Phase, Training

STEPS_AT_ONCE = 16  # steps at most that a small network does in one execution; a sign of life comes between two of them


@dataclass(frozen=True)
class NetworkSettings:
    """What the learners that train a network are told: what it is made of, and how its phases train it."""

    architecture: Architecture
    phases: tuple[Phase, ...]  # each with its learning rate
    training: Training
    threads: int | None  # what `training.threads` came to when the run began; None: one per processor
    card: Mapping[str, str]  # what travels in the model file, beside what the network itself knows

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
        return not self.trains_backbone and not self.training.mirror_predictions

    def steps_at_once(self, phase: Phase, steps: int) -> int:
        """Return how many of an epoch's `steps` a phase does in one execution; it divides them.

        A head on features: all of them, for a step costs less than its call. A network of a paper's own is small, too;
        with a whole backbone the call costs nothing that could be measured.
        """
        if phase.train == "head":
            return steps
        if not isinstance(self.architecture.model, Scratch):
            return 1
        return max(number for number in range(1, STEPS_AT_ONCE + 1) if steps % number == 0)


@dataclass(frozen=True)
class LinearSettings:
    """What the learner ``linear`` is told."""

    model: Linear
    class_weights: ClassWeights
    threads: int | None
    card: Mapping[str, str]
