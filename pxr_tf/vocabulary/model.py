"""The models that there are, a class each: a recipe's ``model`` is read into one, and learners train what it says."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pxr_tf.errors import count_words
from pxr_tf.vocabulary.values import Count, Fraction, Frozen, Number, Share, Text, Units, Whole

Output = Literal["softmax", "sigmoid"]  # sigmoid: two classes, one output: the second class's probability
Size = tuple[int, ...] | tuple[float, ...] | float  # of a network: a number, or one for each of its layers


class Head(Frozen):
    """What comes after the pooled features: dropout, fully connected layers, the output."""

    hidden_units: tuple[Units, ...] = (256,)
    dropout: Fraction = 0.0  # before the first fully connected layer
    output: Output = "softmax"


class Transfer(Frozen):
    """A backbone and a head, trained by phases."""

    kind: Literal["transfer"] = "transfer"
    backbone: Text
    weights: Text  # imagenet, none, or a file
    head: Head = Head()
    batchnorm_momentum: Share | None = None  # null: as the architecture has it

    @property
    def name(self) -> str:
        """What tells this model from others under the same variant."""
        return self.backbone

    @property
    def output(self) -> Output:
        """What its last layer computes."""
        return self.head.output


class Scratch(Frozen):
    """A paper's own network (`models.networks`), from pixels to probabilities, trained by phases from random weights.

    Each network takes those of the sizes that it names; null is its own.
    """

    kind: Literal["scratch"] = "scratch"
    network: Text
    output: Output = "softmax"
    channels: Annotated[tuple[Units, ...], Field(min_length=1)] | None = None  # of its convolutions
    kernel_sizes: Annotated[tuple[Annotated[Whole, Field(gt=0, le=31)], ...], Field(min_length=1)] | None = None
    dropout: tuple[Fraction, ...] | None = None
    hidden_units: tuple[Units, ...] | None = None  # of its fully connected layers before the last
    negative_slope: Annotated[Number, Field(ge=0, le=1)] | None = None  # of its leaky activations, below 0
    batchnorm_momentum: Share | None = None

    @property
    def name(self) -> str:
        """What tells this model from others under the same variant."""
        return self.network

    @property
    def sizes(self) -> dict[str, Size]:
        """The sizes that are given, by name."""
        return self.model_dump(exclude={"kind", "network", "output"}, exclude_none=True)


class OnFeatures(Frozen):
    """A small network on the pooled features of another run's model; its phases train that network alone."""

    kind: Literal["on_features"] = "on_features"
    of: Text  # the first run: a variant of this recipe, run with the same seed and splits; or a run directory
    backbone: Text | None = None  # what the variant `of` was run with; null: its own, filled in by the loader
    hidden_units: tuple[Units, ...] = (256,)  # of the fully connected layers before the output
    activation: Literal["relu", "sigmoid", "tanh"] = "relu"  # of these layers
    dropout: tuple[Fraction, ...] = ()  # after each of these layers; empty: none
    output: Output = "softmax"

    @model_validator(mode="after")
    def _fits_together(self) -> "OnFeatures":
        if len(self.dropout) not in (0, len(self.hidden_units)):
            raise ValueError(
                f"dropout received {count_words(len(self.dropout), 'number')} for "
                f"{count_words(len(self.hidden_units), 'layer')} (hidden_units); accepted: one for each, or none at all"
            )
        if self.backbone is not None and not self.of_variant:
            raise ValueError(
                f"backbone received {self.backbone}, but the first run is a folder ({self.of}), which knows its own; "
                "leave it out"
            )
        return self

    @property
    def of_variant(self) -> bool:
        """Whether `of` names a variant; what has a slash is a run directory."""
        return "/" not in self.of

    @property
    def name(self) -> str:
        """What tells this model from others under the same variant."""
        return self.backbone or self.kind


class Linear(Frozen):
    """Multinomial logistic regression on the pixels, by scikit-learn."""

    kind: Literal["linear"] = "linear"
    # added to the mean loss: l2 / 2 * the sum of the squared coefficients; scikit-learn's C is 1 / (l2 * images)
    l2: Annotated[Number, Field(ge=1e-9, le=1e6)] = 1e-3
    solver: Literal["lbfgs", "newton-cg", "sag", "saga"] = "lbfgs"
    max_iterations: Annotated[Count, Field(le=100_000)] = 100
    tolerance: Annotated[Number, Field(ge=1e-12, le=1)] = 1e-4

    @property
    def name(self) -> str:
        """What tells this model from others under the same variant."""
        return self.kind


NetworkModel = Transfer | Scratch | OnFeatures  # networks, which phases train
