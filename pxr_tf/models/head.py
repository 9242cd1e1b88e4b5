"""What comes after the pooled features, as a plain value. Importing this room loads no Keras."""

from typing import Literal, NamedTuple


class Head(NamedTuple):
    """Dropout, fully connected layers, and the output."""

    hidden_units: tuple[int, ...] = (256,)  # of the fully connected layers before the output
    dropout: float = 0.0  # before the first of them
    output: Literal["softmax", "sigmoid"] = "softmax"  # sigmoid: of two classes, the second one's probability
