"""How a model is trained: the numbers that all phases share, and the phases."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pxr_tf.vocabulary.values import EpochCount, Flag, Fraction, Frozen, Name, Number, Rate, Whole

ClassWeights = Literal["balanced"] | dict[str, Annotated[Number, Field(ge=1e-6, le=1e6)]] | None


class Training(Frozen):
    """The numbers that all phases share."""

    learning_rate: Rate | None = None  # of the phases without their own
    batch_size: Annotated[Whole, Field(gt=0, le=65_536)] = 32  # if larger than the training part: one batch of all
    # weight of a sample in the loss: balanced (equal total per class, from the training samples), or a number per class
    class_weights: ClassWeights = None
    xla: Flag | Literal["auto"] = "auto"  # auto: off; true: perhaps faster on a GPU, but runs differ in their bytes
    precision: Literal["auto", "float32", "mixed_bfloat16"] = "auto"  # auto: mixed_bfloat16 on a GPU only
    # threads per operation; they decide the last digits; auto: one per processor that a run may use when it begins
    threads: Annotated[Whole, Field(gt=0, le=1024)] | Literal["auto"] = "auto"
    # what computes a frozen backbone's features; auto: LiteRT where it is faster, is installed and computes on a CPU
    extractor: Literal["auto", "tensorflow", "litert"] = "auto"
    # moving: averages from training; measured: of training pictures, without dropout, after the last phase
    batchnorm_statistics: Literal["moving", "measured"] = "moving"
    mirror_predictions: Flag = False  # average the probabilities of a picture and its mirror image


class Phase(Frozen):
    """One compile and fit: which layers train, how, and for how long."""

    name: Name  # for tables and logs
    train: Literal["head", "all"]  # head: the backbone is frozen
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"  # of Keras
    learning_rate: Rate | None = None  # null: training.learning_rate; filled in before a learner gets its phases
    epsilon: Rate = 1e-7  # of adam and adamw
    momentum: Fraction = 0.0  # of sgd
    weight_decay: Annotated[Number, Field(ge=0, le=1000)] = 0.0  # of adamw
    l2: Annotated[Number, Field(ge=0, le=1000)] = 0.0  # added to the loss: l2 / 2 * the sum of the squares of l2_on
    # the weights that l2 acts on; all: also biases, scales and offsets of normalisation, as PyTorch's weight_decay does
    l2_on: Literal["kernels", "all"] = "kernels"
    decay: Literal["constant", "cosine"] = "constant"  # cosine: half an epoch of warm-up, then to 0 at max_epochs
    label_smoothing: Fraction = 0.0  # as in Keras
    batchnorm: Literal["frozen", "update"] = "frozen"  # frozen: inference mode, nothing in it changes
    max_epochs: EpochCount  # the phase ends there at the latest
    patience: EpochCount | None = None  # epochs without a better validation loss; null: always max_epochs
    # which epoch counts: the one with the lowest validation loss, or the last; null: best with patience, else last
    keep: Literal["best", "last"] | None = None

    @model_validator(mode="after")
    def _no_idle_numbers(self) -> "Phase":
        users = {"epsilon": ("adam", "adamw"), "momentum": ("sgd",), "weight_decay": ("adamw",)}
        for field, optimizers in users.items():
            idle = getattr(self, field) != type(self).model_fields[field].default
            if idle and self.optimizer not in optimizers:
                raise ValueError(f"{field} is used by {' and '.join(optimizers)} only, not by {self.optimizer}")
        if self.train == "head" and self.batchnorm == "update":
            raise ValueError("batchnorm: update is for phases that train all; a frozen backbone keeps its BatchNorm")
        if self.keep == "last" and self.patience is not None:
            raise ValueError(
                "keep: last is for phases without patience; a phase that stops early returns to its best epoch"
            )
        return self

    @property
    def loss_words(self) -> str:
        """What the loss is besides the cross-entropy that all phases share; "" if it is nothing else."""
        where = "the head" if self.train == "head" else "all layers"
        smoothed = [f"label smoothing {self.label_smoothing:g}"] if self.label_smoothing else []
        return ", ".join(smoothed + ([f"L2 {self.l2:g} of {where}"] if self.l2 else []))

    @property
    def keeps_best(self) -> bool:
        """Whether the epoch with the lowest validation loss counts, not the last epoch."""
        return self.keep == "best" or self.patience is not None
