"""What `configs/*.yaml` may say: an experiment is a file of data, read into frozen models.

Only commands and stories read these models; below them functions take plain named values.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Image(_Frozen):
    """How a file becomes the square picture that a network sees."""

    size: Annotated[int, Field(ge=32, le=2048)]  # pixels, both sides
    resize: Literal["squash", "pad"] = "squash"  # squash: aspect lost (bozickovic2021); pad: kept, on black


class Model(_Frozen):
    """The network."""

    backbone: str
    weights: str  # imagenet, none, or a file
    hidden_units: tuple[Positive, ...] = (256,)  # fully connected layers before the softmax
    batchnorm_momentum: Annotated[float, Field(gt=0, lt=1)] | None = None  # null: as the architecture has it


class Splits(_Frozen):
    """Who trains and who tests. Patients are split, never images."""

    folds: Annotated[int, Field(ge=2)]
    # balanced: one image per patient of the smallest class and as many of each other class; all: every image
    test_rows: Literal["balanced", "all"]
    # of the smallest class's patients: validation, and again test
    holdout_fraction: Annotated[float, Field(gt=0, lt=0.5)]
    nested: bool = False  # a validation part inside each fold instead of epoch numbers from the hold-out
    nested_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.1  # of each class's training patients


class Balance(_Frozen):
    """Which training rows an epoch has."""

    cap: Positive | None = None  # images per class at most, copies not counted
    oversample: tuple[str, ...] | Literal["all"] = ()  # classes that get augmented copies
    target: Positive | None = None  # how many samples such a class then has; null: as many as the largest class


class Augmentation(_Frozen):
    """Names of presets in `data/augment.py`."""

    copies: str = "none"  # for the copies that oversampling adds: fixed pictures, computed once
    epochs: str = "none"  # for every training row of a phase that trains all layers: new in each epoch


class Training(_Frozen):
    """The numbers that all phases share."""

    batch_size: Positive = 32
    xla: bool | Literal["auto"] = "auto"  # auto: off; true: perhaps faster on a GPU, but never the same bytes twice
    precision: Literal["auto", "float32", "mixed_bfloat16"] = "auto"  # auto: mixed_bfloat16 on a GPU only
    mirror_predictions: bool = False  # average the predictions of a picture and of its mirror image


class Phase(_Frozen):
    """One compile and fit: what trains, how, and for how long."""

    name: str
    train: Literal["head", "all"]
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: Annotated[float, Field(gt=0)]
    epsilon: Annotated[float, Field(gt=0)] = 1e-7  # adam, adamw
    momentum: Fraction = 0.0  # sgd
    weight_decay: Annotated[float, Field(ge=0)] = 0.0  # adamw
    decay: Literal["constant", "cosine"] = "constant"  # cosine: half an epoch of warm-up, then to 0 at max_epochs
    label_smoothing: Fraction = 0.0
    batchnorm: Literal["frozen", "update"] = "frozen"  # frozen: inference mode, nothing of it moves
    max_epochs: Positive
    patience: Positive | None = None  # epochs without a better validation loss; null: always max_epochs

    @model_validator(mode="after")
    def _no_idle_numbers(self) -> "Phase":
        users = {"epsilon": ("adam", "adamw"), "momentum": ("sgd",), "weight_decay": ("adamw",)}
        for field, optimizers in users.items():
            idle = getattr(self, field) != type(self).model_fields[field].default
            if idle and self.optimizer not in optimizers:
                raise ValueError(f"{field} is used by {' and '.join(optimizers)} only, not by {self.optimizer}")
        if self.train == "head" and self.batchnorm == "update":
            raise ValueError("batchnorm: update is for phases that train all; a frozen backbone keeps its BatchNorm")
        return self


class Strategy(_Frozen):
    """A tuple of phases, and the dropout before the fully connected layers."""

    dropout: Fraction = 0.0
    phases: Annotated[tuple[Phase, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _phases_fit_together(self) -> "Strategy":
        names = [phase.name for phase in self.phases]
        if len(set(names)) < len(names):
            raise ValueError(f"phases need different names; received {', '.join(names)}")
        trains = [phase.train for phase in self.phases]
        if trains != sorted(trains, reverse=True):  # the cached features are those of the initial backbone
            raise ValueError("phases that train the head only come before those that train all")
        return self


class Experiment(_Frozen):
    """Everything that decides the numbers of a run, the images aside."""

    name: Annotated[str, Field(pattern=r"^[\w.-]+$")]
    published: str | None = None  # the entry of published_results.yaml to compare with
    classes: Annotated[tuple[str, ...], Field(min_length=2)]
    seed: Annotated[int, Field(ge=0)] = 0
    strategy: int
    image: Image
    model: Model
    splits: Splits
    balance: Balance
    augmentation: Augmentation
    training: Training
    strategies: dict[int, Strategy]

    @model_validator(mode="after")
    def _names_are_known(self) -> "Experiment":
        if len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes need different names; received {', '.join(self.classes)}")
        if self.strategy not in self.strategies:
            known = ", ".join(map(str, sorted(self.strategies)))
            raise ValueError(f"unknown strategy {self.strategy}; known: {known}")
        unknown = sorted(set(self.balance.oversample) - set(self.classes)) if self.balance.oversample != "all" else []
        if unknown:
            raise ValueError(f"balance.oversample names {unknown[0]!r}; the classes are {', '.join(self.classes)}")
        if self.splits.nested and not any(phase.patience for phase in self.phases):
            raise ValueError("splits.nested needs a phase with patience; every phase here runs its max_epochs")
        return self

    @property
    def dropout(self) -> float:
        """The chosen strategy's dropout rate."""
        return self.strategies[self.strategy].dropout

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The chosen strategy's phases."""
        return self.strategies[self.strategy].phases

    @property
    def chooses_epochs(self) -> bool:
        """Whether epoch numbers come from the hold-out: some phase stops early, and not inside each fold."""
        return not self.splits.nested and any(phase.patience is not None for phase in self.phases)
