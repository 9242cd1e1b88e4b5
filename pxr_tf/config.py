"""An experiment is a file of data: frozen models of what `configs/*.yaml` may say, and how one is loaded.

Only the command and the cross-validation story read these models; below them functions take plain named values.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pxr_tf.errors import PxrError, accepted_value, nearest, shown

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


def configs_folder() -> Path:
    """Return the folder of the recipes: inside the package where it was installed as a wheel, else beside it."""
    package = Path(__file__).parent
    return next(folder for folder in (package / "configs", package.parent / "configs") if folder.is_dir())


def load_experiment(path: str | Path, overrides: Mapping[str, Any] | None = None) -> Experiment:
    """Return the experiment of a YAML file, or of a recipe's name, with dotted keys replaced (``{"splits.folds": 3}``).

    Raises `PxrError` in one line for a missing file, an unknown key or an impossible value.
    """
    file = _find(path)
    try:
        values = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PxrError(f"{file} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise PxrError(f"{file} holds {shown(values)}; an experiment is a mapping of keys to values.")
    values = _unshared(values)
    for key, value in (overrides or {}).items():
        _replace(values, key, value)
    return parse_experiment(values, str(file))


def parse_experiment(values: Mapping[str, Any], origin: str) -> Experiment:
    """Return the validated experiment; `origin` names it in the `PxrError` for a bad one."""
    try:
        return Experiment.model_validate(values)
    except ValidationError as error:
        raise PxrError(f"{origin}: {_explain(error.errors())}") from error


def parse_override(text: str) -> tuple[str, Any]:
    """Return (dotted key, value) of ``key=value``; the value is read as YAML. Raises `PxrError`."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise PxrError(f"--set received {text!r}; accepted: key=value, e.g. --set training.batch_size=16.")
    try:
        return key.strip(), yaml.load(value, Loader=_Loader)
    except yaml.YAMLError as error:
        raise PxrError(f"--set received {text!r}; {value!r} is not valid YAML. Try quotes around it.") from error


def dump_experiment(experiment: Experiment) -> str:
    """Return the experiment as YAML; `load_experiment` reads it back to an equal one."""
    return yaml.safe_dump(experiment.model_dump(), sort_keys=False, allow_unicode=True)


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return the dotted keys whose values differ, each with both: ``"seed: 0, now 1"``."""
    lines = []
    for key in sorted({*ours, *theirs}, key=str):
        one, other = theirs.get(key), ours.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            lines += differences(other, one, f"{prefix}{key}.")
        elif one != other:
            lines.append(f"{prefix}{key}: {one}, now {other}")
    return lines


class _Loader(yaml.SafeLoader):
    """YAML 1.1 takes ``1e-5`` for text; here it is a number, as everyone expects."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+0123456789.")
)


def _find(path: str | Path) -> Path:
    candidates = [Path(path), configs_folder() / f"{path}.yaml"]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    names = sorted(file.stem for file in configs_folder().glob("*.yaml"))
    raise PxrError(
        f"No experiment {str(path)!r}. Give a YAML file or one of: {', '.join(names)}.{nearest(str(path), names)}"
    )


def _unshared(value: Any) -> Any:
    """Return a copy of YAML values in which an anchor's places are separate: replacing in one leaves the others."""
    if isinstance(value, dict):
        return {key: _unshared(item) for key, item in value.items()}
    return [_unshared(item) for item in value] if isinstance(value, list) else value


def _replace(values: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    place: Any = values
    for parent in parents:
        step = _step(place, parent, key)
        place = place[step] if isinstance(place, list) else place.setdefault(step, {})
        if not isinstance(place, dict | list):
            raise PxrError(f"The key {key!r} goes through {parent!r}, which is the single value {place!r}.")
    place[_step(place, last, key)] = value


def _step(place: dict[Any, Any] | list[Any], part: str, key: str) -> str | int:
    """Return what a part of a dotted key names in a mapping or a list; raise `PxrError` for a place outside a list."""
    if isinstance(place, list) and (not part.isdigit() or int(part) >= len(place)):
        raise PxrError(f"The key {key!r} names the item {part!r} of a list; accepted: 0 to {len(place) - 1}.")
    return int(part) if part.isdigit() else part


def _explain(errors: list[Any]) -> str:
    """Return one line for the first of pydantic's errors; a value that may be this or that has one for each."""
    first, place = errors[0], _place(errors[0])
    if first["type"] == "extra_forbidden":
        known = _fields_at(first["loc"][:-1])
        return f"unknown key {place!r}. Known here: {', '.join(known)}.{nearest(str(first['loc'][-1]), known)}"
    if first["type"] == "missing":
        return f"the key {place!r} is missing."
    if first["type"] == "value_error":
        message = first["msg"].removeprefix("Value error, ")
        return f"{place}: {message}." if place else f"{message}."
    accepted = [accepted_value(error) for error in errors if _place(error) == place]
    return f"{place} received {shown(first['input'])}; accepted: {', or '.join(dict.fromkeys(accepted))}."


def _place(error: Any) -> str:
    """Return the dotted key; pydantic adds the branch of a union to it (``training.xla.bool``), or ``[key]``."""
    extra = error["type"] == "extra_forbidden"
    parts = [str(part) for part in error["loc"]]
    return ".".join(part for part in parts if extra or not part.startswith(("bool", "[key]", "tuple[", "literal[")))


def _fields_at(location: tuple[Any, ...]) -> list[str]:
    model: Any = Experiment
    parts = {"image": Image, "model": Model, "splits": Splits, "balance": Balance, "augmentation": Augmentation}
    parts |= {"training": Training, "strategies": Strategy, "phases": Phase}
    for part in location:
        model = parts.get(part, model)
    return list(model.model_fields)
