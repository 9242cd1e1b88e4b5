"""The keys and values of `configs/*.yaml`: an experiment is data, read into frozen models.

Only commands, studies, experiments, galleries and runs read these models. Functions below them take plain named values,
or the parts of a recipe that `vocabulary` defines for both (a model, a phase, a movement).
"""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SerializerFunctionWrapHandler, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from pxr_tf.config.image import Image
from pxr_tf.config.model import Model
from pxr_tf.errors import nearest
from pxr_tf.rundir import CACHE
from pxr_tf.vocabulary.augmentation import Augmentation
from pxr_tf.vocabulary.model import NetworkModel, OnFeatures, Scratch, Transfer
from pxr_tf.vocabulary.training import Phase, Training
from pxr_tf.vocabulary.values import Amount, Count, Flag, Frozen, Name, Number, RunTag, SeedNumber, Share, Whole

TAKEN = ("all", "label", "origin", "split")  # names that tables of results use next to class names


def _not_the_cache(name: str) -> str:
    if name.lower() == CACHE:  # on some file systems Cache is the same folder
        raise PydanticCustomError("name", f"any name but {CACHE}, the folder in RUNS that runs share")
    return name


RecipeName = Annotated[Name, AfterValidator(_not_the_cache)]


class Splits(Frozen):
    """Which rows train and which test. Each scheme (`data.schemes`) uses the options that its function names."""

    scheme: str = "folds"  # folds, official, random, or a scheme that was added
    # balanced: one image per patient of the smallest class, and the same number of each other class; all: every image
    test_rows: Literal["balanced", "all"] = "all"
    folds: Annotated[Whole, Field(ge=2, le=1000)] = 5  # folds: their number
    # folds: share of the smallest class's patients: for validation, and again for testing
    holdout_fraction: Annotated[Number, Field(gt=0, lt=0.5)] = 0.15
    nested: Flag = False  # folds: a validation part inside each fold instead of epoch numbers from the hold-out
    nested_fraction: Annotated[Number, Field(gt=0, lt=0.5)] = 0.1  # folds: share of each class's training patients
    validation: Amount = 0.15  # official, random: a share, or a number of images, of the rows that are not test rows
    test: Share = 0.2  # random: share of the rows that test
    # random: what is split; image: a leaky split, as in some papers, and every figure says so
    unit: Literal["patient", "image"] = "patient"
    # added schemes: keyword arguments of their functions, in addition to the options above
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _no_option_twice(self) -> "Splits":
        twice = [name for name in self.options if name in type(self).model_fields]
        if twice:
            raise ValueError(f"options names {twice[0]!r}, which all schemes share; use splits.{twice[0]}")
        return self


class Balance(Frozen):
    """How many training rows of each class an epoch has."""

    cap: Count | None = None  # images per class at most, copies not counted
    oversample: tuple[str, ...] | Literal["all"] = ()  # classes that get augmented copies
    target: Count | None = None  # samples of an oversampled class; null: as many as the largest class


_RARE = ("permute_labels", "other_findings")  # keys that are written only if they are on


class Experiment(Frozen):
    """Everything that decides the numbers of a run, except the images: one variant of one recipe."""

    name: RecipeName  # the recipe's folder in RUNS
    variant: Name = "base"  # which of the recipe's variants this is
    published: str | None = None  # the paper to compare with: a file in evaluation/published
    classes: Annotated[tuple[Name, ...], Field(min_length=2)]  # in the order of all tables
    tag: RunTag = ""  # distinguishes run directories of one variant, e.g. by their classes
    # duplicates: drop all but one, drop only those with the same bytes (exact), or keep all
    duplicates: Literal["drop", "exact", "keep"] = "drop"
    # class -> the labels that it merges, such as pneumonia: [bacterial, viral]
    merge: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]] = Field(default_factory=dict)
    seed: SeedNumber = 0  # decides everything random
    image: Image  # size, resize mode, crop
    model: Model  # its kind and layers
    splits: Splits  # which rows train and which test
    balance: Balance = Balance()  # caps and oversampling
    augmentation: Augmentation = Augmentation()  # how training pictures are changed
    training: Training = Training()  # the numbers that all phases share
    phases: tuple[Phase, ...] = ()  # the steps of training, in order
    # model figures to draw of each fold; a model shows those that it has
    show: tuple[Literal["filters", "coefficients", "feature_maps"], ...] = ()
    # permute the labels of training and validation images, for comparison: there is then nothing to learn
    permute_labels: Flag = False
    # train and test on a data set's other findings too, such as covid-chestxray's bacterial and healthy X-rays
    other_findings: Flag = False

    @model_serializer(mode="wrap")
    def _without_rare_keys(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out keys that few runs have, to keep the digests by which tuning points are named."""
        return {key: value for key, value in serialize(self).items() if key not in _RARE or value}

    @model_validator(mode="after")
    def _every_phase_has_a_rate(self) -> "Experiment":
        shared = self.training.learning_rate
        missing = [phase.name for phase in self.phases if phase.learning_rate is None]
        if missing and shared is None:
            raise ValueError(f"phase {missing[0]!r} has no learning_rate; give it one, or all: training.learning_rate")
        if shared is not None and not missing:
            users = "every phase has its own" if self.phases else f"the model {self.model.kind} has no phases"
            raise ValueError(f"training.learning_rate received {shared:g}, but {users}; set it to null")
        return self

    @model_validator(mode="after")
    def _classes_fit_together(self) -> "Experiment":
        if len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes need different names; received {', '.join(self.classes)}")
        taken = [name for name in self.classes if name in TAKEN]
        if taken:
            raise ValueError(
                f"classes received {taken[0]!r}, which result tables use as a name; merge it under another name"
            )
        _check_merge(self.classes, self.merge)
        if self.balance.oversample != "all":
            _check_class_names("balance.oversample", self.balance.oversample, self.classes)
        if isinstance(self.training.class_weights, dict):
            _check_class_names("training.class_weights", self.training.class_weights, self.classes)
            missing = [name for name in self.classes if name not in self.training.class_weights]
            if missing:
                raise ValueError(f"training.class_weights has no number for {', '.join(missing)}; give one per class")
        if self.trains_network and self.model.output == "sigmoid" and len(self.classes) != 2:
            key = "model.head.output" if isinstance(self.model, Transfer) else "model.output"
            raise ValueError(
                f"{key} received sigmoid, which needs two classes; received {len(self.classes)} "
                f"({', '.join(self.classes)}). Set it to softmax, or merge classes: CLASSES=normal,ill=bacterial+viral"
            )
        return self

    @model_validator(mode="after")
    def _phases_fit_together(self) -> "Experiment":
        if self.trains_network and not self.phases:
            raise ValueError("phases received an empty list; a network needs one phase or more")
        if self.phases and not self.trains_network:
            raise ValueError(f"phases are for networks, not for the model {self.model.kind}; leave them out")
        names = [phase.name for phase in self.phases]
        if len(set(names)) < len(names):
            raise ValueError(f"phases need different names; received {', '.join(names)}")
        first_whole = next((number for number, phase in enumerate(self.phases) if phase.train == "all"), len(names))
        # Cached features come from the initial backbone, so the head trains first.
        if any(phase.train == "head" for phase in self.phases[first_whole:]):
            raise ValueError("phases that train only the head must come before phases that train all")
        if isinstance(self.model, Scratch) and self.freezes_backbone:
            raise ValueError(f"phases that train only the head need a backbone; the network {self.model.name} has none")
        if isinstance(self.model, OnFeatures) and self.trains_backbone:
            raise ValueError("phases of the model on_features train only the head; the rest is another run's network")
        updates = any(phase.batchnorm == "update" for phase in self.phases)
        if self.training.batchnorm_statistics == "measured" and not updates:
            raise ValueError("training.batchnorm_statistics: measured needs a phase with batchnorm: update")
        if self.splits.nested and not self.watches_validation:
            raise ValueError(
                "splits.nested needs a phase with patience or keep: best; now the last epoch always counts"
            )
        return self

    @property
    def rated_phases(self) -> tuple[Phase, ...]:
        """The phases, each with its learning rate."""
        shared = {"learning_rate": self.training.learning_rate}
        return tuple(phase.model_copy(update=shared) if phase.learning_rate is None else phase for phase in self.phases)

    @property
    def trains_network(self) -> bool:
        """Whether phases train a network."""
        return isinstance(self.model, NetworkModel)

    @property
    def watches_validation(self) -> bool:
        """Whether the validation loss decides which epoch counts, in any phase."""
        return any(phase.keeps_best for phase in self.phases)

    @property
    def freezes_backbone(self) -> bool:
        """Whether any phase trains only the head, on cached features."""
        return any(phase.train == "head" for phase in self.phases)

    @property
    def trains_backbone(self) -> bool:
        """Whether any phase trains all layers."""
        return any(phase.train == "all" for phase in self.phases)

    @property
    def chooses_epochs(self) -> bool:
        """Whether folds take their epoch numbers from a hold-out: validation chooses some, but not inside each fold."""
        return self.splits.scheme == "folds" and not self.splits.nested and self.watches_validation

    @property
    def needs_stage_one(self) -> bool:
        """Whether the model is on the features of another run (stage one), which must be finished first."""
        return isinstance(self.model, OnFeatures)

    @property
    def backbone(self) -> str:
        """The backbone's name; empty for a model without a backbone."""
        return self.model.backbone if isinstance(self.model, Transfer) else ""

    @property
    def stem(self) -> str:
        """Variant and model, each once, as two models under one variant are two runs."""
        return self.variant if self.model.name == self.variant else f"{self.variant}-{self.model.name}"


def _check_class_names(key: str, names: Iterable[str], classes: tuple[str, ...]) -> None:
    for name in names:
        if name not in classes:
            close = nearest(str(name), classes)
            raise ValueError(f"{key} names {name!r}; the classes are {', '.join(classes)}{close and '.' + close}")


def _check_merge(classes: tuple[str, ...], merge: dict[str, tuple[str, ...]]) -> None:
    _check_class_names("merge", merge, classes)
    times = Counter(label for labels in merge.values() for label in labels)
    twice = [label for label, count in times.items() if count > 1]
    if twice:
        raise ValueError(f"merge puts {twice[0]!r} into a class twice; each label goes into one")
    both = [label for target, labels in merge.items() for label in labels if label in classes and label != target]
    if both:
        raise ValueError(f"merge puts {both[0]!r} into another class, but it is also a class of its own; leave one out")
