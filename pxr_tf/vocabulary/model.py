"""The models, a class each. A recipe's ``model`` is read into one of them, and a learner trains it."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pxr_tf.errors import count_words
from pxr_tf.vocabulary.values import Count, Fraction, Frozen, Number, Share, Text, Units, Whole

Output = Literal["softmax", "sigmoid"]  # sigmoid: two classes, one output: the second class's probability
Size = tuple[int, ...] | tuple[float, ...] | float  # of a network: a number, or a number per layer


class Head(Frozen):
    """The layers after the pooled features: dropout, fully connected layers, the output."""

    hidden_units: tuple[Units, ...] = (256,)  # of the fully connected layers before the output
    dropout: Fraction = 0.0  # before the first fully connected layer
    output: Output = "softmax"  # sigmoid: for two classes, with one output


class Transfer(Frozen):
    """A backbone and a head, trained by phases."""

    kind: Literal["transfer"] = "transfer"  # a backbone with a head
    backbone: Text  # its name, such as xception
    weights: Text  # imagenet, none, or a file
    head: Head = Head()  # dropout, fully connected layers, the output
    batchnorm_momentum: Share | None = None  # null: the architecture's own

    @property
    def name(self) -> str:
        """The name that distinguishes this model from others under the same variant."""
        return self.backbone

    @property
    def output(self) -> Output:
        """The activation of its last layer."""
        return self.head.output


class Scratch(Frozen):
    """A paper's own network (`models.networks`), from pixels to probabilities, trained by phases from random weights.

    Each network takes only the sizes that it names; null means its own default.
    """

    kind: Literal["scratch"] = "scratch"  # a paper's own network
    network: Text  # its name, such as small_cnn
    output: Output = "softmax"  # sigmoid: for two classes, with one output
    channels: Annotated[tuple[Units, ...], Field(min_length=1)] | None = None  # of its convolutions
    # side of each convolution's kernel, in pixels
    kernel_sizes: Annotated[tuple[Annotated[Whole, Field(gt=0, le=31)], ...], Field(min_length=1)] | None = None
    dropout: tuple[Fraction, ...] | None = None  # where the network has dropout, in order
    hidden_units: tuple[Units, ...] | None = None  # of its fully connected layers before the last
    negative_slope: Annotated[Number, Field(ge=0, le=1)] | None = None  # of its leaky activations, below 0
    batchnorm_momentum: Share | None = None  # of its moving averages

    @property
    def name(self) -> str:
        """The name that distinguishes this model from others under the same variant."""
        return self.network

    @property
    def sizes(self) -> dict[str, Size]:
        """The given sizes, by name."""
        return self.model_dump(exclude={"kind", "network", "output"}, exclude_none=True)


class OnFeatures(Frozen):
    """A small network on the pooled features of another run's model (stage one); its phases train only that network."""

    kind: Literal["on_features"] = "on_features"  # stage two of two
    of: Text  # stage one: a variant of this recipe, run with the same seed and splits; or a run directory
    backbone: Text | None = None  # that the variant `of` was run with; null: its own, filled in by the loader
    hidden_units: tuple[Units, ...] = (256,)  # of its fully connected layers before the output
    activation: Literal["relu", "sigmoid", "tanh"] = "relu"  # of these layers
    dropout: tuple[Fraction, ...] = ()  # after each of these layers; empty: no dropout
    output: Output = "softmax"  # sigmoid: for two classes, with one output

    @model_validator(mode="after")
    def _fits_together(self) -> "OnFeatures":
        if len(self.dropout) not in (0, len(self.hidden_units)):
            raise ValueError(
                f"dropout received {count_words(len(self.dropout), 'number')} for "
                f"{count_words(len(self.hidden_units), 'layer')} (hidden_units); accepted: one per layer, or none"
            )
        if self.backbone is not None and not self.of_variant:
            raise ValueError(
                f"backbone received {self.backbone}, but stage one is a run directory ({self.of}) with its own; "
                "leave it out"
            )
        return self

    @property
    def of_variant(self) -> bool:
        """Whether `of` names a variant; a text with a slash is a run directory."""
        return "/" not in self.of

    @property
    def name(self) -> str:
        """The name that distinguishes this model from others under the same variant."""
        return self.backbone or self.kind


class Linear(Frozen):
    """Multinomial logistic regression on the pixels, by scikit-learn."""

    kind: Literal["linear"] = "linear"  # logistic regression
    # added to the mean loss: l2 / 2 * the sum of the squared coefficients; scikit-learn's C is 1 / (l2 * images)
    l2: Annotated[Number, Field(ge=1e-9, le=1e6)] = 1e-3
    solver: Literal["lbfgs", "newton-cg", "sag", "saga"] = "lbfgs"  # of scikit-learn
    max_iterations: Annotated[Count, Field(le=100_000)] = 100  # the solver stops there
    tolerance: Annotated[Number, Field(ge=1e-12, le=1)] = 1e-4  # the solver stops if it improves by less

    @property
    def name(self) -> str:
        """The name that distinguishes this model from others under the same variant."""
        return self.kind


NetworkModel = Transfer | Scratch | OnFeatures  # networks, which phases train
