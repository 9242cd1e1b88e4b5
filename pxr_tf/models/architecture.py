"""What a network is made of, as plain values. Importing this room loads no Keras."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Output = Literal["softmax", "sigmoid"]  # sigmoid: of two classes, the second one's probability


class Head(NamedTuple):
    """Dropout, fully connected layers, and the output."""

    hidden_units: tuple[int, ...] = (256,)  # of the fully connected layers before the output
    dropout: float = 0.0  # before the first of them
    output: Output = "softmax"


class Transfer(NamedTuple):
    """A backbone with a head: `classifier.build_classifier` builds it."""

    backbone: str
    weights: str = "none"  # imagenet, none, or a file
    weights_identity: str = ""  # names the initial weights in the cache: random-<seed>, or a file's digest
    head: Head = Head()
    batchnorm_momentum: float | None = None  # None: as the architecture has it

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

    @property
    def name(self) -> str:
        """What tables call it."""
        return self.network
